// What is kept of an error's message: all of it but what looks like a key.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { errorMetadata } from "../../src/calls/error_metadata.ts";

const messageOf = (message: string) => errorMetadata(new Error(message))["error.message"];

test("an error's message is kept without what looks like a key, a token or a password", () => {
  const messages: Record<string, string> = {
    "Incorrect API key provided: sk-proj-abcdefghijklmnop.": "Incorrect [secret]",
    "no access for sk-proj-abcdefghijklmnop": "no access for [secret]",
    "no such key key-0123456789": "no such key [secret]",
    "no access for AIzaSyA0123456789abcdefghij.": "no access for [secret].",
    "no access for ya29.c.b0123456789abcdefghij": "no access for [secret]",
    "no access for AQ.Ab8RN6abcdefghijklmnopqrstuv": "no access for [secret]",
    "unknown api_0123456789abcdef": "unknown [secret]",
    "unknown api-abcdefghijklmnopqrstuvwxyzabcdefgh": "unknown [secret]",
    "header Authorization was Bearer abc123def456": "header Authorization was [secret]",
    "Basic dXNlcjpwYXNzd29yZA== is refused": "[secret] is refused",
    "Authorization: Basic dXNlcjpwYXNz is refused": "[secret] is refused",
    "authorization: Bearer abc.def": "[secret]",
    "password=hunter22 was wrong": "[secret] was wrong",
    "SECRET_KEY=abcd1234 was wrong": "[secret] was wrong",
    "passphrase: hunter22 was wrong": "[secret] was wrong",
    "accessToken=abcd was wrong": "[secret] was wrong",
    'got {\\"password\\":\\"hunter22\\"} back': 'got {\\"[secret]"} back',
    "no access for glpat-abcdefghijklmnop": "no access for [secret]",
    "connect postgres://u:p@ss@h.example/db": "connect postgres://[secret]@h.example/db",
    "GET https://h.example/v1?key=abc failed": "GET https://h.example/v1?[secret] failed",
    "connect https://user:pass@h.example": "connect https://[secret]@h.example",
    "clone https://0123456789abcdef@h.example": "clone https://[secret]@h.example",
    "GET wss://h.example/v1?key=abc failed": "GET wss://h.example/v1?[secret] failed",
    "no access for hf_abcdefghijklmnopqrst": "no access for [secret]",
    "no access for ghp_0123456789abcdefghij": "no access for [secret]",
    "no access for github_pat_0123456789abcdefghij": "no access for [secret]",
    "no access for AKIAIOSFODNN7EXAMPLE.": "no access for [secret].",
    "got the headers cookie: session=abcdef; theme=dark\nand host: h":
      "got the headers [secret]\nand host: h",
    '{"set-cookie":"session=abcdef; Path=/","host":"h"}': '{"[secret]","host":"h"}',
  };
  for (const [message, kept] of Object.entries(messages)) assertEquals(messageOf(message), kept);
});

test("a secret that is where the message is cut is found as a whole", () => {
  for (const secret of ["ghp_0123456789abcdefghij", "sk-proj-abcdefghijklmnop"]) {
    for (let before = 960; before <= 1000; before++) {
      const message = messageOf(
        `${"a ".repeat(500).slice(0, before)} ${secret} was wrong`,
      ) as string;
      assertEquals(message.length <= 1001, true);
      assertEquals(/ghp|sk-/.test(message), false, message.slice(940));
    }
  }
});

test("words of an error's message are kept that only begin as a key does", () => {
  for (
    const message of [
      "api_connection_error",
      "the type is api_error_without_a_code, see key_not_found_in_project",
      "Basic information is missing; bearer authorization is expected",
      "connect to api-inference.huggingface.co failed",
      "see https://h.example/@scope/name and mail to a@h.example",
      "cookies are not allowed, and no cookie was sent",
    ]
  ) assertEquals(messageOf(message), message);
});

test("an error without a class is of the type that it says, as providers have it", () => {
  const typeOf = (error: unknown) => errorMetadata(error)["error.type"];
  assertEquals(typeOf({ type: "overloaded_error", message: "Busy." }), "overloaded_error");
  assertEquals(typeOf({ type: "error", code: "server_error", message: "Broke." }), "server_error");
  assertEquals(typeOf({ code: "ECONNRESET" }), "ECONNRESET");
  assertEquals(typeOf({ name: "Timeout", type: "late" }), "Timeout");
  assertEquals(typeOf({ type: "error" }), "error");
  assertEquals(typeOf({ type: "not a type" }), "_OTHER");
  assertEquals(typeOf({ message: "Broke." }), "_OTHER");
  assertEquals(typeOf(new TypeError("x")), "TypeError");
});

test("a message that tells no reason gets the code of what caused it", () => {
  const failed = (cause: unknown) =>
    errorMetadata(new TypeError("fetch failed", { cause }))["error.message"];
  const refused = Object.assign(new AggregateError([]), { code: "ECONNREFUSED" });
  assertEquals(failed(refused), "fetch failed (ECONNREFUSED)");
  assertEquals(failed(new Error("Outer", { cause: refused })), "fetch failed (ECONNREFUSED)");
  assertEquals(failed(new Error("No code")), "fetch failed");
  assertEquals(failed({ code: "what someone wrote" }), "fetch failed");
  const told = new Error("connect ECONNREFUSED ::1:80", { cause: refused });
  assertEquals(errorMetadata(told)["error.message"], told.message);
  const endless = new Error("Round");
  endless.cause = endless;
  assertEquals(errorMetadata(endless)["error.message"], "Round");
});

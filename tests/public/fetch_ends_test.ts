// auditFetch(): streams that end too early, errors that do not end, streams that do not say that they are some.

import { assert, assertEquals } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { test } from "node:test";
import { about, only } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { serving } from "../support/serving.ts";

const STREAM = { ...QUESTION, stream: true };

/** How a call ended, with what. */
async function ending(log: AuditLog): Promise<unknown[]> {
  const { outputText, metadata } = await only(log);
  return [metadata["audit.outcome"], metadata["error.type"], outputText];
}

const chunk = (content: string, finish_reason: string | null = null, index = 0) => ({
  model: "m",
  choices: [{ index, delta: { content }, finish_reason }],
});
const sse = (...events: (string | object)[]): string =>
  events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
    .join("");

for (const path of ["chat/completions", "responses", "messages"]) {
  const body = path === "responses"
    ? { model: "m", input: "Hi", stream: true }
    : { ...STREAM, max_tokens: 9 };
  // How many events come before the first piece of text.
  const ahead = { "chat/completions": 1, responses: 4, messages: 3 }[path]!;

  test(`a stream that ends too early is recorded as failed, with what came: ${path}`, async (t) => {
    const { provider, log, fetch } = await fetched(t);
    const reply = { text: ["Pa", "ris"], endAfter: ahead + 1 };
    provider.reply(reply, reply);
    const url = `${provider.url}/v1/${path}`;
    const wanted = await (await globalThis.fetch(url, post(body))).text();
    assertEquals(await (await fetch(url, post(body))).text(), wanted);
    assertEquals(await ending(log), ["failed", "incomplete_stream", "Pa"]);
  });

  test(`a stream that ends before it brought anything is recorded as failed: ${path}`, async (t) => {
    const { provider, log, fetch } = await fetched(t);
    provider.reply({ text: "Paris", endAfter: 0 });
    assertEquals(await (await fetch(`${provider.url}/v1/${path}`, post(body))).text(), "");
    assertEquals(await ending(log), ["failed", "incomplete_stream", ""]);
  });

  test(`a stream that is whole is completed: ${path}`, async (t) => {
    const { provider, log, fetch } = await fetched(t);
    await (await fetch(`${provider.url}/v1/${path}`, post(body))).text();
    assertEquals(await ending(log), ["completed", undefined, "Hello!"]);
  });
}

const ends: [what: string, text: string, outcome: string][] = [
  ["[DONE], and no reason", sse(chunk("Paris"), "[DONE]"), "completed"],
  ["[DONE] and a space", sse(chunk("Paris"), "[DONE] "), "completed"],
  ["a reason, and no [DONE]", sse(chunk("Paris", "stop")), "completed"],
  ["the reason of one choice of two", sse(chunk("A", "stop"), chunk("B", null, 1)), "failed"],
  ["an event that is not ended", sse(chunk("Paris")) + "data: [DONE]", "failed"],
  ["usage alone", sse({ choices: [], usage: { prompt_tokens: 1 } }), "failed"],
];
for (const [what, text, outcome] of ends) {
  test(`a chat completion that ends with ${what} is ${outcome}`, async (t) => {
    const url = await serving(t, (response) => {
      // HTTP as it was: the end of the body is the end of the connection.
      response.useChunkedEncodingByDefault = false;
      response.writeHead(200, { "content-type": "text/event-stream", connection: "close" });
      response.end(text);
    });
    const { log, fetch } = await fetched(t);
    const response = await fetch(`${url}/v1/chat/completions`, post(STREAM));
    assertEquals(await response.text(), text);
    assertEquals((await only(log)).metadata["audit.outcome"], outcome);
  });
}

test("an event that is called an error is recorded as the one that ended the stream", async (t) => {
  const told = 'event: error\ndata: {"message":"No room","type":"overloaded"}\n\n';
  const { log, fetch } = await fetched(t, {
    fetch: answering(sse(chunk("Paris")) + told, { "content-type": "text/event-stream" }),
  });
  await (await fetch("https://llm.example/v1/chat/completions", post(STREAM))).text();
  assertEquals(await ending(log), ["failed", "overloaded", "Paris"]);
  assertEquals((await only(log)).metadata["error.message"], "No room");
});

test("what cuts a stream is told before that it is incomplete", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  provider.reply({ text: ["Pa", "ris"], streamErrorAfter: 2, error: "Overloaded." });
  const response = await fetch(`${provider.url}/v1/messages`, post({ ...STREAM, max_tokens: 9 }));
  await response.text();
  const { metadata } = await only(log);
  assertEquals(metadata["error.type"], "overloaded_error");
});

test("an error whose body does not end reaches the caller, and goes on", async (t) => {
  const json = JSON.stringify({ error: { type: "server_error", message: "It broke." } });
  let end!: () => void;
  const url = await serving(t, (response) => {
    response.writeHead(500, { "content-type": "application/json" });
    response.write(json);
    end = () => response.end("\n \n");
  });
  const { log, fetch } = await fetched(t);
  const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
  assertEquals(response.status, 500);
  assertEquals(await ending(log), ["failed", "server_error", ""]);
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), json);
  end();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    rest += new TextDecoder().decode(read.value);
  }
  assertEquals(rest, "\n \n");
});

test("whoever does not want an error that does not end is rid of it", async (t) => {
  let left!: () => void;
  const gone = new Promise<void>((resolve) => left = resolve);
  const url = await serving(t, (response) => {
    response.on("close", left);
    response.writeHead(429, { "content-type": "text/plain" });
    response.write("Not so f");
  });
  const { log, fetch } = await fetched(t);
  const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
  await response.body!.cancel();
  await gone;
  assertEquals(about(await only(log), "error."), { type: "429", message: "Not so f" });
});

test("a large error is handed on while it comes, whole", async (t) => {
  const part = "x".repeat(64 * 1024);
  const parts = 40;
  const url = await serving(t, (response) => {
    response.writeHead(502, { "content-type": "text/html" });
    for (let n = 1; n < parts; n++) response.write(part);
    response.end(part);
  });
  const { log, fetch } = await fetched(t);
  const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
  const text = await response.clone().text();
  assertEquals([text.length, text === part.repeat(parts)], [parts * part.length, true]);
  assertEquals((await response.text()).length, text.length);
  const { metadata } = await only(log);
  assertEquals([metadata["error.type"], metadata["audit.outcome"]], ["502", "failed"]);
  assert((metadata["error.message"] as string).startsWith("xxx"));
});

test("an error's body that breaks off reaches its reader so, and keeps the error's status", async (t) => {
  const url = await serving(t, (response) => {
    response.writeHead(503, { "content-type": "text/plain", "content-length": 100 });
    response.write("Try ag", () => response.destroy());
  });
  const { log, fetch } = await fetched(t);
  const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
  const broken = await response.text().then(() => false, () => true);
  assertEquals([response.status, broken], [503, true]);
  const { metadata } = await only(log);
  assertEquals([metadata["error.type"], metadata["http.response.status_code"]], ["503", 503]);
});

test("a status of its own reaches the caller", async (t) => {
  const url = await serving(t, (response) => {
    response.writeHead(999, { "content-type": "text/plain" });
    response.end("Denied.");
  });
  const { log, fetch } = await fetched(t);
  let bare: Response;
  try {
    bare = await globalThis.fetch(url, post(QUESTION));
  } catch {
    return; // this runtime takes it for no response
  }
  const response = await fetch(`${url}/v1/chat/completions`, post(QUESTION));
  assertEquals([response.status, response.ok], [bare.status, bare.ok]);
  assertEquals(await response.text(), await bare.text());
  assertEquals(about(await only(log), "error."), { type: "999", message: "Denied." });
});

const whole = { model: "m", choices: [{ message: { content: "Paris" }, finish_reason: "stop" }] };
const [first, second] = [chunk("Pa"), chunk("ris", "stop")];
const untold: [type: string | undefined, pieces: string[], ending: unknown[]][] = [
  [undefined, [sse(first), sse(second, "[DONE]")], ["completed", undefined, "Paris"]],
  ["text/plain", [sse(first), sse(second)], ["completed", undefined, "Paris"]],
  ["text/plain", [sse(first), "data: {"], ["failed", "incomplete_stream", "Pa"]],
  [
    "application/x-ndjson",
    [`${JSON.stringify(first)}\n`, `${JSON.stringify(second)}\n`],
    ["completed", undefined, "Paris"],
  ],
  [
    "application/x-ndjson",
    [`${JSON.stringify(first)}\n`, '{"choices":['],
    ["failed", "incomplete_stream", "Pa"],
  ],
  ["application/json", ["\n", JSON.stringify(whole, null, 1)], ["completed", undefined, "Paris"]],
  ["text/plain", ["Come ", "again."], ["failed", "incomplete_stream", "Come again."]],
];
for (const [type, pieces, wanted] of untold) {
  test(`a stream of ${type} is passed on as it comes: ${JSON.stringify(pieces)}`, async (t) => {
    let next!: () => void;
    const url = await serving(t, (response) => {
      response.writeHead(200, type === undefined ? {} : { "content-type": type });
      response.write(pieces[0]!);
      next = () => response.end(pieces[1]!);
    });
    const { log, fetch } = await fetched(t);
    // The second piece is sent when the first was read.
    const response = await fetch(`${url}/v1/chat/completions`, post(STREAM));
    let text = "";
    for await (const bytes of response.body!) {
      if (text === "") next();
      text += new TextDecoder().decode(bytes);
    }
    assertEquals(text, pieces.join(""));
    assertEquals(await ending(log), wanted);
  });
}

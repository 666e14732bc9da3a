// auditFetch(): what it waits for keeps nobody longer than a bare fetch would.

import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import process from "node:process";
import { test } from "node:test";
import { only, outcomes } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { atEnd } from "../support/temp.ts";

const URL_OF_CHAT = "https://llm.example/v1/chat/completions";
const ANSWER = JSON.stringify({
  id: "c-1",
  model: "m",
  choices: [{ index: 0, message: { role: "assistant", content: "Late." }, finish_reason: "stop" }],
});

/** A body that goes on when it is told to. */
function body(): {
  stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  send: (text: string) => void;
  close: () => void;
  cancelled: () => unknown;
} {
  let controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  let cancelled: unknown;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (started) => void (controller = started),
    cancel: (reason) => void (cancelled = reason),
  });
  const encoder = new TextEncoder();
  return {
    stream,
    send: (text) => controller.enqueue(encoder.encode(text) as Uint8Array<ArrayBuffer>),
    close: () => controller.close(),
    cancelled: () => cancelled,
  };
}

test("a response comes although its body does not, and is recorded when its body has come", async (t) => {
  const late = body();
  const { log, fetch } = await fetched(t, { fetch: answering(late.stream) });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  assertEquals([response.status, (await log.query()).length], [200, 0]);
  late.send(ANSWER.slice(0, 20));
  late.send(ANSWER.slice(20));
  late.close();
  assertEquals(await response.text(), ANSWER);
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.outcome"]], ["Late.", "completed"]);
});

test("who wants no body that does not come may leave it", async (t) => {
  const never = body();
  const { log, fetch } = await fetched(t, { fetch: answering(never.stream) });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  await response.body!.cancel("enough");
  assertStrictEquals(never.cancelled(), "enough");
  assertEquals(await outcomes(log), [["aborted", ""]]);
});

test("a call that is stopped while the log is waited for rejects at once, and is recorded as aborted", async (t) => {
  const [asked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const log = await AuditLog.open({
    redact: async (entry) => {
      asked.resolve();
      await answer.promise;
      return entry;
    },
  });
  atEnd(t, () => log.close());
  let requests = 0;
  const fetch = auditFetch(log, {
    fetch: () => Promise.resolve(new Response(`${requests++}`)),
  });
  const stop = new AbortController();
  const reason = new RangeError("enough");
  const calling = fetch(URL_OF_CHAT, post(QUESTION, { signal: stop.signal }));
  await asked.promise;
  stop.abort(reason);
  assertStrictEquals(await calling.then(() => undefined, (error) => error), reason);
  answer.resolve();
  while ((await log.query()).length === 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals([await outcomes(log), requests], [[["aborted", ""]], 0]);
});

test("a call that is stopped while its request's body still comes rejects at once", async (t) => {
  const { fetch } = await fetched(t, { fetch: answering(ANSWER) });
  const stop = new AbortController();
  const reason = new RangeError("enough");
  const asked = body();
  const calling = fetch(URL_OF_CHAT, {
    method: "POST",
    body: asked.stream,
    signal: stop.signal,
    duplex: "half",
  } as RequestInit);
  asked.send("{");
  stop.abort(reason);
  assertStrictEquals(await calling.then(() => undefined, (error) => error), reason);
});

test("an onError or a cost that is asynchronous, and fails, ends no process", async (t) => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", listen);
  atEnd(t, () => process.off("unhandledRejection", listen));
  const { log, store, fetch } = await fetched(t, {
    fetch: answering(ANSWER),
    begin: false,
    onError: () => Promise.reject(new Error("of onError")) as unknown as void,
    cost: (() => Promise.reject(new Error("of cost"))) as never,
  });
  store.full = true;
  await (await fetch(URL_OF_CHAT, post(QUESTION))).text();
  store.full = false;
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(unhandled, []);
  assert(store.refused > 0);
  await log.record({ model: "m", inputText: "", outputText: "" });
});

test("calls of addresses that end with a slash, and compactions, are recorded", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: answering(ANSWER) });
  await (await fetch(`${URL_OF_CHAT}/`, post(QUESTION))).text();
  const compact = post({ model: "m", input: "Compact this." });
  await (await fetch("https://llm.example/v1/responses/compact", compact)).text();
  assertEquals((await log.query()).map(({ inputText }) => inputText), [
    QUESTION.messages[0]!.content,
    "Compact this.",
  ]);
});

test("without a signal a broken body is a broken body", async (t) => {
  const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: (controller) => controller.error(new TypeError("terminated")),
  });
  const { log, fetch } = await fetched(t, { fetch: answering(broken) });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  await assertRejects(() => response.text(), TypeError, "terminated");
  assertEquals((await only(log)).metadata["audit.outcome"], "failed");
});

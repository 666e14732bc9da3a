// auditFetch() over a fetch whose responses are not the runtime's own: who leaves a copy of one does not leave the call.

import { assertEquals } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import type { AuditFetchOptions } from "@audit-log/llm/fetch";
import { Response as NodeResponse } from "node-fetch";
import { Readable } from "node:stream";
import { test } from "node:test";
import { outcomes } from "../support/captured.ts";
import { eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";

const URL_OF_CHAT = "https://llm.example/v1/chat/completions";
const STREAM = post({ ...QUESTION, stream: true });
const PIECES = [
  eventBytes({ choices: [{ index: 0, delta: { content: "Pa" } }] }),
  eventBytes(
    { choices: [{ index: 0, delta: { content: "ris" }, finish_reason: "stop" }] },
    "[DONE]",
  ),
];
const HEADERS = { "content-type": "text/event-stream" };

class OwnResponse extends Response {}

function streamed(): ReadableStream<Uint8Array<ArrayBuffer>> {
  const pieces = PIECES.values();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = pieces.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

/** A fetch that gives a subclass's response. */
const ofSubclass =
  (() => Promise.resolve(new OwnResponse(streamed(), { headers: HEADERS }))) as AuditFetchOptions[
    "fetch"
  ];

async function ended(log: AuditLog): Promise<[unknown, string][]> {
  while (await log.count() === 0) await new Promise((resolve) => setTimeout(resolve));
  return await outcomes(log);
}

test("a call whose answer is read is completed, although a copy was thrown away: a subclass", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: ofSubclass });
  const response = await fetch(URL_OF_CHAT, STREAM);
  const copy = response.clone();
  void copy.body!.cancel();
  await response.text();
  assertEquals(await ended(log), [["completed", "Paris"]]);
});

test("a call whose copy is read is completed, although the answer was left in the middle", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: ofSubclass });
  const response = await fetch(URL_OF_CHAT, STREAM);
  const copy = response.clone();
  const reader = response.body!.getReader();
  await reader.read();
  const cancelled = reader.cancel(); // it settles once the copy is left, too
  await copy.text();
  await cancelled;
  assertEquals(await ended(log), [["completed", "Paris"]]);
});

testUnless(
  runtimeName === "deno" ? "there, nobody can read on behind a copy that is destroyed" : undefined,
  "a call whose answer is read is completed, although a copy was thrown away: node-fetch",
  async (t) => {
    const given = new NodeResponse(Readable.from(PIECES), { headers: HEADERS });
    const beneath = () => Promise.resolve(given as unknown as Response);
    const { log, fetch } = await fetched(t, { fetch: beneath });
    const response = await fetch(URL_OF_CHAT, STREAM) as unknown as NodeResponse;
    const copy = response.clone();
    (copy.body as unknown as Readable).destroy();
    await response.text();
    assertEquals(await ended(log), [["completed", "Paris"]]);
  },
);

test("a call is aborted once all copies of its answer are left, with what came", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: ofSubclass });
  const response = await fetch(URL_OF_CHAT, STREAM);
  const copy = response.clone();
  const reader = response.body!.getReader();
  await reader.read();
  await Promise.all([reader.cancel(), copy.body!.cancel()]);
  assertEquals(await ended(log), [["aborted", "Pa"]]);
});

test("a call is aborted when it is stopped, although a copy was not read", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: ofSubclass });
  const stop = new AbortController();
  const response = await fetch(URL_OF_CHAT, { ...STREAM, signal: stop.signal });
  const copy = response.clone();
  await response.body!.getReader().read();
  stop.abort();
  assertEquals(await ended(log), [["aborted", "Pa"]]);
  assertEquals(copy.bodyUsed, false);
});

testUnless(
  noCollector,
  "a call is aborted when a copy that nobody read is garbage, and the others are left",
  async (t) => {
    const { log, fetch } = await fetched(t, { fetch: ofSubclass });
    const leave = async (): Promise<void> => {
      const response = await fetch(URL_OF_CHAT, STREAM);
      response.clone();
      const reader = response.body!.getReader();
      await reader.read();
      void reader.cancel();
    };
    await leave();
    await collectUntil(async () => await log.count() > 0);
    assertEquals(await ended(log), [["aborted", "Pa"]]);
  },
);

// auditFetch(): streams that nobody reads to their end, and the signals that they were asked with.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { outcomes } from "../support/captured.ts";
import { eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { testUnless } from "../support/skip.ts";

const URL_OF_CHAT = "https://llm.example/v1/chat/completions";
const STREAM = { ...QUESTION, stream: true };
const PIECES = [
  eventBytes({ choices: [{ index: 0, delta: { content: "Pa" } }] }),
  eventBytes(
    { choices: [{ index: 0, delta: { content: "ris" }, finish_reason: "stop" }] },
    "[DONE]",
  ),
];

/** A fetch whose answers give a piece for each time that they are asked. */
const streaming = (): Promise<Response> => {
  const pieces = PIECES.map((piece) => piece.slice());
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  return Promise.resolve(new Response(body, { headers: { "content-type": "text/event-stream" } }));
};

/** A signal, and how many listen to it. */
function counted(): { readonly signal: AbortSignal; readonly listeners: () => number } {
  const { signal } = new AbortController();
  const listening = new Set<unknown>();
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (type: string, listener: EventListener, options?: object) => {
    listening.add(listener);
    addEventListener.call(signal, type, listener, options);
  };
  signal.removeEventListener = (type: string, listener: EventListener) => {
    listening.delete(listener);
    removeEventListener.call(signal, type, listener);
  };
  return { signal, listeners: () => listening.size };
}

const ends: [string, (response: Response) => Promise<unknown>, outcome: [string, string]][] = [
  ["read to its end", (response) => response.text(), ["completed", "Paris"]],
  ["cancelled unread", (response) => response.body!.cancel(), ["aborted", ""]],
  ["left by its reader", async (response) => {
    for await (const _ of response.body!) break;
  }, ["aborted", "Pa"]],
];
for (const [what, read, outcome] of ends) {
  test(`a stream that is ${what} leaves no listener at its signal`, async (t) => {
    const { log, fetch } = await fetched(t, { fetch: streaming });
    const { signal, listeners } = counted();
    await read(await fetch(URL_OF_CHAT, post(STREAM, { signal })));
    assertEquals([await outcomes(log), listeners()], [[outcome], 0]);
  });
}

for (const reads of [0, 1]) {
  testUnless(
    noCollector,
    `a stream that nobody holds any more is recorded as aborted, and leaves no listener: ${reads} read`,
    async (t) => {
      const { log, fetch } = await fetched(t, { fetch: streaming });
      const { signal, listeners } = counted();
      await (async () => {
        const response = await fetch(URL_OF_CHAT, post(STREAM, { signal }));
        const reader = response.body!.getReader();
        for (let read = 0; read < reads; read++) await reader.read();
      })();
      await collectUntil(async () => await log.count() > 0);
      assertEquals([await outcomes(log), listeners()], [[["aborted", reads === 0 ? "" : "Pa"]], 0]);
      assertEquals(await log.unfinished(), []);
    },
  );
}

testUnless(noCollector, "a stream whose reader alone is held goes on", async (t) => {
  const { log, fetch } = await fetched(t, { fetch: streaming });
  const reader = (await fetch(URL_OF_CHAT, post(STREAM))).body!.getReader();
  await reader.read();
  for (let round = 0; round < 3; round++) await collectUntil(() => Promise.resolve(true));
  while (!(await reader.read()).done);
  assertEquals(await outcomes(log), [["completed", "Paris"]]);
});

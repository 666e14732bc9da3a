// Wherever the bytes of a stream are cut, its reader gets those bytes, and the same is recorded.

import { assertEquals, assertStrictEquals } from "@std/assert";
import { type AuditEntry, AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import fc from "fast-check";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { only } from "../support/captured.ts";
import { post, QUESTION } from "../support/fetched.ts";
import { check, LONG_MS } from "../support/property.ts";
import { messages } from "../support/providers/anthropic_messages.ts";
import { geminiContent } from "../support/providers/gemini_content.ts";
import { geminiInteractions } from "../support/providers/gemini_interactions.ts";
import { chatCompletions } from "../support/providers/openai_chat.ts";
import { responses } from "../support/providers/openai_responses.ts";
import { type SseEvent, whole } from "../support/providers/reply.ts";

type Bytes = Uint8Array<ArrayBuffer>;
type Kind = "bytes" | undefined;

const STREAM = { ...QUESTION, stream: true };
const FORMATS = {
  "/v1/chat/completions": chatCompletions,
  "/v1/messages": messages,
  "/v1/responses": responses,
  "/v1beta/models/gemini:streamGenerateContent": geminiContent,
  "/v1beta/interactions": geminiInteractions,
};
const PATHS = Object.keys(FORMATS) as (keyof typeof FORMATS)[];

const kind = fc.constantFrom<Kind>("bytes", undefined);
/** Where bytes are cut: parts of their length. Twice at the same place, the piece is empty. */
const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 });
const words = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.constantFrom(
    "é",
    "😀",
    "李雷",
    "\ufeff",
    "\u2028",
    "\n\n",
    "\r",
    "data: ",
    "[DONE]",
    '"}',
    "\\",
  ),
  fc.nat(30_000).map((length) => "x😀".repeat(length)),
);
const text = fc.array(words, { minLength: 1, maxLength: 8 });

/** How an event is written, where that is free. */
const style = fc.record({
  end: fc.constantFrom("\n", "\r\n", "\r"),
  space: fc.constantFrom("", " "),
  before: fc.constantFrom("", ": a comment", ":", "id: 7", "retry: 10", "unknown", "event"),
  isInLines: fc.boolean(),
});
type Style = typeof style extends fc.Arbitrary<infer S> ? S : never;

function written(data: string, name: string | undefined, how: Style): string {
  const { end, space, before, isInLines } = how;
  // JSON may have a new line behind its first brace.
  const lines = isInLines && data.startsWith("{") ? ["{", data.slice(1)] : [data];
  return [
    ...(before === "" ? [] : [before]),
    ...(name === undefined ? [] : [`event:${space}${name}`]),
    ...lines.map((line) => `data:${space}${line}`),
    "",
    "",
  ].join(end);
}

function cut(bytes: Bytes, places: readonly number[]): Bytes[] {
  const ends = [...places.map((place) => Math.floor(place * bytes.length)), bytes.length];
  let from = 0;
  return ends.toSorted((a, b) => a - b).map((end) => bytes.slice(from, from = end));
}

/** A body with these pieces, one each time that it is asked for more. */
function bodyOf(type: Kind, pieces: readonly Bytes[]): ReadableStream<Bytes> {
  // Streams of bytes have no empty ones.
  const left = pieces.filter(({ length }) => type === undefined || length > 0);
  return new ReadableStream({
    type: type as "bytes",
    pull(controller: ReadableByteStreamController) {
      const piece = left.shift();
      if (piece !== undefined) return controller.enqueue(piece);
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }, { highWaterMark: 0 });
}

/** What is recorded of a stream with these pieces, but for ids and times; what its reader gets is looked at. */
async function recorded(path: string, type: Kind, pieces: readonly Bytes[]) {
  const sent = Buffer.concat(pieces);
  const log = await AuditLog.open();
  const fetch = auditFetch(log, {
    fetch: () =>
      Promise.resolve(
        new Response(bodyOf(type, pieces), { headers: { "content-type": "text/event-stream" } }),
      ),
  });
  const response = await fetch(`https://llm.example${path}`, post(STREAM));
  assertStrictEquals(sent.compare(new Uint8Array(await response.arrayBuffer())), 0);
  const { outputText, metadata }: AuditEntry = await only(log);
  await log.close();
  const { "audit.call": _, "gen_ai.response.time_to_first_chunk": __, ...others } = metadata;
  return { outputText, metadata: others };
}

const OPTIONS = { timeout: LONG_MS };
const bytesOf = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;

test(
  "an answer is recorded the same, wherever the bytes of its stream are cut",
  OPTIONS,
  async () => {
    await check(
      fc.asyncProperty(
        fc.constantFrom(...PATHS),
        text,
        fc.array(style, { minLength: 1, maxLength: 5 }),
        fc.constantFrom("", "\ufeff"),
        cuts,
        kind,
        async (path, text, styles, mark, places, type) => {
          const endpoint = FORMATS[path];
          const events: readonly SseEvent[] = endpoint.events({ text }, STREAM);
          const parts = events.map(({ name, data }, n) =>
            written(JSON.stringify(data), name, styles[n % styles.length]!)
          );
          const bytes = bytesOf(mark + parts.join("") + endpoint.end);
          const unsplit = await recorded(path, type, [bytes.slice()]);
          assertStrictEquals(unsplit.outputText, whole(text));
          assertStrictEquals(unsplit.metadata["audit.outcome"], "completed");
          assertEquals(await recorded(path, type, cut(bytes, places)), unsplit);
        },
      ),
      150,
    );
  },
);

test("whatever a body is, the same is recorded, wherever its bytes are cut", OPTIONS, async () => {
  const json = fc.json({ maxDepth: 2 });
  const line = fc.oneof(
    json,
    json.map((value) => `data: ${value}`),
    text.map((words) => JSON.stringify({ choices: [{ delta: { content: words.join("") } }] })),
    fc.constantFrom("", "data:", "data: [DONE]", ": c", "event: error", "\ufeffdata: {}"),
    fc.string(),
  );
  const lines = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r", "\r\n", "\n\n")))
    .map((lines) => bytesOf(lines.flat().join("")));
  const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => bytes as Bytes);
  await check(
    fc.asyncProperty(
      fc.constantFrom(...PATHS),
      fc.oneof(lines, anything),
      cuts,
      kind,
      async (path, bytes, places, type) => {
        const unsplit = await recorded(path, type, [bytes.slice()]);
        assertEquals(await recorded(path, type, cut(bytes, places)), unsplit);
      },
    ),
    300,
  );
});

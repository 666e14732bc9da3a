// Streams whose usage was asked for, given on without it, wherever their bytes are cut.

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { withoutUsage } from "../../capture/fetch/asked_usage.ts";
import { bodyOf, type Bytes } from "../../capture/fetch/bytes.ts";

const bytesOf = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;
const textOf = (pieces: readonly Bytes[]): string[] =>
  pieces.map((piece) => new TextDecoder().decode(piece));

/** What is given on of some pieces, one list for each time that somebody asks for more, and what it broke with. */
async function given(
  pieces: readonly Bytes[],
  error?: unknown,
): Promise<{ given: Bytes[]; error?: unknown }> {
  const rest = [...pieces];
  const read = withoutUsage<Bytes>((give) => {
    const value = rest.shift();
    if (value === undefined && error !== undefined) return Promise.reject(error);
    return Promise.resolve(
      give(value === undefined ? { done: true, value } : { done: false, value }),
    );
  });
  const got: Bytes[] = [];
  try {
    for (let isDone = false; !isDone;) {
      await read(({ done, value }) => {
        if (done) isDone = true;
        else got.push(value);
      });
    }
    return { given: got };
  } catch (error) {
    return { given: got, error };
  }
}

const chunk = (more: string): string => `{"id":"ü","choices":[{"delta":{"content":"a"}}]${more}}`;
const ONLY_USAGE = '{"id":"ü","choices":[],"usage":{"prompt_tokens":1}}';
const cases: [what: string, given: readonly string[], left: readonly string[]][] = [
  ["usage to come", [chunk(',"usage":null'), chunk(', "usage" : null,"x":1')], [
    chunk(""),
    chunk(',"x":1'),
  ]],
  ["usage to come, told first", ['{"usage":null,"choices":[]}'], ['{"choices":[]}']],
  ["usage alone", [chunk(""), ONLY_USAGE, "[DONE]"], [chunk(""), "[DONE]"]],
  ["usage beside an answer", [chunk(',"usage":{"prompt_tokens":1}')], [
    chunk(',"usage":{"prompt_tokens":1}'),
  ]],
  ["usage beside an error", ['{"choices":[],"usage":{"prompt_tokens":1},"error":{"code":1}}'], [
    '{"choices":[],"usage":{"prompt_tokens":1},"error":{"code":1}}',
  ]],
  ["usage of something within", [chunk(',"x":{"usage":null}')], [chunk(',"x":{"usage":null}')]],
  ["usage of something within, too", [chunk(',"usage":null,"x":{"usage":null}')], [
    chunk(',"usage":null,"x":{"usage":null}'),
  ]],
  ["usage in a text", ['{"choices":[],"x":",\\"usage\\":null"}'], [
    '{"choices":[],"x":",\\"usage\\":null"}',
  ]],
  ["what is no JSON", ['{"usage":null', "usage", "", '"usage"'], [
    '{"usage":null',
    "usage",
    "",
    '"usage"',
  ]],
  ["an event that is long", [chunk(`,"x":"${"y".repeat(20_000)}"`), ONLY_USAGE, "[DONE]"], [
    chunk(`,"x":"${"y".repeat(20_000)}"`),
    "[DONE]",
  ]],
];
for (const [what, events, left] of cases) {
  for (const end of ["\n", "\r\n", "\r"]) {
    test(`wherever it is cut: ${what}, lines end with ${JSON.stringify(end)}`, async () => {
      const text = (data: readonly string[]): string =>
        `: begin${end}${end}${
          data.map((one) => `event: e${end}data: ${one}${end}${end}`).join("")
        }`;
      const bytes = bytesOf(text(events));
      const isLong = bytes.length > 1000;
      const last = isLong ? 80 : bytes.length;
      for (let cut = 1; cut < last; cut++) {
        for (const at of isLong ? [cut, 20_000 + cut, 20_080 + cut] : [cut]) {
          const pieces = [bytes.slice(0, at), bytes.slice(at)];
          const got = textOf((await given(pieces)).given).join("");
          assertEquals(got, text(left), `cut at ${at}`);
        }
      }
      if (isLong) return;
      const ones = Array.from(bytes, (_, at) => bytes.slice(at, at + 1));
      assertEquals(textOf((await given(ones)).given).join(""), text(left));
    });
  }
}

test("events are given on as they come, in the bytes that they came in", async () => {
  const events = bytesOf(`data: ${chunk("")}\n\ndata: ${chunk("")}\n\n`);
  const { given: [first] } = await given([events]);
  assertEquals(first!.buffer === events.buffer, true);
  assertEquals(first!.length, events.length);
  const half = bytesOf(`data: ${chunk("")}\n\ndata: {"half`);
  assertEquals(textOf((await given([half, bytesOf('":1}\n\n')])).given), [
    `data: ${chunk("")}\n\n`,
    'data: {"half":1}\n\n',
  ]);
});

test("an event that is long is given on before its end, and one that has begun stays where its piece is taken away", async () => {
  const long = [`data: {"x":"${"y".repeat(17_000)}`, "y", '"}\n', "\n"];
  const { given: got } = await given(long.map(bytesOf));
  assertEquals(textOf(got), [long[0]!, "y", '"}', "\n\n"]);
  const pieces = [bytesOf("data: 1\n\nda"), bytesOf("ta: 2\n\n")];
  const body = new ReadableStream<Bytes>({
    type: "bytes",
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(piece);
    },
  }, { highWaterMark: 0 });
  const reader = body.getReader();
  const read = withoutUsage<Bytes>(async (give) =>
    give(await reader.read() as ReadableStreamReadResult<Bytes>)
  );
  const passed = new ReadableStream<Bytes>({
    type: "bytes",
    pull: (controller) =>
      read(({ done, value }) => done ? controller.close() : controller.enqueue(value)),
  }, { highWaterMark: 0 });
  assertEquals(await new Response(passed).text(), "data: 1\n\ndata: 2\n\n");
});

test("nothing is waited for of what is no event", async () => {
  for (const pieces of [['{"a":', "1}\n", '{"b"'], ["<html>", "\n<p>"], ["[{", "}]"]]) {
    const { given: got } = await given(pieces.map(bytesOf));
    assertEquals(textOf(got).join(""), pieces.join(""));
    assertEquals(textOf(got)[0], pieces[0]);
  }
});

test("what has begun is given before the stream ends or breaks", async () => {
  const pieces = [bytesOf("data: 1\n\nda"), bytesOf("ta: 2")];
  assertEquals(textOf((await given(pieces)).given), ["data: 1\n\n", "data: 2"]);
  const error = new Error("reset");
  const broken = await given(pieces, error);
  assertEquals([textOf(broken.given), broken.error], [["data: 1\n\n", "data: 2"], error]);
});

test("no more is read than is asked for, and what came before a stream breaks is given before, where buffers are taken away", async () => {
  let reads = 0;
  const read = withoutUsage<Bytes>((give) => {
    if (++reads > 2) return Promise.reject(new Error("reset"));
    const value = bytesOf(reads === 1 ? "data: 1\n\n" : "data: 2");
    return Promise.resolve(give({ done: false, value }));
  });
  const body = bodyOf("bytes", read, () => Promise.resolve());
  const reader = body.getReader({ mode: "byob" });
  const next = async (length: number): Promise<string> =>
    textOf([(await reader.read(new Uint8Array(length))).value!])[0]!;
  assertEquals([await next(20), reads], ["data: 1\n\n", 1]);
  assertEquals([await next(5), await next(5), reads], ["data:", " 2", 3]);
  await assertRejects(() => next(5), Error, "reset");
});

// Reading a stream part for part and recording what it brings.

import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { recordedParts, RecordedReader } from "../../capture/shared/recorded_parts.ts";

/** A call that tells how it ends, which takes a while. */
function telling() {
  const told: string[] = [];
  const tell = (what: string) => async (): Promise<void> => {
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
    told.push(what);
  };
  const call = {
    firstOutput: () => void told.push("first"),
    complete: tell("complete"),
    fail: tell("fail"),
    abort: tell("abort"),
    hold: (work: Promise<void>) => work,
  };
  return { told, call };
}

/** What puts parts together that say nothing. */
const SILENT = { take: () => ({ isOutput: false }), response: () => ({ output: "" }) };

test("what a stream brought is put together once, also where its reader leaves behind the last part", async () => {
  const { told, call } = telling();
  const parts = new ReadableStream<string>({
    start(controller) {
      for (const part of ["a", "last", "c"]) controller.enqueue(part);
    },
  });
  const passed = recordedParts(parts, call, {
    take: (part) => ({ isOutput: true, isLast: part === "last" }),
    response: () => {
      told.push("put together");
      return { output: "" };
    },
  });
  const read: string[] = [];
  for await (const part of passed) {
    read.push(part);
    if (part === "last") break;
  }
  assertEquals(read, ["a", "last"]);
  assertEquals(told, ["first", "first", "put together", "complete"]);
});

test("what cannot be given on ends the stream and the call, once", async () => {
  for (const isLast of [false, true]) {
    const { told, call } = telling();
    const parts = new ReadableStream<string>({
      start: (controller) => controller.enqueue("a"),
      cancel: () => void told.push("cancelled"),
    });
    const take = () => ({ isOutput: false, isLast });
    const reader = new RecordedReader(parts, call, { ...SILENT, take });
    const error = new TypeError("no bytes");
    const next = reader.next(() => {
      throw error;
    });
    assertEquals(await next.catch((reason) => reason), error);
    assertEquals(told.sort(), ["cancelled", isLast ? "complete" : "fail"]);
  }
});

test("a stream ends as it did where it cannot be told whether it is complete", async () => {
  const { told, call } = telling();
  const parts = new ReadableStream<string>({ start: (controller) => controller.close() });
  const endedEarly = () => {
    throw new TypeError("not what it seems");
  };
  const passed = recordedParts(parts, call, { ...SILENT, endedEarly });
  assertEquals(await passed.getReader().read(), { done: true, value: undefined });
  assertEquals(told, ["complete"]);
});

test("a part that cannot be read is passed on, and those behind it are read", async () => {
  const { told, call } = telling();
  const parts = new ReadableStream<string>({
    start(controller) {
      for (const part of ["odd", "last"]) controller.enqueue(part);
    },
  });
  const take = (part: string) => {
    if (part === "odd") throw new TypeError("not what it seems");
    return { isOutput: true, isLast: true };
  };
  const reader = recordedParts(parts, call, { ...SILENT, take }).getReader();
  assertEquals([(await reader.read()).value, (await reader.read()).value], ["odd", "last"]);
  assertEquals(told, ["first", "complete"]);
});

test("a stream that breaks without a reason has failed", async () => {
  const { told, call } = telling();
  const parts = new ReadableStream<string>({ start: (controller) => controller.error() });
  const reading = recordedParts(parts, call, SILENT).getReader().read();
  assertEquals(await reading.catch((reason) => [reason]), [undefined]);
  assertEquals(told, ["fail"]);
});

test("who stops a stream gets the reason once the end is recorded", async () => {
  const { told, call } = telling();
  const stop = new AbortController();
  const parts = new ReadableStream<string>({
    start: (controller) =>
      stop.signal.addEventListener("abort", () => controller.error(stop.signal.reason)),
  });
  const reading = recordedParts(parts, call, SILENT, stop.signal).getReader().read();
  stop.abort();
  await assertRejects(() => reading, DOMException);
  assertEquals(told, ["abort"]);
});

test("a read that is under way when its reader leaves ends once, and rejects nowhere", async () => {
  const { told, call } = telling();
  const parts = new ReadableStream<string>({}, { highWaterMark: 0 });
  const reader = recordedParts(parts, call, SILENT).getReader();
  const reading = reader.read();
  await reader.cancel("enough");
  assertEquals(await reading, { done: true, value: undefined });
  assertEquals(told, ["abort"]);
});

// Reading a stream part for part and recording what it brings.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { recordedParts } from "../../capture/shared/recorded_parts.ts";

test("what a stream brought is put together once, also where its reader leaves behind the last part", async () => {
  const told: string[] = [];
  const call = {
    firstOutput: () => void told.push("first"),
    complete: () => Promise.resolve(void told.push("complete")),
    fail: () => Promise.resolve(void told.push("fail")),
    abort: () => Promise.resolve(void told.push("abort")),
  };
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

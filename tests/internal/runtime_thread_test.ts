// A runtime's thread for hashing.

import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { type ThreadStart, WorkerThread } from "../../adapters/worker_thread.ts";
import type { HashThread, Leaves } from "../../src/ports.ts";
import { VERSION } from "../../src/version.ts";
import { concat, hex, leaves, Model } from "../support/merkle.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const start = new Uint8Array(0);

/** Lines of the leaves that `leaves()` makes, in a buffer, from one to before another. */
function leavesOf(from: number, to: number): Leaves {
  const lines = Array.from({ length: to - from }, (_, n) => `record ${from + n}`);
  const bytes = new TextEncoder().encode(`\n${lines.join("\n")}`);
  const bounds = [0];
  for (const line of lines) bounds.push(bounds.at(-1)! + 1 + line.length);
  return { slab: bytes.buffer, bounds: Uint32Array.from(bounds) };
}

async function threadFor(t: TestContext): Promise<HashThread> {
  const thread = await (await currentRuntime()).startHashThread!();
  atEnd(t, () => thread.close());
  return thread;
}

test("a thread hashes leaves and tiles, several portions at a time, in their order", async (t) => {
  const thread = await threadFor(t);
  const model = new Model(leaves(1000));
  const portions = [[0, 1], [1, 300], [300, 300], [300, 1000]] as const;
  const hashed = await Promise.all(
    portions.map(([from, to], n) =>
      thread.hash({ ...leavesOf(from, to), ...(n === 0 ? { start } : {}) })
    ),
  );
  for (const [n, [from, to]] of portions.entries()) {
    assertEquals(hex(hashed[n]!.leaves), hex(concat(model.leaves.slice(from, to))));
    assertEquals(hashed[n]!.slab.byteLength, leavesOf(from, to).slab.byteLength);
  }
  const roots = [0, 256, 512].map((from) => model.mth(from, from + 256));
  assertEquals(hex(concat(hashed.map(({ roots }) => roots))), hex(concat(roots)));
});

test("a thread begins anew behind the hashes that it is given", async (t) => {
  const thread = await threadFor(t);
  const model = new Model(leaves(600));
  await thread.hash({ ...leavesOf(0, 77), start });
  const before = new Uint8Array(concat(model.leaves.slice(256, 500)));
  const { roots } = await thread.hash({ ...leavesOf(500, 600), start: before.subarray() });
  assertEquals(hex(roots), hex(model.mth(256, 512)));
  assertEquals(before.length, 244 * 32); // not taken away
});

test("what a closed thread was asked for is settled, and nothing more is done by it", async (t) => {
  const thread = await threadFor(t);
  const hashing = thread.hash({ ...leavesOf(0, 1000), start });
  thread.close();
  thread.close();
  await Promise.allSettled([hashing]); // its answer may have been on its way
  await assertRejects(() => thread.hash({ ...leavesOf(0, 1), start }), Error);
});

test("a thread's program of another version refuses to start", async (t) => {
  const workerData: ThreadStart = { job: { does: "hash" }, version: "0.0.1" };
  const program = new URL("../../audit_log_worker.ts", import.meta.url);
  const worker = new Worker(program, { execArgv: [], workerData });
  atEnd(t, () => void worker.terminate());
  const told = `is that of version ${VERSION}, not 0.0.1`;
  await assertRejects(() => once(worker, "message"), Error, told);
});

test("a thread that is not ready in time is ended, and whoever waits for it is told", async (t) => {
  const program = join(tempFolder(t), "silent.mjs");
  writeFileSync(program, "setInterval(() => {}, 1_000_000);");
  const thread = new WorkerThread({ does: "hash" }, pathToFileURL(program), 20);
  await assertRejects(() => thread.ready, Error, "it was not ready after 0.02 seconds");
  await assertRejects(() => thread.ask("anything", []), Error, "it was not ready");
});

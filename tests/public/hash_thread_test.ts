// Hashing on another thread: the same hashes, and a log that works whatever becomes of the thread.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  type AuditLog,
  generateSigningKey,
  type HashThread,
  type Leaves,
  type Runtime,
} from "@audit-log/llm";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { allLines, interactions } from "../support/interaction.ts";
import { concat, hex, leaves, Model } from "../support/merkle.ts";
import { partsOf, rootOfLines } from "../support/notes.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/aside");
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

test("what a closed thread was asked for is rejected", async (t) => {
  const thread = await threadFor(t);
  const hashing = thread.hash({ ...leavesOf(0, 1000), start });
  thread.close();
  thread.close();
  await assertRejects(() => hashing, Error);
  await assertRejects(() => thread.hash({ ...leavesOf(0, 1), start }), Error);
});

test("a thread that is idle keeps no process alive", async (t) => {
  const path = join(tempFolder(t), "log");
  const { code, stdout, stderr } = await runProgram(scriptCommand("hash_aside.ts", path));
  assertEquals([code, stdout], [0, "another thread\n"], stderr);
});

/** A JSONL log that signs, on a runtime whose threads are made so. */
async function logWith(
  t: TestContext,
  startHashThread: Runtime["startHashThread"],
  checkpoints = {},
): Promise<AuditLog> {
  const runtime = { ...await currentRuntime(), startHashThread };
  const path = join(tempFolder(t), "log");
  return await openFile(t, { backend: "jsonl", path, signingKey, runtime, checkpoints });
}

/** Makes sure that a log signs what it holds, at least all that is acknowledged. */
async function check(log: AuditLog, acknowledged = log.size): Promise<void> {
  const { size, root } = partsOf(await log.checkpoint());
  const lines = await allLines(log);
  assert(size >= acknowledged, `${size} of ${acknowledged}`);
  assertEquals(root, rootOfLines(lines.slice(0, size)));
  const { faults, checked } = await log.verify({ verifierKey });
  assertEquals(faults, []);
  assert(checked.tiles >= Math.floor(size / 256));
}

/** Records until a thread hashes. */
async function untilAside(log: AuditLog): Promise<void> {
  while ((await log.info()).hashing !== "another thread") await log.recordAll(interactions(64));
}

test("many and few records at a time, hashed here and there, make one tree", async (t) => {
  let asked = 0;
  const { startHashThread } = await currentRuntime();
  const log = await logWith(t, async () => {
    const thread = await startHashThread!();
    return {
      hash(...request) {
        asked++;
        return thread.hash(...request);
      },
      close: () => thread.close(),
    };
  });
  await log.recordAll(interactions(3));
  assertEquals((await log.info()).hashing, "this thread: few records at a time need no other");
  await untilAside(log);
  for (let round = 0; round < 5; round++) {
    // The first of these are many, and the others come while those are hashed.
    const before = log.size;
    const recorded = [300, 1, 2, 63, 64].map((count) => log.recordAll(interactions(count)));
    if (round % 2 === 0) await check(log, before);
    await Promise.all(recorded);
    await log.record(interactions(1)[0]!);
    await check(log);
  }
  assert(asked > 0);
});

test("a checkpoint waits for what is being hashed", async (t) => {
  const { startHashThread } = await currentRuntime();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let [isHeld, held] = [false, 0];
  const log = await logWith(t, async () => {
    const thread = await startHashThread!();
    return {
      async hash(...request) {
        if (isHeld) {
          held++;
          await gate;
        }
        return await thread.hash(...request);
      },
      close: () => thread.close(),
    };
  });
  await untilAside(log);
  isHeld = true;
  await log.recordAll(interactions(1000));
  const checked = check(log);
  // Another turn of the event loop, for it to get as far as it can.
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert(held > 0);
  open();
  await checked;
});

for (const [when, good] of [["at its start", 0], ["with its first answer", 0], ["later", 2]]) {
  test(`a thread that fails ${when} is told of and missed by nobody`, async (t) => {
    const { startHashThread } = await currentRuntime();
    const log = await logWith(t, async () => {
      if (when === "at its start") throw new Error("no threads here");
      const thread = await startHashThread!();
      let left = Number(good);
      return {
        hash: (...request) =>
          left-- > 0 ? thread.hash(...request) : Promise.reject(new Error("it was killed")),
        close: () => thread.close(),
      };
    }, { everyEntries: 500 });
    const failed = async () => /no threads|killed/.test((await log.info()).hashing ?? "");
    while (!await failed()) {
      await Promise.all([100, 64, 1].map((count) => log.recordAll(interactions(count))));
    }
    assertMatch((await log.info()).hashing!, /^this thread: (no threads here|it was killed)$/);
    await check(log);
    await log.recordAll(interactions(1000));
    await check(log);
  });
}

test("where a runtime has no threads, a log hashes by itself", async (t) => {
  const log = await logWith(t, undefined);
  await log.recordAll(interactions(1000));
  await check(log);
  assertMatch((await log.info()).hashing!, /^this thread/);
});

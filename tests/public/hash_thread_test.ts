// Hashing on another thread: the same tree, and a log that works whatever becomes of the thread.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { type AuditLog, generateSigningKey, type Runtime } from "@audit-log/llm";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { allLines, interactions } from "../support/interaction.ts";
import { partsOf, rootOfLines } from "../support/notes.ts";
import { currentRuntime, runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/aside");

for (const [backend, places] of [["jsonl", 1], ["sqlite", 2]] as const) {
  test(`${backend}: threads that are idle keep no process alive`, async (t) => {
    const path = join(tempFolder(t), "log");
    const { code, stdout, stderr } = await runProgram(
      scriptCommand("leave_open.ts", backend, path),
    );
    const expected = Array.from({ length: places }, () => "another thread").join();
    assertEquals([code, stdout], [0, `${expected}\n`], stderr);
  });
}

testUnless(
  runtimeName === "node" ? undefined : "nothing is loaded first in each thread",
  "what others post in the threads of a log is no answer to it",
  async (t) => {
    const path = join(tempFolder(t), "log");
    const posting = encodeURIComponent(`
      import { parentPort } from "node:worker_threads";
      parentPort?.postMessage({ "watch:import": ["file:///a.js"] }); // as node --watch does
      parentPort?.postMessage(undefined);
    `);
    const options = process.env["NODE_OPTIONS"] ?? "";
    const { code, stdout, stderr } = await runProgram(
      scriptCommand("leave_open.ts", "sqlite", path),
      { NODE_OPTIONS: `${options} --import=data:text/javascript,${posting}` },
    );
    assertEquals([code, stdout], [0, "another thread,another thread\n"], stderr);
  },
);

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
  assertEquals((await log.info()).hashing, "this thread: no other was needed so far");
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

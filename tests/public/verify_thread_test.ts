// Verifying with another thread that hashes: whenever it begins, and whatever becomes of it, the report is the same.

import { assert, assertEquals } from "@std/assert";
import {
  AuditLog,
  type HashThread,
  type Runtime,
  type SqliteAdapter,
  type VerificationReport,
} from "@audit-log/llm";
import { test } from "node:test";
import {
  alterLines,
  alterTables,
  type Original,
  original,
  verifierKey,
} from "../support/altered.ts";
import { currentRuntime } from "../support/runtime.ts";

/** So many that a thread is worth it, in more chunks than are ahead of those that are compared. */
const SIZE = 30_000;
/** The entry that is altered: behind where the thread takes over. */
const ALTERED = 28_000;

/** Verifies a log on a runtime whose threads are made so. */
async function verified(
  { backend, path }: Original,
  startHashThread: Runtime["startHashThread"],
  onProgress: (done: number) => void = () => {},
): Promise<VerificationReport> {
  const runtime = { ...await currentRuntime(), startHashThread };
  const log = await AuditLog.open({ backend, path, readOnly: true, runtime });
  try {
    return await log.verify({ verifierKey, onProgress });
  } finally {
    await log.close();
  }
}

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`${backend}: another thread may take over at any time, fail or never start, and the report is the same`, async (t) => {
    const log = await original(t, backend, [100, SIZE - 300, SIZE]);
    const { startHashThread } = await currentRuntime();
    const expected = [await verified(log, undefined)];
    assertEquals([expected[0]!.ok, expected[0]!.size], [true, SIZE]);
    if (backend === "jsonl") {
      alterLines(log.path, (lines) => lines.with(ALTERED, lines[ALTERED]!.replace("out", "oUt")));
    } else {
      await alterTables(t, log, (raw) =>
        raw.exec(
          `UPDATE audit_record SET record = replace(record, 'out', 'oUt') WHERE seq = ${ALTERED}`,
        ));
    }
    expected.push(await verified(log, undefined));
    const tile = expected[1]!.faults.find(({ kind }) => kind === "tile");
    assertEquals([expected[1]!.ok, tile?.index], [false, ALTERED]);

    // It is handed over once so many entries are verified.
    for (const from of [0, 1]) {
      for (const good of [Infinity, 2]) {
        const thread = await startHashThread!();
        const { promise: gate, resolve: open } = Promise.withResolvers<void>();
        let asked = 0;
        const passed: HashThread = {
          hash: (leaves) =>
            ++asked > good ? Promise.reject(new Error("it was killed")) : thread.hash(leaves),
          close: () => thread.close(),
        };
        const start = async () => {
          await gate;
          return passed;
        };
        if (from === 0) open();
        const report = await verified(log, start, (done) => {
          if (done >= from) open();
        });
        assertEquals(report, expected[1]);
        assert(asked > Math.min(good, 1), `asked ${asked} times from ${from} on`);
      }
    }
    const failing = () => Promise.reject(new Error("no threads here"));
    assertEquals(await verified(log, failing), expected[1]);
  });
}

test("a large SQLite log is checked by several threads, and altered ones are told of", async (t) => {
  const size = 33_000;
  const log = await original(t, "sqlite", [100, size - 300, size]);
  await alterTables(t, log, (raw) =>
    raw.exec(
      `UPDATE audit_record SET record = replace(record, 'out', 'oUt') WHERE seq = ${ALTERED}; ` +
        "UPDATE audit_record SET user = 'eve' WHERE seq = 30000",
    ));
  const runtime = await currentRuntime();
  const { sqlite } = runtime;
  const verify = async (startRowChecker: SqliteAdapter["startRowChecker"]) => {
    const { backend, path } = log;
    const given = { ...runtime, sqlite: { name: sqlite.name, open: sqlite.open, startRowChecker } };
    const opened = await AuditLog.open({ backend, path, readOnly: true, runtime: given });
    try {
      return await opened.verify({ verifierKey });
    } finally {
      await opened.close();
    }
  };
  const expected = await verify(undefined);
  let checked = 0;
  const report = await verify(async (settings) => {
    const thread = await sqlite.startRowChecker!(settings);
    return {
      async check(from, to) {
        const found = await thread.check(from, to);
        checked += found!.leaves.length / 32;
        return found;
      },
      close: () => thread.close(),
    };
  });
  assertEquals(checked, size);
  assertEquals({ ...report, faults: report.faults.length }, {
    ...expected,
    faults: expected.faults.length,
  });
  for (const fault of expected.faults) {
    assert(report.faults.some(({ message }) => message === fault.message), fault.message);
  }
  const [tile] = report.faults.filter(({ kind }) => kind === "tile");
  assertEquals([tile?.index, tile?.entryId], [ALTERED, log.ids[ALTERED]]);
});

test("a thread that is still starting when all is verified is ended", async (t) => {
  const log = await original(t, "sqlite", [9000]);
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: closed, resolve: close } = Promise.withResolvers<void>();
  const report = await verified(log, async () => {
    await gate;
    return { hash: () => Promise.reject(new Error("nobody asks")), close };
  });
  assertEquals([report.ok, report.size], [true, 9000]);
  open();
  await closed;
});

// Verifying a large log by several threads, as an application does.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, type SqliteAdapter } from "@audit-log/llm";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { alterLines, alterTables, original, verifierKey } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import { interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

/** So many that threads are worth it. */
const SIZE = 33_000;
/** The entry that is altered. */
const ALTERED = 28_000;

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`${backend}: a large log is checked by several threads, and what was altered is told`, async (t) => {
    const log = await original(t, backend, [100, SIZE - 300, SIZE]);
    if (backend === "jsonl") {
      alterLines(
        log.path,
        (lines) => lines.with(ALTERED, lines[ALTERED]!.replace('"out"', '"oUt"')),
      );
      const raw = await openRaw(t, `${log.path}-index`);
      raw.exec("UPDATE line SET user = model WHERE seq = 30000");
      raw.close();
    } else {
      await alterTables(t, log, (raw) =>
        raw.exec(
          `UPDATE audit_record SET record = replace(record, '"out"', '"oUt"') WHERE seq = ${ALTERED}; ` +
            "UPDATE audit_record SET user = 'eve' WHERE seq = 30000",
        ));
    }
    const runtime = await currentRuntime();
    const { sqlite } = runtime;
    const verify = async (startRecordChecker: SqliteAdapter["startRecordChecker"]) => {
      const driver = { name: sqlite.name, open: sqlite.open, startRecordChecker };
      const given = { ...runtime, sqlite: driver };
      const opened = await AuditLog.open({
        backend,
        path: log.path,
        readOnly: true,
        runtime: given,
      });
      try {
        return await opened.verify({ verifierKey });
      } finally {
        await opened.close();
      }
    };
    const expected = await verify(undefined);
    let checked = 0;
    const report = await verify(async (settings) => {
      const thread = await sqlite.startRecordChecker!(settings);
      return {
        async check(from, to) {
          const found = await thread.check(from, to);
          checked += (found?.leaves.length ?? 0) / 32;
          return found;
        },
        close: () => thread.close(),
      };
    });
    // What is not as it should be is looked at here.
    assert(checked >= SIZE / 2 && checked < SIZE, `${checked}`);
    // What was found of the same part is told together, and parts may be others.
    assertEquals({ ...report, faults: report.faults.length }, {
      ...expected,
      faults: expected.faults.length,
    });
    for (const fault of expected.faults) {
      assert(report.faults.some(({ message }) => message === fault.message), fault.message);
    }
    const [tile] = report.faults.filter(({ kind }) => kind === "tile");
    assertEquals([tile?.index, tile?.entryId], [ALTERED, log.ids[ALTERED]]);
    assert(report.faults.some(({ index }) => index === 30_000), "the altered name");
  });
}

test("jsonl: a log whose index was made anew by others is not taken for altered by threads that find theirs", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path, durability: "relaxed" });
  await log.recordAll(interactions(SIZE));
  assertEquals((await log.verify()).faults, []);
  for (const side of ["", "-wal", "-shm"]) rmSync(`${path}-index${side}`, { force: true });
  const other = await openFile(t, { backend: "jsonl", path });
  await other.close();
  await log.recordAll(interactions(1000));
  assertEquals((await log.verify()).faults, []);
});

// Rows that other threads check, part by part: whatever was done to the rows of a log, the report is the one of a single
// thread. (Where the pages of the database are damaged, what is found depends on where a search begins.)

import { assert, assertEquals, assertRejects } from "@std/assert";
import { type RecordChecker, SqliteError } from "@audit-log/llm";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { RowCheck } from "../../src/stores/row_check.ts";
import { InspectedRows } from "../../src/stores/row_inspector.ts";
import type { Verification } from "../../src/transparency/verification.ts";
import { alterTables, original } from "../support/altered.ts";
import { openFile } from "../support/backends.ts";
import * as ways from "../support/check_ways.ts";
import {
  checkSame,
  HERE,
  recordOddly,
  type StartChecker,
  verifiedBy,
  type Way,
} from "../support/check_ways.ts";
import { interactions } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { ALTERATIONS, doAlter } from "../support/sqlite_alterations.ts";
import { atEnd } from "../support/temp.ts";

/** So few rows for each part that a log has many. */
const THREADS: Way = { ...ways.THREADS, span: 64 };
const ASIDE: Way = { ...ways.ASIDE, span: 64 };

for (const [what, alteration] of Object.entries(ALTERATIONS)) {
  test(`threads find of a log what one does: ${what}`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => doAlter(alteration, raw, log.notes));
    await checkSame(log, ASIDE);
  });
}

/** What has to do with where a part ends, and the next begins. */
const AT_BORDERS: Record<string, string> = {
  "the last row of a part is gone": "DELETE FROM audit_record WHERE seq = 63",
  "the first row of a part is gone": "DELETE FROM audit_record WHERE seq = 64",
  "a whole part is gone": "DELETE FROM audit_record WHERE seq >= 64 AND seq < 128",
  "several parts are gone": "DELETE FROM audit_record WHERE seq >= 60 AND seq < 280",
  "the last row of a part has another time":
    "UPDATE audit_record SET instant_us = instant_us + 5 WHERE seq = 63",
  "the last row of a part has another lag": "UPDATE audit_record SET lag_us = 7 WHERE seq = 63",
  "the first row of a part has another lag": "UPDATE audit_record SET lag_us = 7 WHERE seq = 64",
  "rows of another number are far away":
    "UPDATE audit_record SET seq = 1000000000000 + seq WHERE seq >= 290;" +
    "UPDATE audit_record SET seq = -1000000000000 + seq WHERE seq < 3",
  "the first record of a part has another text":
    `UPDATE audit_record SET record = replace(record, '"out"', '"oUt"') WHERE seq = 64`,
  "a record has another id than its row":
    "UPDATE audit_record SET record = replace(record, entry_id, 'another') WHERE seq = 70",
  "a user is no UTF-8, and reads as the one of the record does":
    "UPDATE audit_record SET user = CAST(x'ff' AS TEXT), record = replace(record, 'alice', char(65533)) WHERE seq = 70",
  "a row has the largest number": "UPDATE audit_record SET seq = 9007199254740990 WHERE seq = 299",
  "no row is left": "DELETE FROM audit_record",
  "an event was added, and one is of no record":
    "INSERT INTO audit_event VALUES (64, 'call.end', NULL), (10000, 'call.end', NULL)",
};

for (const [what, sql] of Object.entries(AT_BORDERS)) {
  test(`threads find of a log what one does, by parts of any length: ${what}`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => raw.exec(sql));
    await checkSame(log, ASIDE, { ...ASIDE, span: 1, threads: 1 }, { ...ASIDE, span: 256 });
  });
}

test("threads find which entry was altered, in whichever tile", async (t) => {
  const log = await original(t, "sqlite", [100, 280, 800]);
  await alterTables(t, log, (raw) =>
    raw.exec(
      `UPDATE audit_record SET record = replace(record, '"out"', '"oUt"') WHERE seq IN (255, 256, 512)`,
    ));
  const { found } = await verifiedBy(log, ASIDE);
  const faults = (found as { faults: string[] }).faults.map((fault) => JSON.parse(fault));
  assertEquals(
    faults.filter(({ kind }) => kind === "tile").map(({ index, entryId }) => [index, entryId]),
    [255, 256, 512].map((index) => [index, log.ids[index]]),
  );
  await checkSame(log, ASIDE, { ...ASIDE, span: 100 });
});

test("threads find nothing wrong with calls, foreign records and times that run backwards", async (t) => {
  const log = await original(t, "sqlite", [100, 300]);
  const opened = await openFile(t, { backend: "sqlite", path: log.path });
  await recordOddly(opened);
  await opened.recordAll(interactions(200));
  await opened.close();
  const { found, progress } = await verifiedBy(log, THREADS);
  assertEquals((found as Verification).faults, []);
  assertEquals((found as Verification).size, 652);
  assertEquals(progress, [...Array.from({ length: 10 }, (_, n) => (n + 1) * 64), 652]);
  await checkSame(log, ASIDE, THREADS, { ...ASIDE, span: 256 });
});

for (const [how, good] of [["at once", 0], ["after its first answer", 1], ["later", 3]] as const) {
  test(`what a thread leaves that is lost ${how} is checked by this one`, async (t) => {
    const log = await original(t, "sqlite");
    await alterTables(t, log, (raw) => raw.exec(AT_BORDERS["several parts are gone"]!));
    const { promise: allClosed, resolve } = Promise.withResolvers<void>();
    let [started, lost, closed] = [0, 0, 0];
    const through = (start: StartChecker) => async (): Promise<RecordChecker> => {
      const thread = await start();
      started++;
      let left = good;
      return {
        check(from, to) {
          if (left-- > 0) return thread.check(from, to);
          lost++;
          return Promise.reject(new Error("it was killed"));
        },
        async close() {
          await thread.close();
          if (++closed === 2) resolve();
        },
      };
    };
    // Of so many parts, some are left when each thread has had its own.
    await checkSame(log, { ...THREADS, span: 16, through });
    // Each was at two parts at a time, and got no more.
    assert(lost > 0 && lost <= 2 * started, `${lost} of ${started}`);
    await allClosed;
    assertEquals(started, 2);
  });
}

test("threads that have started do not wait for others, which are ended when they come", async (t) => {
  const log = await original(t, "sqlite");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  let [started, closed] = [0, 0];
  const through = (start: StartChecker) => async (): Promise<RecordChecker> => {
    const isLate = started++ > 0;
    const thread = await start();
    if (isLate) await gate;
    return {
      check: (from, to) => thread.check(from, to),
      async close() {
        await thread.close();
        closed++;
      },
    };
  };
  // Without the first, nothing would have been verified by then.
  const { found } = await verifiedBy(log, { ...THREADS, through, onProgress: () => open() });
  assertEquals((found as Verification).size, 300);
  assertEquals([started, closed], [2, 2]);
});

test("where threads cannot read, or cannot be started, this one checks all", async (t) => {
  const log = await original(t, "sqlite");
  await alterTables(t, log, (raw) => raw.exec(AT_BORDERS["rows of another number are far away"]!));
  const unable: RecordChecker = {
    check: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
  let started = 0;
  await checkSame(
    log,
    { ...ASIDE, through: () => () => Promise.resolve(unable) },
    { ...ASIDE, through: () => () => Promise.reject(new Error("no threads here")) },
    {
      ...THREADS,
      through: (start) => () => started++ === 0 ? Promise.reject(new Error("not two")) : start(),
    },
  );
});

test("threads close the database, and leave no file beside it", async (t) => {
  const log = await original(t, "sqlite");
  const opened = await openFile(t, { backend: "sqlite", path: log.path });
  await verifiedBy(log, THREADS);
  await opened.close();
  assertEquals(["-wal", "-shm"].filter((suffix) => existsSync(log.path + suffix)), []);
});

test("threads are ended where verification is left early", async (t: TestContext) => {
  const log = await original(t, "sqlite");
  const { promise: bothClosed, resolve } = Promise.withResolvers<void>();
  let [started, closed] = [0, 0];
  const through = (start: StartChecker) => async (): Promise<RecordChecker> => {
    const thread = await start();
    started++;
    return {
      check: (from, to) => thread.check(from, to),
      async close() {
        await thread.close();
        if (++closed === 2) resolve();
      },
    };
  };
  const onProgress = () => {
    throw new Error("enough");
  };
  await assertRejects(() => verifiedBy(log, { ...THREADS, through, onProgress }), Error, "enough");
  await bothClosed;
  assertEquals(started, 2);
});

/** Sets a bit of the number of the first row in the last page of rows, so that it is larger than all others. */
function damageNumber(path: string): void {
  const bytes = readFileSync(path);
  const pageSize = bytes.readUInt16BE(16);
  for (let page = bytes.length / pageSize - 1; page > 0; page--) {
    const start = page * pageSize;
    // https://sqlite.org/fileformat2.html: a leaf of a table, whose cells have a length, and then a number, as varints.
    if (bytes[start] !== 13 || bytes.readUInt16BE(start + 3) === 0) continue;
    let at = start + bytes.readUInt16BE(start + 8);
    while (bytes[at++]! > 127);
    const number = (bytes[at]! - 128) * 128 + bytes[at + 1]!;
    if (number < 250 || number >= 300) continue;
    bytes[at]! |= 0x40;
    writeFileSync(path, bytes);
    return;
  }
  throw new Error("there is no such page");
}

test("a damaged number that hides the end of a log is found, with threads and without", async (t) => {
  const log = await original(t, "sqlite", [100, 200, 300]);
  await alterTables(t, log, (raw) => raw.exec("DELETE FROM audit_checkpoint WHERE size > 200"));
  damageNumber(log.path);
  for (const way of [HERE, ASIDE, { ...ASIDE, span: 1024 }]) {
    const { found } = await verifiedBy(log, way);
    const { faults } = found as { faults: string[] };
    assert(faults.some((fault) => fault.includes("a last row with the number 299")), `${faults}`);
  }
});

test("more rows than there are numbers for are refused: the table is damaged", async (t) => {
  const { path } = await original(t, "sqlite");
  const { sqlite, sha256 } = await currentRuntime();
  const database = sqlite.open(path, { readOnly: true });
  atEnd(t, () => database.close());
  const rows = new InspectedRows(database);
  const twice = Object.assign(Object.create(rows), {
    standBefore: () => rows.standBefore(0),
    async *pages(...range: Parameters<InspectedRows["pages"]>) {
      for (let n = 0; n < 2; n++) yield* rows.pages(...range);
    },
  });
  await assertRejects(
    () => new RowCheck(twice, sha256, 5000).check(0, 3),
    SqliteError,
    "its rows are not in order",
  );
});

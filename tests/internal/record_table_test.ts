// A span of time becomes a range of rows. Against brute force, with times in any disorder.

import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import type { SqliteDatabase } from "../../src/ports.ts";
import { checkQuery, type Selection } from "../../src/query.ts";
import { eventTableSql } from "../../src/stores/event_table.ts";
import { indexSql, strayChecks } from "../../src/stores/record_indexes.ts";
import { RecordTable } from "../../src/stores/record_table.ts";
import { check } from "../support/property.ts";
import { currentRuntime } from "../support/runtime.ts";

/** A table of rows with these instants, its indexes in segments of a few rows. */
function tableOf(
  database: SqliteDatabase,
  instants: readonly number[],
  segmentBits = 2,
): RecordTable {
  database.exec(`
    CREATE TABLE t (seq INTEGER PRIMARY KEY, instant_us REAL, lag_us REAL, canonical INTEGER,
      entry_id TEXT, user TEXT, model TEXT, record TEXT);
    CREATE INDEX t_entry_id ON t (entry_id); ${indexSql("t", segmentBits)}${
    eventTableSql("t_event")
  }`);
  const table = new RecordTable(database, "t", "t_event", "seq", segmentBits);
  const insert = database.prepare("INSERT INTO t VALUES (?, ?, ?, 1, ?, ?, ?, '')");
  for (const [seq, instant] of instants.entries()) {
    const highUs = Math.max(table.end().highUs, instant);
    insert.run(seq, instant, highUs - instant, `${seq}`, `u${seq % 2}`, `m${seq % 3}`);
  }
  return table;
}

const selection = (parts: Partial<Selection>): Selection => ({
  ...checkQuery({}),
  afterIndex: undefined,
  ...parts,
});

const instant = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }) },
  fc.constantFrom(-62167219200000000, 253402300799999000, 9007199254740993, 1767225600000001),
);

test("a range holds every row of a span, and counting with the filter gives exactly those", async () => {
  const { sqlite } = await currentRuntime();
  await check(
    fc.asyncProperty(
      fc.array(instant, { maxLength: 40 }),
      fc.array(fc.record({ sinceUs: instant, untilUs: instant }, { requiredKeys: [] }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.option(fc.integer({ min: -1, max: 41 }), { nil: undefined }),
      // deno-lint-ignore require-await -- so that one helper runs all properties
      async (instants, spans, afterIndex) => {
        const database = sqlite.open(":memory:", { readOnly: false });
        try {
          const table = tableOf(database, instants);
          for (const { sinceUs, untilUs } of spans) {
            for (const order of ["asc", "desc"] as const) {
              const asked = selection({ sinceUs, untilUs, order, afterIndex });
              const range = table.range(asked, instants.length);
              const isIn = (at: number) =>
                at >= (sinceUs ?? -Infinity) && at <= (untilUs ?? Infinity);
              const isBehind = (seq: number) =>
                afterIndex === undefined || (order === "asc" ? seq > afterIndex : seq < afterIndex);
              const expected = [...instants.keys()]
                .filter((seq) => isIn(instants[seq]!) && isBehind(seq));
              const rows = table.page({ sinceUs, untilUs }, range, order, 100);
              const found = rows.map((row) => row["seq"]);
              assertEquals(found, order === "asc" ? expected : expected.toReversed());
              assertEquals(table.count({ sinceUs, untilUs }, range), expected.length);
            }
          }
        } finally {
          database.close();
        }
      },
    ),
    200,
  );
});

test("with times in order a range is exactly the span, so that nothing needs checking", async () => {
  const { sqlite } = await currentRuntime();
  const database = sqlite.open(":memory:", { readOnly: false });
  const instants = [10, 20, 20, 20, 30, 40];
  const table = tableOf(database, instants);
  for (let sinceUs = 5; sinceUs <= 45; sinceUs += 5) {
    for (let untilUs = sinceUs; untilUs <= 45; untilUs += 5) {
      const { from, to } = table.range(selection({ sinceUs, untilUs }), instants.length);
      const inSpan = instants.filter((at) => at >= sinceUs && at <= untilUs);
      assertEquals(instants.slice(from, to), inSpan, `${sinceUs} to ${untilUs}`);
    }
  }
  database.close();
});

test("rows that are added meanwhile are in no range that was made before", async () => {
  const { sqlite } = await currentRuntime();
  const database = sqlite.open(":memory:", { readOnly: false });
  const table = tableOf(database, [10, 20, 30, 40]);
  const range = table.range(selection({}), 2);
  assertEquals(range, { from: 0, to: 2 });
  const since = table.range(selection({ sinceUs: 15 }), 3);
  assertEquals(since, { from: 1, to: 3 });
  assertEquals(table.range(selection({ afterIndex: 7 }), 4).from >= 4, true);
  const before = table.range(selection({ afterIndex: 0, order: "desc" }), 4);
  assert(before.from >= before.to);
  database.close();
});

test("the end of a table is its last row and the latest instant of all rows", async () => {
  const { sqlite } = await currentRuntime();
  const database = sqlite.open(":memory:", { readOnly: false });
  const table = tableOf(database, []);
  assertEquals(table.end(), { size: 0, highUs: -Infinity });
  database.close();
  const second = sqlite.open(":memory:", { readOnly: false });
  const disordered = tableOf(second, [5, 90, 20, 30]);
  assertEquals(disordered.end(), { size: 4, highUs: 90 });
  assertEquals(disordered.seqOf("2"), 2);
  assertEquals(disordered.seqOf("4"), undefined);
  assertGreaterOrEqual(
    disordered.count({ sinceUs: undefined, untilUs: undefined, user: "u1" }, {
      from: 0,
      to: 4,
    }),
    2,
  );
  second.close();
});

test("the rows of a user are found segment by segment, whatever range, order and limit", async () => {
  const { sqlite } = await currentRuntime();
  const name = (prefix: string) => fc.integer({ min: 0, max: 4 }).map((n) => `${prefix}${n}`);
  await check(
    fc.asyncProperty(
      fc.array(fc.tuple(name("u"), name("m")), { maxLength: 60 }),
      fc.array(
        fc.record({
          user: name("u"),
          model: fc.option(name("m"), { nil: undefined }),
          from: fc.integer({ min: 0, max: 60 }),
          to: fc.integer({ min: 0, max: 60 }),
          order: fc.constantFrom("asc" as const, "desc" as const),
          limit: fc.integer({ min: 1, max: 30 }),
        }),
        { minLength: 1, maxLength: 10 },
      ),
      fc.integer({ min: 0, max: 5 }),
      // deno-lint-ignore require-await -- so that one helper runs all properties
      async (names, asked, segmentBits) => {
        const database = sqlite.open(":memory:", { readOnly: false });
        try {
          const table = tableOf(database, names.map((_, seq) => seq), segmentBits);
          const rename = database.prepare("UPDATE t SET user = ?, model = ? WHERE seq = ?");
          for (const [seq, [user, model]] of names.entries()) rename.run(user, model, seq);
          for (const { user, model, from, to, order, limit } of asked) {
            const expected = [...names.keys()].filter((seq) =>
              seq >= from && seq < to && names[seq]![0] === user &&
              (model === undefined || names[seq]![1] === model)
            );
            if (order === "desc") expected.reverse();
            const filter = { user, model, sinceUs: undefined, untilUs: undefined };
            const rows = table.page(filter, { from, to }, order, limit);
            assertEquals(rows.map((row) => row["seq"]), expected.slice(0, limit));
            assertEquals(table.count(filter, { from, to }), expected.length);
          }
        } finally {
          database.close();
        }
      },
    ),
    300,
  );
});

test("rows whose numbers were damaged are found, however many segments without a row are before them", async () => {
  const { sqlite } = await currentRuntime();
  const seqs = [
    0,
    1,
    2,
    3,
    20,
    2 ** 14 + 7,
    2 ** 14 + 8,
    2 ** 15 + 9,
    2 ** 40,
    2 ** 40 + 6,
    2 ** 52,
  ];
  const database = sqlite.open(":memory:", { readOnly: false });
  const table = tableOf(database, seqs.map((_, at) => at));
  const renumber = database.prepare("UPDATE t SET seq = ? WHERE seq = ?");
  for (const at of [...seqs.keys()].reverse()) renumber.run(seqs[at]!, at);
  const filter = { user: "u1", sinceUs: undefined, untilUs: undefined };
  for (const from of seqs) {
    for (const to of seqs.map((seq) => seq + 1)) {
      const expected = seqs.filter((seq, at) => at % 2 === 1 && seq >= from && seq < to);
      assertEquals(table.count(filter, { from, to }), expected.length);
      for (const order of ["asc", "desc"] as const) {
        const found = table.page(filter, { from, to }, order, 100).map((row) => row["seq"]);
        assertEquals(found, order === "asc" ? expected : expected.toReversed());
      }
    }
  }
  database.close();
});

test("segments as they are on the disk hold 16,384 rows, and the empty ones are passed over", async () => {
  const { sqlite } = await currentRuntime();
  const database = sqlite.open(":memory:", { readOnly: false });
  database.exec(`
    CREATE TABLE t (seq INTEGER PRIMARY KEY, instant_us REAL, lag_us REAL, canonical INTEGER,
      entry_id TEXT, user TEXT, model TEXT, record TEXT);
    ${indexSql("t")}${eventTableSql("t_event")}
    WITH RECURSIVE rows (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM rows WHERE n < 49999)
    INSERT INTO t SELECT n, n, 0, 1, n, CASE WHEN n IN (5, 16383, 16384, 49999) THEN 'rare' ELSE 'u' END, 'm', ''
    FROM rows`);
  const plain: string[] = [];
  const spy: SqliteDatabase = {
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        ...statement,
        run: (...values) => statement.run(...values),
        get: (...values) => statement.get(...values),
        all(...values) {
          plain.push(`${values[0]}`);
          return statement.all(...values);
        },
      };
    },
  };
  const table = new RecordTable(spy, "t", "t_event", "seq");
  const filter = { user: "rare", sinceUs: undefined, untilUs: undefined };
  const whole = { from: 0, to: 50_000 };
  const found = (order: "asc" | "desc", limit: number) =>
    table.page(filter, whole, order, limit).map((row) => row["seq"]);
  assertEquals(found("asc", 10), [5, 16383, 16384, 49999]);
  assertEquals(plain.splice(0), ["0", "1", "3"]);
  assertEquals(found("desc", 2), [49999, 16384]);
  assertEquals(plain.splice(0), ["3", "1"]);
  assertEquals(table.count(filter, { from: 6, to: 49_999 }), 2);
  assertEquals(table.count({ ...filter, user: "u", model: "m" }, whole), 49_996);
  database.close();
});

test("an event of no record is told of once, whatever its number and however large the log", async () => {
  const { sqlite } = await currentRuntime();
  const numbers = [-(2 ** 53), -1, 0, 1, 65_535, 65_536, 199_999, 200_000, 1e9, 2 ** 53];
  for (const size of [0, 1, 65_536, 65_537, 200_000, 2 ** 40]) {
    const database = sqlite.open(":memory:", { readOnly: false });
    tableOf(database, [0, 1]); // which have the numbers 0 and 1
    const rows = numbers.map((number) => `(${number}, 'call.begin', NULL)`);
    database.exec(`INSERT INTO t_event VALUES ${rows}`); // drivers cannot tell the last of these
    const checks = strayChecks("t", "t_event", -(2 ** 53), size);
    assert(checks.length < 5000, `${checks.length} questions`);
    const found = checks.flatMap(({ sql }) => database.prepare(sql).all())
      .flatMap(({ number }) => typeof number === "string" ? [Number(number)] : []);
    assertEquals(
      found.toSorted((a, b) => a - b),
      numbers.filter((number) => number !== 0 && number !== 1),
    );
    database.close();
  }
});

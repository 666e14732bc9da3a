/**
 * Recording in SQLite, against the raw driver and the Python class.
 *
 * @module
 */
import { AuditLog, type NewEntry } from "../../mod.ts";
import { SCHEMA_SQL } from "../../src/stores/sqlite_schema.ts";
import { CALLERS, recordBy } from "./callers.ts";
import type { Task } from "./measure.ts";
import { pythonClass } from "./python_class.ts";
import { type Contender, interleave, perSecond, ratio, rowsOf, type Section } from "./rounds.ts";
import { PLAIN_SCHEMA_SQL, RawLog } from "./sqlite_limit.ts";
import { stamps } from "./stamps.ts";
import { inNewFolder } from "./new_folder.ts";

/** Many callers at once: on a new log, and on one to which they have recorded for a while. */
export async function measureSqlite(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const count = task.full ? 40_960 : 20_480;
  const before = recordedBefore(count);
  const figures = await interleave([
    ...contenders(task, entries, count, CALLERS),
    ...pythonClass(task, "sqlite", 250),
  ], task.rounds);
  const later = await interleave(contenders(task, entries, count, CALLERS, before), task.rounds);
  const target = { atLeast: 0.8 };
  return {
    title: "SQLite, 1,024 callers, durable",
    note: `${count} records a round; the limit commits batches of ${CALLERS}; ` +
      `later: after ${before.toLocaleString("en")} others`,
    rows: [
      ...rowsOf(figures, "records/s"),
      ratio(figures, "record()", "limit", target),
      ratio(figures, "limit with triggers", "limit"),
      ...(task.python === undefined ? [] : [ratio(figures, "record()", "Python class")]),
      ...[
        ...rowsOf(later, "records/s"),
        ratio(later, "record()", "limit", target),
        ratio(later, "limit with triggers", "limit"),
      ].map((row) => ({ ...row, name: `later: ${row.name}` })),
    ],
  };
}

/**
 * How many records are in a log that is measured later than at its start. By then, its thread has started, code is compiled,
 * and SQLite moves pages from the write-ahead log to the database now and then.
 */
export function recordedBefore(count: number): number {
  return 4 * count;
}

/** One caller, who awaits each record. */
export async function measureSqliteSingle(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const count = task.full ? 4000 : 1000;
  const figures = await interleave([
    ...contenders(task, entries, count, 1),
    ...pythonClass(task, "sqlite", 250),
  ], task.rounds);
  return {
    title: "SQLite, one record() at a time, durable",
    note: `${count} records a round; the limit commits each alone`,
    rows: [
      ...rowsOf(figures, "records/s"),
      // The target is about time, which is the reciprocal of speed.
      { ...ratio(figures, "limit", "record()", { atMost: 1.3 }), name: "time of record() : limit" },
      ...(task.python === undefined ? [] : [ratio(figures, "record()", "Python class")]),
    ],
  };
}

/** @param before How many records are made before those that count, in the same file. */
function contenders(
  task: Task,
  entries: readonly NewEntry[],
  count: number,
  callers: number,
  before = 0,
): Contender[] {
  const stamped = stamps(before + count);
  const raw = (schema: string) =>
    inNewFolder(task.folder, async (path) => {
      const log = await RawLog.create(path, schema);
      log.insert(entries, stamped.slice(0, before), callers);
      const start = performance.now();
      log.insert(entries, stamped.slice(before), callers);
      const speed = perSecond(count, start);
      log.close();
      return speed;
    });
  return [
    {
      name: "record()",
      run: () =>
        inNewFolder(task.folder, async (path) => {
          const log = await AuditLog.open({ backend: "sqlite", path });
          await recordBy(callers, log, entries, before);
          const speed = await recordBy(callers, log, entries, count);
          await log.close();
          return speed;
        }),
    },
    { name: "limit", run: () => raw(PLAIN_SCHEMA_SQL) },
    { name: "limit with triggers", run: () => raw(SCHEMA_SQL) },
  ];
}

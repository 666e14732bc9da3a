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
import { type Contender, interleave, ratio, rowsOf, type Section } from "./rounds.ts";
import { insertRaw, PLAIN_SCHEMA_SQL } from "./sqlite_limit.ts";
import { stamps } from "./stamps.ts";
import { inNewFolder } from "./new_folder.ts";

/** Many callers at once. */
export async function measureSqlite(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const count = task.full ? 40_960 : 20_480;
  const figures = await interleave(contenders(task, entries, count, CALLERS, 250), task.rounds);
  return {
    title: "SQLite, 1,024 callers, durable",
    note: `${count} records a round; the limit commits batches of ${CALLERS}`,
    rows: [
      ...rowsOf(figures, "records/s"),
      ratio(figures, "record()", "limit", { atLeast: 0.8 }),
      ratio(figures, "limit with triggers", "limit"),
      ...(task.python === undefined ? [] : [ratio(figures, "record()", "Python class")]),
    ],
  };
}

/** One caller, who awaits each record. */
export async function measureSqliteSingle(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const count = task.full ? 4000 : 1000;
  const figures = await interleave(contenders(task, entries, count, 1, 250), task.rounds);
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

function contenders(
  task: Task,
  entries: readonly NewEntry[],
  count: number,
  callers: number,
  pythonCount: number,
): Contender[] {
  const stamped = stamps(count);
  const raw = (schema: string) =>
    inNewFolder(task.folder, (path) => insertRaw(path, schema, entries, stamped, callers));
  return [
    {
      name: "record()",
      run: () =>
        inNewFolder(task.folder, async (path) => {
          const log = await AuditLog.open({ backend: "sqlite", path });
          const speed = await recordBy(callers, log, entries, count);
          await log.close();
          return speed;
        }),
    },
    { name: "limit", run: () => raw(PLAIN_SCHEMA_SQL) },
    { name: "limit with triggers", run: () => raw(SCHEMA_SQL) },
    ...pythonClass(task, "sqlite", pythonCount),
  ];
}

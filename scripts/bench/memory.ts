/**
 * Recording in memory, against the Python class.
 *
 * @module
 */
import { AuditLog, type NewEntry } from "../../mod.ts";
import { CALLERS, recordBy } from "./callers.ts";
import type { Task } from "./measure.ts";
import { pythonClass } from "./python_class.ts";
import { interleave, ratio, rowsOf, type Section } from "./rounds.ts";

/** How many records a round has: so many that what V8 takes to compile the code again, after the garbage collection before, is a small part. */
const COUNT = 200_000;

/** One caller and many. */
export async function measureMemory(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const record = (callers: number) => async () => {
    const log = await AuditLog.open();
    const speed = await recordBy(callers, log, entries, COUNT);
    await log.close();
    return speed;
  };
  // A log that lives on, as a server's does: V8 throws code away whose objects are all gone, and would compile it in each round.
  const other = await AuditLog.open();
  await other.record(entries[0]);
  const one = "record(), one caller";
  const many = "record(), 1,024 callers";
  const figures = await interleave([
    { name: one, run: record(1) },
    { name: many, run: record(CALLERS) },
    ...pythonClass(task, "memory", COUNT),
  ], task.rounds);
  await other.close();
  const rows = rowsOf(figures, "records/s");
  if ("process" in globalThis && !("Deno" in globalThis) && !("Bun" in globalThis)) {
    for (const row of rows.slice(0, 2)) row.atLeast = 250_000;
  }
  if (task.python !== undefined) {
    rows.push(ratio(figures, one, "Python class", { atLeast: 4 }));
    rows.push(ratio(figures, many, "Python class", { atLeast: 4 }));
  }
  return { title: "memory", note: `${COUNT} records a round`, rows };
}

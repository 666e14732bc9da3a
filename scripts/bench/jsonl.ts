/**
 * Recording in JSONL, against appending and syncing alone, and the Python class.
 *
 * @module
 */
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { AuditLog, type NewEntry } from "../../mod.ts";
import { CALLERS, recordBy } from "./callers.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { pythonClass } from "./python_class.ts";
import { type Contender, interleave, perSecond, ratio, rowsOf, type Section } from "./rounds.ts";
import { type LineWork, nothing, type Stamp, stamps, stringify } from "./stamps.ts";

/** Many callers at once. */
export async function measureJsonl(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  // The index beside the file may be behind by 131,072 lines; what it costs shows where closing is timed, too.
  const count = task.full ? 131_072 : 40_960;
  const figures = await interleave(contenders(task, entries, count, CALLERS, 5000), task.rounds);
  return {
    title: "JSONL, 1,024 callers, durable",
    note: `${count} records a round; the limit appends and syncs batches of ${CALLERS}`,
    rows: [
      ...rowsOf(figures, "records/s"),
      ratio(figures, "record()", "limit", { atLeast: 0.8 }),
      ratio(figures, "record() and close()", "limit"),
      ...(task.python === undefined ? [] : [ratio(figures, "record()", "Python class")]),
    ],
  };
}

/** One caller, who awaits each record. */
export async function measureJsonlSingle(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const count = task.full ? 4000 : 500;
  const figures = await interleave(contenders(task, entries, count, 1, 5000), task.rounds);
  return {
    title: "JSONL, one record() at a time, durable",
    note: `${count} records a round; the limit syncs each alone; the Python class never syncs`,
    rows: [
      ...rowsOf(figures, "records/s"),
      { ...ratio(figures, "limit", "record()"), name: "time of record() : limit" },
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
  return [
    {
      name: "record()",
      run: () =>
        inNewFolder(task.folder, async (path) => {
          const log = await AuditLog.open({ backend: "jsonl", path });
          const speed = await recordBy(callers, log, entries, count);
          await log.close();
          return speed;
        }),
    },
    {
      name: "record() and close()",
      run: () =>
        inNewFolder(task.folder, async (path) => {
          const log = await AuditLog.open({ backend: "jsonl", path });
          const start = performance.now();
          await recordBy(callers, log, entries, count);
          await log.close();
          return perSecond(count, start);
        }),
    },
    {
      name: "limit",
      run: () => inNewFolder(task.folder, (path) => appendRaw(path, entries, stamped, callers)),
    },
    ...pythonClass(task, "jsonl", pythonCount),
  ];
}

/** Appends per second, a batch in one write and one sync. */
export function appendRaw(
  path: string,
  entries: readonly NewEntry[],
  stamped: readonly Stamp[],
  batch: number,
  durability: "full" | "relaxed" = "full",
  work: LineWork = nothing,
): number {
  const file = openSync(path, "a");
  const encoder = new TextEncoder();
  let slab = new Uint8Array(0);
  const start = performance.now();
  for (let next = 0; next < stamped.length;) {
    let lines = "";
    for (const end = Math.min(next + batch, stamped.length); next < end; next++) {
      const line = stringify(entries[next % entries.length], stamped[next]);
      work(line);
      lines += `${line}\n`;
    }
    if (slab.length < lines.length * 3) slab = new Uint8Array(lines.length * 3);
    const bytes = slab.subarray(0, encoder.encodeInto(lines, slab).written);
    if (writeSync(file, bytes) < bytes.length) throw new Error("a short write");
    if (durability === "full") fdatasyncSync(file);
  }
  const speed = perSecond(stamped.length, start);
  closeSync(file);
  return speed;
}

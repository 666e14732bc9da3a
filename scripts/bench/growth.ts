/**
 * What recording and asking cost in logs of growing size: both must stay what they are.
 *
 * @module
 */
import { AuditLog } from "../../mod.ts";
import { recordBy } from "./callers.ts";
import { tinyEntries, userOf } from "./entries.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { collectGarbage, median, type Row, type Section } from "./rounds.ts";

const CALLERS = 1024;
/** How many records are timed at each size. */
const RECORDS = 16_384;
const QUERIES = 200;
const NEWEST = 10;
/** How many entries the log is filled with at a time. */
const BATCH = 4096;

/** What a row of {@link measureGrowth} is about. */
export interface GrowthPoint {
  backend: string;
  size: number;
  what: "record" | "query";
}

const NAMES = { record: "a record", query: `a user's newest ${NEWEST}` };

/** The name of a row, from which {@link growthPoint} makes out what it is about. */
function nameOf({ backend, size, what }: GrowthPoint): string {
  return `${backend}, ${size.toLocaleString("en")} entries: ${NAMES[what]}`;
}

/** What a row is about. */
export function growthPoint({ name }: Row): GrowthPoint {
  const [, backend, size, what] = /^(.+), ([\d,]+) entries: (.+)$/.exec(name)!;
  return {
    backend,
    size: Number(size.replaceAll(",", "")),
    what: what === NAMES.record ? "record" : "query",
  };
}

/** Grows a log of each backend, and looks at each size. */
export async function measureGrowth(task: Task): Promise<Section> {
  const sizes = [10_000, 100_000, 1_000_000, ...(task.full ? [10_000_000] : [])];
  const rows: Row[] = [];
  for (const backend of ["sqlite", "jsonl"] as const) {
    await inNewFolder(task.folder, async (path) => {
      for (const size of sizes) {
        const filling = await AuditLog.open({ backend, path, durability: "relaxed" });
        await fill(filling, size - RECORDS * task.rounds);
        await filling.close();
        const log = await AuditLog.open({ backend, path });
        const [record, query]: [number[], number[]] = [[], []];
        for (let round = 0; round < task.rounds; round++) {
          collectGarbage();
          const left = Math.min(RECORDS, size - log.size);
          if (left > 0) record.push(1e6 / await recordBy(CALLERS, log, tinyEntries(), left));
          query.push(await timeOfQuery(log) * 1000);
        }
        await log.close();
        const base = { backend, size } as const;
        rows.push(
          { name: nameOf({ ...base, what: "record" }), unit: "µs", values: record },
          { name: nameOf({ ...base, what: "query" }), unit: "µs", values: query },
        );
      }
    });
  }
  return {
    title: "Logs that grow",
    note:
      `entries of 0.3 KB; ${CALLERS} callers, durable; the median of ${QUERIES} queries; up to ${RECORDS} records ` +
      "timed before each size",
    rows,
  };
}

async function fill(log: AuditLog, size: number): Promise<void> {
  const entries = tinyEntries();
  while (log.size < size) await log.recordAll(entries.slice(0, Math.min(BATCH, size - log.size)));
}

/** Milliseconds. */
async function timeOfQuery(log: AuditLog): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < QUERIES; index++) {
    const start = performance.now();
    await log.query({ user: userOf(index * 7), order: "desc", limit: NEWEST });
    times.push(performance.now() - start);
  }
  return median(times);
}

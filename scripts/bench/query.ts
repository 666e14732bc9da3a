/**
 * The newest entries of one user, against the raw prepared statement, in logs of growing size; and what no entry has, which is
 * looked for in all of them.
 *
 * @module
 */
import { AuditLog } from "../../mod.ts";
import { SEGMENT_BITS, segmentSql } from "../../src/stores/record_indexes.ts";
import { RECORD_TABLE } from "../../src/stores/sqlite_schema.ts";
import { smallEntry, userOf } from "./entries.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { collectGarbage, median, type Row, type Section } from "./rounds.ts";
import { openRaw } from "./sqlite_limit.ts";
import { standstillOf } from "./standstill.ts";

const QUERIES = 200;
const NEWEST = 10;
/** How many entries the log is filled with at a time. */
const BATCH = 1000;

/** Grows one log and asks at each size. */
export async function measureQuery(task: Task): Promise<Section> {
  const sizes = task.full ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
  return await inNewFolder(task.folder, async (path) => {
    const log = await AuditLog.open({ backend: "sqlite", path, durability: "relaxed" });
    const raw = await openRaw(path);
    const statement = raw.prepare(
      `SELECT seq, record FROM ${RECORD_TABLE} INDEXED BY ${RECORD_TABLE}_user ` +
        `WHERE ${segmentSql()} = ? AND user = ? ORDER BY seq DESC LIMIT ?`,
    );
    const newest = (user: string): unknown[] => {
      const rows: unknown[] = [];
      for (
        let segment = (log.size - 1) >> SEGMENT_BITS;
        segment >= 0 && rows.length < NEWEST;
        segment--
      ) {
        rows.push(...statement.all(segment, user, NEWEST - rows.length));
      }
      return rows;
    };
    const rows: Row[] = [];
    const added: number[][] = [];
    for (const size of sizes) {
      await fill(log, size);
      const { ours, limit } = await ask(log, newest, task.rounds);
      const all = await askForNothing(log, task.rounds);
      added.push(ours.map((time, round) => time - limit[round]));
      const of = `of ${size.toLocaleString("en")}`;
      rows.push(
        { name: `query(), ${of}`, unit: "ms", values: ours },
        { name: `raw statement, ${of}`, unit: "ms", values: limit },
        { name: `difference, ${of}`, unit: "ms", values: added.at(-1)!, atMost: 1 },
        { name: `metadata of no entry, ${of}`, unit: "ms", values: all.ms },
        { name: `longest standstill, ${of}`, unit: "ms", values: all.stallMs, atMost: 50 },
      );
    }
    rows.push({
      name: "difference, largest : smallest log",
      unit: "times",
      values: added.at(-1)!.map((time, round) => time / added[0][round]),
      atMost: 1.5,
    });
    await log.close();
    raw.close();
    return {
      title: "SQLite, one user's newest 10 entries",
      note: `entries of 0.5 KB, 1,000 users; each figure is the median of ${QUERIES} users`,
      rows,
    };
  });
}

async function fill(log: AuditLog, size: number): Promise<void> {
  while (log.size < size) {
    const first = log.size;
    await log.recordAll(Array.from({ length: BATCH }, (_, index) => smallEntry(first + index)));
  }
}

/** Milliseconds of a query and of the statement, by turns; the first round does not count. */
async function ask(
  log: AuditLog,
  newest: (user: string) => unknown[],
  rounds: number,
): Promise<{ ours: number[]; limit: number[] }> {
  const ours: number[] = [];
  const limit: number[] = [];
  for (let round = -1; round < rounds; round++) {
    collectGarbage();
    const times = { ours: [] as number[], limit: [] as number[] };
    for (let index = 0; index < QUERIES; index++) {
      const user = userOf(index * 7);
      const start = performance.now();
      const entries = await log.query({ user, order: "desc", limit: NEWEST });
      const between = performance.now();
      const raw = newest(user);
      times.limit.push(performance.now() - between);
      times.ours.push(between - start);
      if (entries.length !== raw.length) throw new Error("the answers differ");
    }
    if (round < 0) continue;
    ours.push(median(times.ours));
    limit.push(median(times.limit));
  }
  return { ours, limit };
}

/** Milliseconds of a query that has to look at every entry, and for how long the event loop stands still meanwhile. */
async function askForNothing(
  log: AuditLog,
  rounds: number,
): Promise<{ ms: number[]; stallMs: number[] }> {
  const [ms, stallMs]: [number[], number[]] = [[], []];
  for (let round = -1; round < rounds; round++) {
    const start = performance.now();
    const stall = await standstillOf(() => log.query({ metadata: { session: "nobody's" } }));
    if (round < 0) continue;
    ms.push(performance.now() - start);
    stallMs.push(stall);
  }
  return { ms, stallMs };
}

/**
 * What it is like to record: speed, waiting, CPU time and standstill, by one caller and by many, with large entries and
 * small ones, durable and relaxed, by one process and by four.
 *
 * @module
 */
import { existsSync, statSync } from "node:fs";
import process from "node:process";
import { AuditLog, type NewEntry } from "../../mod.ts";
import { recordBy } from "./callers.ts";
import { tinyEntries } from "./entries.ts";
import { appendRaw } from "./jsonl.ts";
import type { Measure, Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { type FileBackend, recordInProcesses } from "./processes.ts";
import { collectGarbage, perSecond, type Row, type Section } from "./rounds.ts";
import { recordedBefore } from "./sqlite.ts";
import { PLAIN_SCHEMA_SQL, RawLog } from "./sqlite_limit.ts";
import { hashed, type LineWork, nothing, type Stamp, stamps } from "./stamps.ts";
import { standstillOf } from "./standstill.ts";

interface Plan {
  name: string;
  callers: number;
  durability: "full" | "relaxed";
  count: number;
  /** How many records are made before those that count, in the same log. */
  before?: number;
  /** What the time may be, as a part of the limit's speed. */
  atLeast?: number;
  /** What a record may cost beyond what it costs the limit. */
  mostCpuUs?: number;
}

/** What the limit took in one round. */
interface Limit {
  speed: number;
  /** Microseconds of CPU time an entry, of all threads. */
  cpuUs: number;
}

/** What recording was like in one round. */
interface Experience extends Limit {
  p50Ms: number;
  p99Ms: number;
  /** The longest time for which the event loop of the callers did not turn. */
  stallMs: number;
  bytes: number;
}

const PROCESSES = 4;

/** Makes the function that measures a backend with entries of one kind. */
export function measureRecording(backend: FileBackend, size: "real" | "small"): Measure {
  return async (task: Task, real: readonly NewEntry[]): Promise<Section> => {
    const entries = size === "real" ? real : tinyEntries();
    const many = task.full ? 81_920 : 20_480;
    const few = task.full ? 4000 : 500;
    const target = backend === "sqlite" ? 1 : 0.9;
    const plans: Plan[] = [
      { name: "1 caller", callers: 1, durability: "full", count: few, atLeast: 1 / 1.2 },
      { name: "64 callers", callers: 64, durability: "full", count: many / 2 },
      {
        name: "1,024 callers",
        callers: 1024,
        durability: "full",
        count: many,
        atLeast: target,
        ...(size === "small" ? { mostCpuUs: 5 } : {}),
      },
      { name: "1,024 callers, relaxed", callers: 1024, durability: "relaxed", count: many },
    ];
    const before = recordedBefore(many);
    if (backend === "sqlite") {
      const [, , durable] = plans;
      plans.splice(3, 0, { ...durable, name: `${durable.name}, later`, before });
    }
    const rows: Row[] = [];
    for (const plan of plans) rows.push(...await measurePlan(task, backend, entries, plan));
    const inProcesses: number[] = [];
    for (let round = 0; round < task.rounds; round++) {
      inProcesses.push(
        await inNewFolder(
          task.folder,
          (path) =>
            recordInProcesses(
              PROCESSES,
              { backend, path, size, entriesPath: task.entriesPath },
              many / 2,
            ),
        ),
      );
    }
    rows.push({
      name: `${PROCESSES} processes of 64 callers`,
      unit: "records/s",
      values: inProcesses,
    });
    return {
      title: `Recording in ${backend === "sqlite" ? "SQLite" : "JSONL"}, ${
        size === "real" ? "2.5 KB" : "small entries"
      }`,
      note: `${many.toLocaleString("en")} records a round, ${
        few.toLocaleString("en")
      } where one caller records alone${
        backend === "sqlite" ? `; later: after ${before.toLocaleString("en")} others` : ""
      }`,
      rows,
    };
  };
}

async function measurePlan(
  task: Task,
  backend: FileBackend,
  entries: readonly NewEntry[],
  plan: Plan,
): Promise<Row[]> {
  const stamped = stamps((plan.before ?? 0) + plan.count);
  const experiences: Experience[] = [];
  const limits: Limit[] = [];
  const hashing: Limit[] = [];
  const limit = (figures: Limit[], work: LineWork) => () =>
    inNewFolder(task.folder, async (path) => {
      figures.push(await limitOf(path, backend, entries, stamped, plan, work));
    });
  const ours = () =>
    inNewFolder(task.folder, async (path) => {
      experiences.push(await experience(path, backend, entries, plan));
    });
  for (let round = -1; round < task.rounds; round++) {
    const runs = [limit(limits, nothing), ours, limit(hashing, hashed)];
    for (const run of round % 2 === 0 ? runs : runs.reverse()) {
      collectGarbage();
      await run();
    }
  }
  // The first round does not count.
  const rounds = experiences.slice(1);
  const of = (key: keyof Experience) => rounds.map((figures) => figures[key]);
  const timesOf = (bounds: readonly Limit[]) =>
    rounds.map(({ speed }, round) => speed / bounds[round + 1].speed);
  const beyond = (bounds: readonly Limit[]) =>
    rounds.map(({ cpuUs }, round) => cpuUs - bounds[round + 1].cpuUs);
  const { name, atLeast, mostCpuUs } = plan;
  return [
    { name: `${name}: record()`, unit: "records/s", values: of("speed") },
    { name: `${name}: record() : limit`, unit: "times", values: timesOf(limits) },
    {
      name: `${name}: record() : limit that hashes`,
      unit: "times",
      values: timesOf(hashing),
      ...(atLeast === undefined ? {} : { atLeast }),
    },
    { name: `${name}: half wait up to`, unit: "ms", values: of("p50Ms") },
    { name: `${name}: 99 of 100 wait up to`, unit: "ms", values: of("p99Ms") },
    { name: `${name}: CPU time`, unit: "µs", values: of("cpuUs") },
    {
      name: `${name}: CPU time beyond the limit's`,
      unit: "µs",
      values: beyond(limits),
    },
    {
      name: `${name}: CPU time beyond that of the limit that hashes`,
      unit: "µs",
      values: beyond(hashing),
      ...(mostCpuUs === undefined ? {} : { atMost: mostCpuUs }),
    },
    { name: `${name}: longest standstill`, unit: "ms", values: of("stallMs"), atMost: 50 },
    { name: `${name}: on the disk`, unit: "bytes", values: of("bytes") },
  ];
}

async function limitOf(
  path: string,
  backend: FileBackend,
  entries: readonly NewEntry[],
  stamped: readonly Stamp[],
  { callers, durability, count, before = 0 }: Plan,
  work: LineWork,
): Promise<Limit> {
  if (backend === "jsonl") {
    const cpu = process.cpuUsage();
    const speed = appendRaw(path, entries, stamped, callers, durability, work);
    return { speed, cpuUs: cpuSince(cpu) / count };
  }
  const log = await RawLog.create(path, PLAIN_SCHEMA_SQL, durability);
  log.insert(entries, stamped.slice(0, before), callers);
  const timed = stamped.slice(before);
  const cpu = process.cpuUsage();
  const start = performance.now();
  log.insert(entries, timed, callers, work);
  const limit = { speed: perSecond(count, start), cpuUs: cpuSince(cpu) / count };
  log.close();
  return limit;
}

async function experience(
  path: string,
  backend: FileBackend,
  entries: readonly NewEntry[],
  { callers, durability, count, before = 0 }: Plan,
): Promise<Experience> {
  const log = await AuditLog.open({ backend, path, durability });
  await recordBy(callers, log, entries, before);
  const waited = new Float64Array(count);
  let next = 0;
  const call = async () => {
    while (next < count) {
      const index = next++;
      const asked = performance.now();
      await log.record(entries[(before + index) % entries.length]);
      waited[index] = performance.now() - asked;
    }
  };
  const cpu = process.cpuUsage();
  const start = performance.now();
  const stallMs = await standstillOf(() => Promise.all(Array.from({ length: callers }, call)));
  const speed = perSecond(count, start);
  const cpuUs = cpuSince(cpu) / count;
  await log.close();
  waited.sort();
  return {
    speed,
    cpuUs,
    stallMs,
    p50Ms: waited[Math.floor(count / 2)],
    p99Ms: waited[Math.floor(count * 0.99)],
    bytes: bytesOf(path) / (before + count),
  };
}

/** The size of a log on the disk, with the index beside it. */
function bytesOf(path: string): number {
  const files = [path, `${path}-index`].filter((file) => existsSync(file));
  return files.reduce((sum, file) => sum + statSync(file).size, 0);
}

/** Microseconds of CPU time of this process. */
function cpuSince(before: { user: number; system: number }): number {
  const { user, system } = process.cpuUsage(before as NodeJS.CpuUsage);
  return user + system;
}

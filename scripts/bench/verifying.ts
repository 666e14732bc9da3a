/**
 * Opening, signing, proving and verifying a large signed log.
 *
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";
import process from "node:process";
import { AuditLog, generateSigningKey, type NewEntry, type Runtime } from "../../mod.ts";
import { RECORD_TABLE } from "../../src/stores/sqlite_schema.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { collectGarbage, median, type Row, type Section } from "./rounds.ts";
import { openRaw } from "./sqlite_limit.ts";

/** How many entries are proven in a round. */
const PROOFS = 100;
/** How many checkpoints are made in a round. */
const CHECKPOINTS = 10;
/** How many entries the log is filled with at a time. */
const BATCH = 1000;
const MANUAL = { everyEntries: Infinity, everyMs: Infinity, onClose: false };

/** How much of a file is read at a time. */
const CHUNK_BYTES = 1024 * 1024;

/** A log with files. */
type Backend = "sqlite" | "jsonl";

/** One log, opened anew in each round. */
export function measureVerifying(
  backend: Backend,
): (task: Task, entries: readonly NewEntry[]) => Promise<Section> {
  return (task, entries) => measure(backend, task, entries);
}

async function measure(
  backend: Backend,
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const size = task.full ? 1_000_000 : 50_000;
  const { signingKey, verifierKey } = await generateSigningKey("bench.example/log");
  const name = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
  const { runtime }: { runtime: Runtime } = await import(`../../adapters/${name}/mod.ts`);
  const figures = new Map<string, number[]>();
  const note = (figure: string, value: number): void => {
    figures.set(figure, [...figures.get(figure) ?? [], value]);
  };
  return await inNewFolder(task.folder, async (path) => {
    const ids = await fill(backend, path, signingKey, entries, size);
    for (let round = -1; round < task.rounds; round++) {
      const keep = round < 0 ? () => {} : note;
      collectGarbage();
      await useLog(backend, path, signingKey, ids, keep);
      collectGarbage();
      const reading = await READERS[backend](path, runtime, size);
      keep("reading and SHA-256", size / reading);
      collectGarbage();
      await verify(backend, path, verifierKey, size, keep);
    }
    const ofReading = figures.get("verify()")!.map((speed, round) =>
      speed / figures.get("reading and SHA-256")![round]
    );
    const rows: Row[] = [
      row("open with signingKey", "ms", 50),
      row("prove(), median of 100", "ms", 2),
      row("checkpoint(), median of 10", "ms", 5),
      row("verify()", "records/s"),
      row("reading and SHA-256", "records/s"),
      { name: "verify() : reading", unit: "times", values: ofReading, atLeast: 0.6 },
      row("verify(), memory grows by", "MB", 200),
    ];
    return {
      title: `${backend === "sqlite" ? "SQLite" : "JSONL"}, a signed log of ${
        size.toLocaleString("en")
      } entries`,
      note: "entries of 2.5 KB",
      rows,
    };
  });

  function row(name: string, unit: Row["unit"], atMost?: number): Row {
    return { name, unit, values: figures.get(name)!, ...(atMost === undefined ? {} : { atMost }) };
  }
}

async function fill(
  backend: Backend,
  path: string,
  signingKey: string,
  entries: readonly NewEntry[],
  size: number,
): Promise<string[]> {
  const log = await AuditLog.open({ backend, path, signingKey, durability: "relaxed" });
  const ids: string[] = [];
  while (log.size < size) {
    const first = log.size;
    const batch = Array.from({ length: BATCH }, (_, n) => entries[(first + n) % entries.length]);
    const recorded = await log.recordAll(batch);
    ids.push(recorded[first % BATCH].entryId);
  }
  await log.close();
  return ids;
}

async function useLog(
  backend: Backend,
  path: string,
  signingKey: string,
  ids: readonly string[],
  note: (figure: string, value: number) => void,
): Promise<void> {
  const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
    const start = performance.now();
    return [await work(), performance.now() - start];
  };
  const [log, opening] = await timed(() =>
    AuditLog.open({ backend, path, signingKey, checkpoints: MANUAL })
  );
  note("open with signingKey", opening);
  const times: number[] = [];
  for (let n = 0; n < PROOFS; n++) {
    times.push((await timed(() => log.prove(ids[n * 7919 % ids.length])))[1]);
  }
  note("prove(), median of 100", median(times));
  const made: number[] = [];
  for (let n = 0; n < CHECKPOINTS; n++) made.push((await timed(() => log.checkpoint()))[1]);
  note("checkpoint(), median of 10", median(made));
  await log.close();
}

/** Seconds of what verification cannot do without. */
const READERS: Record<Backend, (path: string, runtime: Runtime, size: number) => Promise<number>> =
  { sqlite: readAndHashRows, jsonl: readAndHashLines };

async function readAndHashRows(path: string, runtime: Runtime, size: number): Promise<number> {
  const database = await openRaw(path);
  const statement = database.prepare(
    `SELECT CAST(record AS BLOB) AS record FROM ${RECORD_TABLE} WHERE seq >= ? AND seq < ? ORDER BY seq`,
  );
  const start = performance.now();
  let read = 0;
  for (let from = 0; from < size; from += 64) {
    for (const row of statement.all(from, from + 64)) {
      runtime.sha256((row as { record: Uint8Array }).record);
      read++;
    }
  }
  const seconds = (performance.now() - start) / 1000;
  database.close();
  if (read !== size) throw new Error("not all records were read");
  return seconds;
}

// deno-lint-ignore require-await -- as that of rows
async function readAndHashLines(path: string, runtime: Runtime, size: number): Promise<number> {
  const file = openSync(path, "r");
  const buffer = new Uint8Array(CHUNK_BYTES);
  const start = performance.now();
  let [read, held] = [0, 0];
  for (let more = 1; more > 0;) {
    more = readSync(file, buffer, held, buffer.length - held, null);
    const filled = buffer.subarray(0, held + more);
    let line = 0;
    for (let end = filled.indexOf(10); end !== -1; end = filled.indexOf(10, line)) {
      runtime.sha256(filled.subarray(line, end));
      line = end + 1;
      read++;
    }
    buffer.copyWithin(0, line, filled.length);
    held = filled.length - line;
  }
  const seconds = (performance.now() - start) / 1000;
  closeSync(file);
  if (read !== size) throw new Error("not all records were read");
  return seconds;
}

async function verify(
  backend: Backend,
  path: string,
  verifierKey: string,
  size: number,
  note: (figure: string, value: number) => void,
): Promise<void> {
  const log = await AuditLog.open({ backend, path, readOnly: true });
  const before = process.memoryUsage().rss;
  let highest = before;
  const start = performance.now();
  const report = await log.verify({
    verifierKey,
    onProgress: () => highest = Math.max(highest, process.memoryUsage().rss),
  });
  note("verify()", size / (performance.now() - start) * 1000);
  note("verify(), memory grows by", (highest - before) / 1e6);
  if (!report.ok || report.size !== size) throw new Error("the log is not intact");
  await log.close();
}

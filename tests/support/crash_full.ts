/**
 * Run on each runtime by `deno task test:crash`: kills many processes that record, has many processes and threads record at
 * once, reads meanwhile. Prints a line for each part as it ends, and fails when one did.
 *
 * Arguments: a seed, how many processes to kill for each backend, and as JSON the commands by which each runtime runs a script.
 *
 * @module
 */

import { assertGreater } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { FILE_BACKENDS } from "./backends.ts";
import { crashRounds } from "./crash_rounds.ts";
import { readMeanwhile, recordAtOnce, startProcess, startThread } from "./writing.ts";

const [seed, kills, commands] = process.argv.slice(2);
const runtimes: readonly (readonly string[])[] = JSON.parse(commands!);
const WRITERS = 8;
/** Of each of a writer's two callers. */
const EACH = 1000;
/** Many are written by another thread to SQLite, and two batches at once to JSONL. */
const groups = [1, 2, 3, 7, 20, 70, 1100];
/** The last is more than the index of a JSONL log takes at a time. */
const largeGroups = [1, 20, 1100];

const threads = Array.from({ length: WRITERS }, () => startThread);
const processes = Array.from(
  { length: WRITERS },
  (_, n) => startProcess.bind(undefined, runtimes[n % runtimes.length]!),
);
const mixed = [...threads.slice(0, WRITERS / 2), ...processes.slice(0, WRITERS / 2)];

const folder = mkdtempSync(join(tmpdir(), "audit-log-crash-"));
try {
  for (const backend of FILE_BACKENDS) {
    const path = (name: string) => join(folder, `${backend} ${name}`);
    await part(`${backend}, killed`, async () => {
      const account = await crashTogether(backend);
      checkAside(backend, account.aside);
      return Object.entries(account).map(([name, count]) => `${name} ${count}`).join(", ");
    });
    const each = { backend, each: EACH, groups };
    const records = `${WRITERS} x ${2 * EACH} records`;
    await part(
      `${backend}, threads, ${records}`,
      () => together(backend, recordAtOnce({ ...each, path: path("threads"), writers: threads })),
    );
    await part(
      `${backend}, processes of all runtimes, ${records}`,
      () =>
        together(backend, recordAtOnce({ ...each, path: path("processes"), writers: processes })),
    );
    await part(
      `${backend}, threads and processes, ${records}`,
      () => together(backend, recordAtOnce({ ...each, path: path("mixed"), writers: mixed })),
    );
    await part(
      `${backend}, read while threads and processes record`,
      () =>
        together(
          backend,
          readMeanwhile({
            ...each,
            path: path("read"),
            writers: mixed.slice(2, 6),
            groups: largeGroups,
          }),
        ),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Some logs at once, as there is more waiting than work. */
async function crashTogether(backend: typeof FILE_BACKENDS[number]) {
  const width = Math.max(2, availableParallelism());
  const accounts = await Promise.all(Array.from({ length: width }, (_, n) =>
    crashRounds({
      backend,
      folder: mkdtempSync(join(folder, "killed-")),
      kills: Math.ceil(Number(kills) / width),
      seed: Number(seed) + n,
    })));
  return accounts.reduce((sum, account) => {
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += account[name];
    return sum;
  });
}

async function together(backend: typeof FILE_BACKENDS[number], writing: Promise<number>) {
  const aside = await writing;
  checkAside(backend, aside);
  return `ok, large batches by ${aside}`;
}

/** Makes sure that some wrote large batches. Whether two of JSONL are under way at once depends on the disk. */
function checkAside(backend: typeof FILE_BACKENDS[number], aside: number): void {
  if (backend === "sqlite") assertGreater(aside, 0, "no thread wrote large batches");
}

async function part(title: string, work: () => Promise<string>): Promise<void> {
  const start = performance.now();
  let outcome: string;
  try {
    outcome = await work();
  } catch (error) {
    process.exitCode = 1;
    outcome = `FAILED: ${(error as Error).stack ?? error}`;
  }
  console.log(`${title}: ${outcome}, in ${Math.round((performance.now() - start) / 1000)} s`);
}

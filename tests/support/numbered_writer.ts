/**
 * Run as a process or a thread of its own: several callers record numbered entries, one entry, some at once, or groups of
 * `recordAll()`; without end, to be killed, or so many. It tells, a line each and at once:
 *
 * - `opening`, before it opens the log, and `open` when it has;
 * - `entry ID CALLER N` for each entry whose promise has resolved;
 * - `checkpoint JSON` for each checkpoint that was published;
 * - `done`, when the log is closed.
 *
 * Argument, or the thread's data: {@link NumberedWriter} as JSON.
 *
 * @module
 */

import { AuditLog, type OpenFile, type Runtime } from "@audit-log/llm";
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { groupNumbers, numberedEntry, singleNumber } from "./numbered.ts";
import { Random } from "./random.ts";
import { currentRuntime } from "./runtime.ts";
import { say } from "./say.ts";

/** What a writer does. */
export interface NumberedWriter {
  readonly backend: "sqlite" | "jsonl";
  readonly path: string;
  /** Its name, as in the numbers of its entries. */
  readonly writer: string;
  /** How many record at once. */
  readonly callers: number;
  /** How many entries each of them records; without end when it is missing. */
  readonly each?: number;
  /** How many are recorded together, one of these each time. */
  readonly groups: readonly number[];
  readonly durability: "full" | "relaxed";
  readonly seed: number;
  /** Whether files are written in small pieces, as the operating system may do it, so that a kill comes in between. */
  readonly inPieces?: boolean;
  /** Signs with this key, after so many entries. */
  readonly signing?: { readonly signingKey: string; readonly everyEntries: number };
}

const isThread = typeof workerData === "string";
const given: NumberedWriter = JSON.parse(isThread ? workerData : process.argv[2]!);
const { writer, callers, each = Infinity, seed, signing } = given;
const tell = isThread ? (line: string) => parentPort!.postMessage(line) : say;

tell("opening");
const log = await AuditLog.open({
  backend: given.backend,
  path: given.path,
  durability: given.durability,
  ...(given.inPieces === true ? { runtime: writingPieces(await currentRuntime()) } : {}),
  ...(signing === undefined ? {} : {
    signingKey: signing.signingKey,
    checkpoints: {
      everyEntries: signing.everyEntries,
      everyMs: 20,
      publish: (note: string) => tell(`checkpoint ${JSON.stringify(note)}`),
    },
  }),
});
tell("open");
await Promise.all(Array.from({ length: callers }, (_, caller) => recordOn(caller)));
await log.close();
tell("done");

async function recordOn(caller: number): Promise<void> {
  const random = new Random(seed + caller);
  for (let n = 0; n < each;) {
    const count = Math.min(random.pick(given.groups), each - n);
    const first = n;
    n += count;
    const recorded = (entryId: string, at: number) =>
      tell(`entry ${entryId} ${caller} ${first + at}`);
    if (random.chance(40)) {
      const numbers = groupNumbers(writer, caller, first, count);
      const entries = await log.recordAll(numbers.map(numberedEntry));
      entries.forEach(({ entryId }, at) => recorded(entryId, at));
      continue;
    }
    await Promise.all(Array.from({ length: count }, async (_, at) => {
      const { entryId } = await log.record(numberedEntry(singleNumber(writer, caller, first + at)));
      recorded(entryId, at);
    }));
  }
}

/** The runtime, but each write takes a few of the bytes. */
function writingPieces(runtime: Runtime): Runtime {
  const random = new Random(seed);
  const pieces = (file: OpenFile): OpenFile => ({
    stat: () => file.stat(),
    read: (buffer, position) => file.read(buffer, position),
    append: (bytes) => file.append(bytes.subarray(0, random.integer(1, 300))),
    sync: () => file.sync(),
    close: () => file.close(),
  });
  const open: Runtime["file"]["open"] = async (path, mode) =>
    pieces(await runtime.file.open(path, mode));
  return { ...runtime, file: { ...runtime.file, open } };
}

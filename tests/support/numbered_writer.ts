/**
 * Run as a process or a thread of its own: several callers record numbered entries, one entry, some at once, or groups of
 * `recordAll()`, begin calls and end most of them later, and annotate what is there; without end, to be killed, or so many.
 * It tells, a line each and at once:
 *
 * - `opening`, before it opens the log, and `open` when it has;
 * - `entry ID CALLER N` for each entry whose promise has resolved;
 * - `aside`, once, when another thread writes to SQLite; `overlapping`, once, when a batch is written to JSONL while the disk is at
 *   the one before;
 * - `checkpoint JSON` for each checkpoint that was published;
 * - `done`, when the log is closed.
 *
 * Argument, or the thread's data: {@link NumberedWriter} as JSON.
 *
 * @module
 */

import { type AuditCall, AuditLog, type Runtime } from "@audit-log/llm";
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";
import { aroundFiles } from "./around_files.ts";
import {
  endNumbered,
  type EntryNumber,
  groupNumbers,
  numberedAnnotation,
  numberedCall,
  numberedEntry,
  numberOf,
  singleNumber,
} from "./numbered.ts";
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
  /** Whether one more caller ends calls that others began and did not end; nobody else may be at work on the log. */
  readonly resumes?: boolean;
  /** Signs with this key, after so many entries. */
  readonly signing?: { readonly signingKey: string; readonly everyEntries: number };
}

const isThread = typeof workerData === "string";
const given: NumberedWriter = JSON.parse(isThread ? workerData : process.argv[2]!);
const { writer, callers, each = Infinity, seed, signing } = given;
/** Calls begin and end so many at once at most: whoever resumes them does so one by one. */
const MOST_CALLS = 20;
const tell = isThread ? (line: string) => parentPort!.postMessage(line) : say;
/** What is told but once, and has been. */
const told = new Set<string>();

/** One of those that record at once. */
class Caller {
  readonly #caller: number;
  readonly #random: Random;
  #next = 0;
  /** Calls that have begun, and not ended. */
  #open: { readonly call: AuditCall; readonly begun: EntryNumber }[] = [];
  /** What can be annotated: the entry that was recorded last. */
  #last: { readonly entryId: string; readonly number: EntryNumber } | undefined;

  constructor(caller: number) {
    this.#caller = caller;
    this.#random = new Random(seed + caller);
  }

  async work(): Promise<void> {
    while (this.#next < each) {
      const count = Math.min(this.#random.pick(given.groups), each - this.#next);
      const kind = this.#random.integer(1, 100);
      if (kind <= 30) await this.#group(count);
      else if (kind <= 60) await this.#singles(count);
      else if (kind <= 75) await this.#begin(Math.min(count, MOST_CALLS));
      else if (kind <= 92) await this.#end(Math.min(count, MOST_CALLS));
      else await this.#annotate();
      if (count > MOST_CALLS) await tellPlace();
    }
  }

  async #group(count: number): Promise<void> {
    const numbers = groupNumbers(writer, this.#caller, this.#next, count);
    this.#next += count;
    const entries = await log.recordAll(numbers.map(numberedEntry));
    entries.forEach(({ entryId }, at) => this.#recorded(entryId, numbers[at]!));
  }

  #singles(count: number): Promise<unknown> {
    return this.#atOnce(count, async (number) => {
      const { entryId } = await log.record(numberedEntry(number));
      this.#recorded(entryId, number);
    });
  }

  #begin(count: number): Promise<unknown> {
    return this.#atOnce(count, async (number) => {
      const call = await log.begin(numberedCall(number));
      this.#recorded(call.callId, number);
      this.#open.push({ call, begun: number });
    });
  }

  /** Ends the oldest calls, and leaves one open now and then. */
  #end(count: number): Promise<unknown> {
    const ending = this.#open.splice(0, count);
    if (this.#random.chance(20)) ending.shift();
    return this.#atOnce(ending.length, async (number, position) => {
      const { call, begun } = ending[position]!;
      const { entryId } = await endNumbered(call, begun, number);
      this.#recorded(entryId, number);
    });
  }

  async #annotate(): Promise<void> {
    if (this.#last === undefined) return;
    const number = singleNumber(writer, this.#caller, this.#next++);
    const { entryId } = this.#last;
    const annotation = await log.annotate(entryId, numberedAnnotation(this.#last.number, number));
    this.#recorded(annotation.entryId, number);
  }

  #atOnce(count: number, act: (number: EntryNumber, position: number) => Promise<void>) {
    const first = this.#next;
    this.#next += count;
    return Promise.all(
      Array.from(
        { length: count },
        (_, at) => act(singleNumber(writer, this.#caller, first + at), at),
      ),
    );
  }

  #recorded(entryId: string, number: EntryNumber): void {
    tell(`entry ${entryId} ${this.#caller} ${number.n}`);
    this.#last = { entryId, number };
  }
}

tell("opening");
const log = await AuditLog.open({
  backend: given.backend,
  path: given.path,
  durability: given.durability,
  ...(given.backend === "jsonl" ? { runtime: watched(await currentRuntime()) } : {}),
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
const left = given.resumes === true ? await log.unfinished() : [];
await Promise.all([
  ...Array.from({ length: callers }, (_, caller) => new Caller(caller).work()),
  endAll(callers, left),
]);
await log.close();
tell("done");

/** Ends calls that were begun by others, one by one: it is looked first whether they have ended. */
async function endAll(caller: number, calls: readonly AuditCall[]): Promise<void> {
  for (const [n, call] of calls.entries()) {
    const number = singleNumber(writer, caller, n);
    const { entryId } = await endNumbered(call, numberOf(call.entry!), number);
    tell(`entry ${entryId} ${caller} ${n}`);
  }
}

/** Tells once that another thread writes. */
async function tellPlace(): Promise<void> {
  if (told.has("aside") || (await log.info()).writing !== "another thread") return;
  tellOnce("aside");
}

function tellOnce(line: string): void {
  if (!told.has(line)) tell(line);
  told.add(line);
}

/** The runtime, but it is told when a write begins while the disk is at the one before; in pieces, each takes a few of the bytes. */
function watched(runtime: Runtime): Runtime {
  const random = new Random(seed);
  return aroundFiles(runtime, (file, path) => {
    if (path !== given.path) return {};
    let syncing = 0;
    const taken = ({ length }: Uint8Array) =>
      given.inPieces === true ? random.integer(1, 300) : length;
    return {
      append(bytes) {
        if (syncing > 0) tellOnce("overlapping");
        return file.append(bytes.subarray(0, taken(bytes)));
      },
      sync() {
        syncing++;
        return file.sync().finally(() => syncing--);
      },
      atOnce: file.atOnce && {
        ...file.atOnce,
        append(bytes) {
          return file.atOnce!.append(bytes.subarray(0, taken(bytes)));
        },
      },
    };
  });
}

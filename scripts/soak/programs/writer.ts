/**
 * Run as a process of its own: records on one or two handles at once in every way there is, signs, reads what it wrote,
 * closes and opens again. Its argument is a {@link WriterTask}.
 *
 * @module
 */

import process from "node:process";
import { AuditLog, AuditLogError, type OpenOptions, verifyProof } from "../../../mod.ts";
import { Random } from "../../../tests/support/random.ts";
import { entryOf, foreignLine, outputOf } from "./entries.ts";
import { faultyRuntime, presentRuntime } from "./faulty_runtime.ts";
import { Journal, type Span } from "./journal.ts";
import type { WriterTask } from "./task.ts";

const task = JSON.parse(process.argv[2]!) as WriterTask;
const journal = new Journal(task.journal);
const present = await presentRuntime();
const hasFaults = task.rates !== undefined;

/** What a call may be refused with where nothing is injected. */
const ALWAYS = ["LOG_BUSY"];
/** And what besides where it is. After the latter the log has to be opened again. */
const OF_FAULTS = ["WRITE_FAILED", "SYNC_FAILED", "LOG_FAILED", "READ_FAILED"];

class Lane {
  readonly #name: string;
  readonly #random: Random;
  #log: AuditLog | undefined;
  #signs = false;
  #handle = -1;
  #next = 0;
  /** Ids of entries that were acknowledged, by their numbers. */
  readonly #known = new Map<number, string>();

  constructor(name: string, seed: number) {
    this.#name = name;
    this.#random = new Random(seed);
  }

  async work(): Promise<void> {
    for (let step = 0; step < task.steps; step++) {
      if (this.#log === undefined && !await this.#open()) continue;
      if (!await this.#step(this.#log!)) await this.#close();
    }
    await this.#close();
  }

  async #open(): Promise<boolean> {
    const random = this.#random;
    this.#signs = random.chance(60);
    this.#handle++;
    let offset = random.integer(-3_600_000, 3_600_000);
    const options: OpenOptions = {
      backend: task.backend,
      path: task.path,
      durability: random.pick(["full", "relaxed"]),
      // A clock that is set, forwards and backwards.
      clock: () => {
        if (random.chance(5)) offset += random.integer(-600_000, 600_000);
        return Date.now() + offset;
      },
      ...(this.#signs
        ? {
          signingKey: task.signingKey,
          checkpoints: {
            everyEntries: random.pick([1, 7, 100, Infinity]),
            everyMs: random.pick([5, Infinity]),
            onClose: random.chance(50),
          },
        }
        : {}),
      ...(task.rates === undefined ? {} : {
        runtime: faultyRuntime(
          present,
          task.path,
          task.rates,
          random,
          (what) => journal.count(what),
        ),
      }),
    };
    const opened = await this.#try("open", async () => this.#log = await AuditLog.open(options));
    return opened !== undefined;
  }

  /** @returns Whether the handle is to be used further. */
  async #step(log: AuditLog): Promise<boolean> {
    const random = this.#random;
    const kind = random.integer(1, 100);
    if (kind <= 35) return await this.#singles(log, random.integer(1, random.pick([1, 8, 60])));
    if (kind <= 50) return await this.#group(log, random.integer(1, random.pick([3, 30, 700])));
    if (kind <= 60) return await this.#adopt(log, random.integer(1, 6));
    if (kind <= 70) return await this.#checkpoint(log);
    if (kind <= 82) return await this.#lookUp(log);
    if (kind <= 90) return await this.#prove(log);
    if (kind <= 93) return await this.#verify(log);
    return false;
  }

  /** Several calls at the same time, none of which waits for another. */
  async #singles(log: AuditLog, count: number): Promise<boolean> {
    const numbers = Array.from({ length: count }, () => this.#next++);
    const calls = numbers.map((number) => {
      const submission = this.#submit([number, number], false);
      return submission(async () => [await log.record(entryOf(this.#name, number, this.#handle))]);
    });
    return (await Promise.all(calls)).every(Boolean);
  }

  async #group(log: AuditLog, count: number): Promise<boolean> {
    const span: Span = [this.#next, this.#next + count - 1];
    this.#next += count;
    const entries = numbersOf(span).map((number) => entryOf(this.#name, number, this.#handle));
    return await this.#submit(span, true)(() => log.recordAll(entries));
  }

  async #adopt(log: AuditLog, count: number): Promise<boolean> {
    const span: Span = [this.#next, this.#next + count - 1];
    this.#next += count;
    const random = this.#random;
    const lines = numbersOf(span).map((number) =>
      foreignLine(this.#name, number, random.integer(0, 1000))
    );
    if (!await this.#submit(span, true)(() => log.adopt(lines))) return false;
    if (!this.#known.has(span[0])) return true; // refused
    // A second time it is refused, and nothing is changed.
    const again = await this.#try("adopt again", () => log.adopt(lines), ["DUPLICATE_ENTRY"]);
    if (again !== undefined) fail(`lines were adopted twice: ${this.#name} ${span}`);
    return true;
  }

  /** Tells of a call that records before it is made, and of what became of it. */
  #submit(
    span: Span,
    group: boolean,
  ): (call: () => Promise<readonly { entryId: string }[]>) => Promise<boolean> {
    const lane = this.#name;
    return async (call) => {
      journal.tell({ do: "submit", lane, span, group });
      try {
        const ids = (await call()).map(({ entryId }) => entryId);
        journal.tell({ do: "acknowledged", lane, span, ids });
        ids.forEach((id, position) => this.#known.set(span[0] + position, id));
        return true;
      } catch (error) {
        const { code } = expected("record", error);
        journal.tell({ do: "refused", lane, span, code });
        return code !== "SYNC_FAILED" && code !== "LOG_FAILED";
      }
    };
  }

  async #checkpoint(log: AuditLog): Promise<boolean> {
    if (!this.#signs) return true;
    const note = await this.#try("checkpoint", () => log.checkpoint());
    if (note !== undefined) journal.tell({ do: "checkpoint", note });
    return note !== undefined;
  }

  /** What was acknowledged is there, on this very handle. */
  async #lookUp(log: AuditLog): Promise<boolean> {
    if (this.#known.size === 0) return true;
    const [number, entryId] = this.#random.pick([...this.#known]);
    const found = await this.#try("get", () => log.get(entryId).then((entry) => ({ entry })));
    if (found === undefined) return false;
    const { entry } = found;
    if (entry?.user !== this.#name || entry.outputText !== outputOf(this.#name, number)) {
      fail(`get() of ${this.#name} ${number} gives ${entry?.user} ${entry?.inputText}`);
    }
    const newest = await this.#try(
      "query",
      () => log.query({ user: this.#name, order: "desc", limit: 3 }),
    );
    if (newest === undefined) return false;
    const last = Math.max(...this.#known.keys());
    if (Number(newest[0]?.inputText) < last || newest.some(({ user }) => user !== this.#name)) {
      fail(
        `the newest entries of ${this.#name} are ${
          newest.map(({ inputText }) => inputText)
        }, not ${last}`,
      );
    }
    return true;
  }

  async #prove(log: AuditLog): Promise<boolean> {
    if (this.#known.size === 0) return true;
    const [number, entryId] = this.#random.pick([...this.#known]);
    const proof = await this.#try("prove", () => log.prove(entryId), ["NO_CHECKPOINT"]);
    if (proof === undefined) return !hasFaults;
    const record = await this.#try("line", () => log.line(entryId));
    if (record === undefined) return false;
    await verifyProof({ record, proof, verifierKey: task.verifierKey }).catch((error) => {
      fail(`the proof of ${this.#name} ${number} does not hold: ${error}`);
    });
    journal.count("proofs");
    return true;
  }

  async #verify(log: AuditLog): Promise<boolean> {
    const { verifierKey } = task;
    const report = await this.#try("verify", () => log.verify({ verifierKey }));
    if (report?.ok === false) fail(`verify() finds ${JSON.stringify(report.faults)}`);
    journal.count("verifications");
    return report !== undefined;
  }

  async #close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    if (log === undefined) return;
    await this.#try("close", () => log.close().then(() => true));
    journal.count("handles");
  }

  /** What a call gives, or nothing when it is refused as it may be. */
  async #try<T>(
    what: string,
    call: () => Promise<T>,
    also: readonly string[] = [],
  ): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      const { code } = expected(what, error, also);
      if (!also.includes(code)) journal.count(`refused: ${what}, ${code}`);
    }
  }
}

function numbersOf([first, last]: Span): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

/** Makes sure that an error is one that may come. */
function expected(what: string, error: unknown, also: readonly string[] = []): AuditLogError {
  if (error instanceof AuditLogError) {
    const known = [...ALWAYS, ...also, ...hasFaults ? OF_FAULTS : []];
    if (known.includes(error.code)) return error;
  }
  const { stack = String(error), cause } = error as Error;
  return fail(`${what}: ${stack} ${cause === undefined ? "" : `caused by ${cause}`}`);
}

function fail(reason: string): never {
  journal.tell({ do: "failed", reason });
  process.exit(1);
}

process.on("unhandledRejection", (error) => fail(`unhandled: ${(error as Error)?.stack ?? error}`));
const random = new Random(task.seed);
const lanes = task.lanes.map((name) => new Lane(name, random.seed()));
console.log("ready");
await Promise.all(lanes.map((lane) => lane.work()));
journal.tell({ do: "done" });

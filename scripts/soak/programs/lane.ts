/**
 * Who records, on one handle after another: in every way there is, and reads what it wrote.
 *
 * @module
 */

import {
  type AuditEntry,
  AuditLog,
  type OpenOptions,
  type Runtime,
  verifyProof,
} from "../../../mod.ts";
import { Random } from "../../../tests/support/random.ts";
import { annotationOf, entryOf, foreignLine, gapOf, type Recording } from "./entries.ts";
import { faultyRuntime } from "./faulty_runtime.ts";
import { LaneCalls } from "./lane_calls.ts";
import { redactor } from "./redactor.ts";
import { numbersOf, type Outcome, Submissions, worst } from "./submissions.ts";
import type { WriterTask } from "./task.ts";
import type { Teller } from "./teller.ts";

const MAY_FAIL = ["REDACTION_FAILED"];

/** What a lane is made of. */
export interface LaneParts {
  readonly name: string;
  readonly task: WriterTask;
  /** The present runtime, as it is. */
  readonly present: Runtime;
  readonly teller: Teller;
  readonly seed: number;
}

/** One lane of a process. */
export class Lane {
  readonly #parts: LaneParts;
  readonly #random: Random;
  readonly #submissions: Submissions;
  readonly #calls: LaneCalls;
  #log: AuditLog | undefined;
  #signs = false;
  #recording: Recording;

  constructor(parts: LaneParts) {
    const { name, teller, seed } = parts;
    this.#parts = parts;
    this.#random = new Random(seed);
    this.#submissions = new Submissions(name, teller);
    this.#calls = new LaneCalls(this.#submissions, teller, this.#random);
    this.#recording = { lane: name, handle: -1, redacts: false };
  }

  async work(): Promise<void> {
    for (let step = 0; step < this.#parts.task.steps; step++) {
      if (this.#log === undefined && !await this.#open()) continue;
      if (!await this.#step(this.#log!)) await this.#close();
    }
    await this.#close();
  }

  async #open(): Promise<boolean> {
    const random = this.#random;
    const { task, present, teller } = this.#parts;
    this.#signs = random.chance(60);
    const { lane, handle } = this.#recording;
    this.#recording = { lane, handle: handle + 1, redacts: random.chance(40) };
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
      ...(this.#recording.redacts ? { redact: redactor } : {}),
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
          (what) => teller.journal.count(what),
        ),
      }),
    };
    const opened = await teller.attempt(
      "open",
      async () => this.#log = await AuditLog.open(options),
    );
    return opened !== undefined;
  }

  /** @returns Whether the handle is to be used further. */
  async #step(log: AuditLog): Promise<boolean> {
    const random = this.#random;
    const kind = random.integer(1, 100);
    if (kind <= 70) return await this.#write(log, kind) !== "failed";
    if (kind <= 76) return await this.#checkpoint(log);
    if (kind <= 84) return await this.#lookUp(log);
    if (kind <= 91) return await this.#prove(log);
    if (kind <= 94) return await this.#verify(log);
    return false;
  }

  async #write(log: AuditLog, kind: number): Promise<Outcome> {
    const random = this.#random;
    if (kind <= 20) {
      // Of the most, two batches are under way at once.
      const most = random.pick([1, 1, 8, 8, 60, 60, 1200]);
      return await this.#singles(log, random.integer(1, most));
    }
    if (kind <= 29) return await this.#group(log, random.integer(1, random.pick([3, 30, 700])));
    if (kind <= 35) return await this.#adopt(log, random.integer(1, 6));
    const recording = this.#recording;
    if (kind <= 46) {
      return await this.#calls.begin(log, recording, random.integer(1, random.pick([1, 8, 60])));
    }
    if (kind <= 58) return await this.#calls.end(recording, random.pick([1, 20, 100]));
    if (kind <= 62) return await this.#calls.resume(log, recording);
    if (kind <= 68) return await this.#annotate(log);
    return await this.#gap(log);
  }

  /** Several calls at the same time, none of which waits for another. */
  async #singles(log: AuditLog, count: number): Promise<Outcome> {
    return worst(
      await Promise.all(
        numbersOf(this.#submissions.take(count)).map((number) =>
          this.#one(number, () => log.record(entryOf(this.#recording, number)))
        ),
      ),
    );
  }

  #one(number: number, record: () => Promise<AuditEntry>): Promise<Outcome> {
    return this.#submissions.submit(
      [number, number],
      false,
      async () => [await record()],
      MAY_FAIL,
    );
  }

  #group(log: AuditLog, count: number): Promise<Outcome> {
    const span = this.#submissions.take(count);
    const entries = numbersOf(span).map((number) => entryOf(this.#recording, number));
    return this.#submissions.submit(span, true, () => log.recordAll(entries), MAY_FAIL);
  }

  async #adopt(log: AuditLog, count: number): Promise<Outcome> {
    const { teller, name } = this.#parts;
    const span = this.#submissions.take(count);
    const lines = numbersOf(span).map((number) =>
      foreignLine(name, number, this.#random.integer(0, 1000))
    );
    const outcome = await this.#submissions.submit(span, true, () => log.adopt(lines));
    if (outcome !== "acknowledged") return outcome;
    // A second time it is refused, and nothing is changed.
    const again = await teller.attempt("adopt again", () => log.adopt(lines), ["DUPLICATE_ENTRY"]);
    if (again !== undefined) teller.fail(`lines were adopted twice: ${name} ${span}`);
    return outcome;
  }

  /** Says something of an entry of its own, whatever it is. */
  async #annotate(log: AuditLog): Promise<Outcome> {
    const { known } = this.#submissions;
    if (known.size === 0) return "refused";
    const { entryId } = this.#random.pick([...known.values()]);
    const [number] = this.#submissions.take();
    return await this.#one(
      number,
      () => log.annotate(entryId, annotationOf(this.#recording, number)),
    );
  }

  #gap(log: AuditLog): Promise<Outcome> {
    const [number] = this.#submissions.take();
    return this.#one(number, () => log.recordGap(gapOf(this.#recording, number)));
  }

  async #checkpoint(log: AuditLog): Promise<boolean> {
    if (!this.#signs) return true;
    const note = await this.#parts.teller.attempt("checkpoint", () => log.checkpoint());
    if (note !== undefined) this.#parts.teller.journal.tell({ do: "checkpoint", note });
    return note !== undefined;
  }

  /** What was acknowledged is there, on this very handle. */
  async #lookUp(log: AuditLog): Promise<boolean> {
    const { teller, name } = this.#parts;
    const { known } = this.#submissions;
    if (known.size === 0) return true;
    const [number, entry] = this.#random.pick([...known]);
    const { entryId } = entry;
    const found = await teller.attempt("get", () => log.get(entryId).then((entry) => ({ entry })));
    if (found === undefined) return false;
    if (JSON.stringify(sorted(found.entry)) !== JSON.stringify(sorted(entry))) {
      teller.fail(`get() of ${name} ${number} gives ${JSON.stringify(found.entry)}`);
    }
    const newest = await teller.attempt(
      "query",
      () => log.query({ user: name, order: "desc", limit: 3, events: "all" }),
    );
    if (newest === undefined) return false;
    const last = Math.max(...known.keys());
    const numbers = newest.map(({ inputText, metadata }) =>
      Number(metadata["number"] ?? inputText)
    );
    if (!(numbers[0]! >= last) || newest.some(({ user }) => user !== name)) {
      teller.fail(`the newest entries of ${name} are ${numbers}, not ${last}`);
    }
    return true;
  }

  async #prove(log: AuditLog): Promise<boolean> {
    const { known } = this.#submissions;
    if (known.size === 0) return true;
    const [number, { entryId }] = this.#random.pick([...known]);
    const proof = await this.#parts.teller.attempt("prove", () => log.prove(entryId), [
      "NO_CHECKPOINT",
    ]);
    if (proof === undefined) return !this.#parts.teller.hasFaults;
    const record = await this.#parts.teller.attempt("line", () => log.line(entryId));
    if (record === undefined) return false;
    await verifyProof({ record, proof, verifierKey: this.#parts.task.verifierKey }).catch(
      (error) => {
        this.#parts.teller.fail(
          `the proof of ${this.#parts.name} ${number} does not hold: ${error}`,
        );
      },
    );
    this.#parts.teller.journal.count("proofs");
    return true;
  }

  async #verify(log: AuditLog): Promise<boolean> {
    const { verifierKey } = this.#parts.task;
    const report = await this.#parts.teller.attempt("verify", () => log.verify({ verifierKey }));
    if (report?.ok === false) {
      this.#parts.teller.fail(`verify() finds ${JSON.stringify(report.faults)}`);
    }
    this.#parts.teller.journal.count("verifications");
    return report !== undefined;
  }

  async #close(): Promise<void> {
    const log = this.#log;
    this.#log = undefined;
    this.#calls.leave();
    if (log === undefined) return;
    await this.#parts.teller.attempt("close", () => log.close().then(() => true));
    this.#parts.teller.journal.count("handles");
  }
}

function sorted(entry: AuditEntry | undefined): unknown {
  return JSON.parse(
    JSON.stringify(entry ?? null),
    (_key, value) =>
      typeof value === "object" && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1))
        : value,
  );
}

/**
 * Every call to the system that a log makes while it is used, made to fail one at a time.
 *
 * The calls are enumerated. Some of them, taken at random, are made to fail; `deno task test:faults` takes all.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey, type KeyPair, type Runtime } from "@audit-log/llm";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { type Call, FailingRuntime, type Fault } from "./failing_runtime.ts";
import { anything, FAULT_KINDS, type FaultKind, onAppend } from "./fault_kinds.ts";
import { checkReopened, type Scenario, useWhileFailing } from "./fault_scenario.ts";
import { type FilesBeside, filesBeside, writeBeside } from "./files.ts";
import { interactions } from "./interaction.ts";
import { currentRuntime } from "./runtime.ts";
import { memoryFolder } from "./temp.ts";

const ALL = process.env["AUDIT_LOG_FAULTS"] === "all";

/** Of the inserts of large batches, one in so many is made to fail. */
const INSERTS = 100;

/** A log that is used. */
export interface FaultCase {
  readonly backend: "sqlite" | "jsonl";
  readonly state: string;
  /** How many entries it has before. */
  readonly before: number;
  readonly signs: boolean;
  /** What a crash left at its end. */
  readonly torn: string;
  /** How many of the calls are made to fail when not all are. */
  readonly some: number;
  /** Whether large batches are written, two at once among them. */
  readonly isLarge?: boolean;
  /** The runtime to use, made of the one whose calls fail; that one when it is missing. */
  readonly through?: (failing: Runtime) => Runtime;
}

/** A log into which large batches are written. */
export const LARGE_BATCHES: Omit<FaultCase, "backend"> = {
  state: "a signed log with large batches",
  before: 0,
  signs: true,
  torn: "",
  some: 1,
  isLarge: true,
};

const real = await currentRuntime();

/** Tests what becomes of a log, for each way of failing. */
export function testFaults(one: FaultCase): void {
  let counting: Promise<readonly Call[]> | undefined;
  let files: Promise<FilesBeside> | undefined;
  for (const [name, kind] of Object.entries(FAULT_KINDS)) {
    if (one.backend === "sqlite" && kind.applies === onAppend) continue;
    test(`${one.backend}, ${one.state}: ${name}`, { timeout: 1_200_000 }, async (t) => {
      const folder = memoryFolder(t);
      const bench = new Bench(one, folder, await (files ??= filesBefore(one, folder)));
      if (ALL) {
        let n = 0;
        while (await bench.attempt(kind, n)) n++;
        console.log(`${n} calls failed, one at a time`);
        assert(n > 0);
        return;
      }
      const calls = (await (counting ??= bench.count())).filter(kind.applies);
      const given = process.env["AUDIT_LOG_SEED"];
      const seed = given === undefined ? 1 + Math.floor(Math.random() * 2 ** 30) : Number(given);
      console.log(`AUDIT_LOG_SEED=${seed}`); // of a run that stands still, nothing else is told
      for (const n of chosen(calls.length, one.some, seed)) {
        try {
          await bench.attempt(kind, n);
        } catch (error) {
          (error as Error).message += ` (AUDIT_LOG_SEED=${seed})`;
          throw error;
        }
      }
    });
  }
}

const keys: KeyPair = await generateSigningKey("acme.example/faults");

/** The files of a log before it is used. */
async function filesBefore(
  { backend, before, torn }: FaultCase,
  folder: string,
): Promise<FilesBeside> {
  if (before === 0) return new Map();
  const template = mkdtempSync(join(folder, "template-"));
  const log = await AuditLog.open({ backend, path: join(template, "log") });
  await log.recordAll(interactions(before));
  await log.close();
  appendFileSync(join(template, "log"), torn);
  return filesBeside(template, "log");
}

/** Logs of one case, used one after the other. */
class Bench {
  readonly #case: FaultCase;
  readonly #folder: string;
  readonly #files: FilesBeside;
  #used = 0;

  constructor(given: FaultCase, folder: string, files: FilesBeside) {
    this.#case = given;
    this.#folder = folder;
    this.#files = files;
  }

  /** The calls while none fails. */
  async count(): Promise<readonly Call[]> {
    const calls: Call[] = [];
    const failing = new FailingRuntime(real);
    const skips = this.#skipper(failing);
    failing.plan = (call) => {
      if (!skips(call)) calls.push(call);
      return undefined;
    };
    await this.#use(failing, {
      fault: { done: "nothing" },
      applies: anything,
      codes: [],
      reason: /./,
    });
    return calls;
  }

  /**
   * Tells which calls need not fail where large batches are written: those before and after, which other cases have, and most of
   * the inserts, which are all alike.
   */
  #skipper(failing: FailingRuntime): (call: Call) => boolean {
    if (this.#case.isLarge !== true) return () => false;
    let inserts = 0;
    return ({ what, about }) =>
      failing.stage !== "batches" ||
      what === "sqlite.run" && /: INSERT /.test(about) && inserts++ % INSERTS > 0;
  }

  /** Uses a log while its n-th call fails, among those that can fail so. Tells whether there were so many. */
  async attempt(kind: FaultKind, n: number): Promise<boolean> {
    let number = 0;
    // Every other time the calling thread waits for the disk.
    const failing = new FailingRuntime(real, undefined, this.#used % 2 === 0);
    const skips = this.#skipper(failing);
    // What has begun a transaction to write has the lock. The calling thread does all of it again, others count on that.
    const isInTransaction = ({ about }: Call) =>
      this.#case.isLarge === true && /: (?:INSERT OR FAIL INTO audit_|COMMIT)/.test(about);
    failing.plan = (call: Call): Fault | undefined => {
      if (kind.persists === true && number > n) return kind.fault;
      if (skips(call) || !kind.applies(call) || kind.passes && isInTransaction(call)) {
        return undefined;
      }
      return number++ === n ? kind.fault : undefined;
    };
    try {
      await this.#use(failing, kind);
    } catch (error) {
      const [call] = failing.failed;
      const state = (error as Error).message;
      (error as Error).message = `call ${n} failed, ${call?.what} ${call?.about}: ${state}`;
      throw error;
    }
    return failing.failed.length > 0;
  }

  async #use(failing: FailingRuntime, kind: FaultKind): Promise<void> {
    const { backend, before, signs, torn, isLarge = false, through } = this.#case;
    const name = `${this.#used++}`;
    const path = join(this.#folder, name);
    writeBeside(path, this.#files);
    const { codes, reason, mayTear = false, persists = false, busyTimeoutMs = 30_000 } = kind;
    const { signingKey, verifierKey } = keys;
    const checkpoints = { everyEntries: 4, everyMs: Infinity };
    const scenario: Scenario = {
      options: { backend, path, busyTimeoutMs, ...(signs && { signingKey, checkpoints }) },
      failing,
      runtime: through === undefined ? failing.runtime : through(failing.runtime),
      isLarge,
      verifierKey: signs ? verifierKey : undefined,
      before,
      codes,
      reason,
      mayTear: mayTear || torn !== "",
      persists,
    };
    let left: string[] = [];
    try {
      const used = await useWhileFailing(scenario);
      left = await failing.end();
      await checkReopened(scenario, used);
    } finally {
      await failing.end();
    }
    assertEquals(left, [], "the log left files open");
    for (const file of readdirSync(this.#folder)) {
      if (file === name || file.startsWith(`${name}-`)) rmSync(join(this.#folder, file));
    }
  }
}

/** Some of the numbers below a bound, at random. */
function chosen(bound: number, count: number, seed: number): number[] {
  const numbers = Array.from({ length: bound }, (_, n) => n);
  let state = seed;
  const next = () => (state = (state * 48271) % 2147483647) % numbers.length;
  return Array.from({ length: Math.min(count, bound) }, () => numbers.splice(next(), 1)[0]!);
}

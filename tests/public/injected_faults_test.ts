// Whichever call to the system fails while a log is used, and however: what fails is told, what was acknowledged is
// there, and the log goes on when it is opened again.
//
// The calls are enumerated. Here some of them, taken at random, are made to fail; `deno task test:faults` takes all.

import { assert, assertEquals } from "@std/assert";
import {
  AuditLog,
  type AuditLogErrorCode,
  generateSigningKey,
  type KeyPair,
  SqliteError,
} from "@audit-log/llm";
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { type Call, FailingRuntime, type Fault } from "../support/failing_runtime.ts";
import { checkReopened, type Scenario, useWhileFailing } from "../support/fault_scenario.ts";
import { interactions } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd } from "../support/temp.ts";

const posix = (code: string, message: string) => (): Error =>
  Object.assign(new Error(`${code}: ${message}`), { code });
const sqlite = (code: number, message: string) => (): Error =>
  new SqliteError(code, message, undefined);
const EIO = posix("EIO", "i/o error");
const ENOSPC = posix("ENOSPC", "no space left on device");
const IOERR = sqlite(10, "disk I/O error");
const FULL = sqlite(13, "database or disk is full");
const BUSY = sqlite(5, "database is locked");

/** A way of failing. */
interface Kind {
  readonly fault: Fault;
  readonly applies: (call: Call) => boolean;
  readonly codes: readonly AuditLogErrorCode[];
  readonly reason: RegExp;
  readonly mayTear?: boolean;
  readonly persists?: boolean;
  readonly busyTimeoutMs?: number;
}

const IO_CODES = ["WRITE_FAILED", "SYNC_FAILED", "READ_FAILED"] as const;
const onFiles = ({ what }: Call): boolean => what.startsWith("file.");
const onSqlite = ({ what }: Call): boolean => what.startsWith("sqlite.");
const onAppend = ({ what }: Call): boolean => what === "file.append";
/** Another connection's lock can be in the way of what reads or writes. */
const onLocks = ({ what, about }: Call): boolean =>
  onSqlite({ what, about }) && !/open|close/.test(what) && !/PRAGMA busy|ROLLBACK/.test(about);
const anything = (): boolean => true;
const files = { applies: onFiles, codes: IO_CODES, reason: /EIO/ };
const ioerr = { applies: onSqlite, codes: IO_CODES, reason: /I\/O|its index is being made anew/ };
const full = {
  applies: onSqlite,
  codes: ["WRITE_FAILED", "READ_FAILED"],
  reason: /full|its index is being made anew/,
} as const;
const busy = {
  applies: onSqlite,
  codes: ["LOG_BUSY"],
  reason: /locked/,
  busyTimeoutMs: 0,
} as const;
const short = {
  applies: onAppend,
  codes: ["WRITE_FAILED"],
  reason: /ENOSPC/,
  mayTear: true,
} as const;

const KINDS: Record<string, Kind> = {
  "a call to the file system fails": { ...files, fault: { done: "nothing", error: EIO } },
  "a call to the file system does its work and fails": {
    ...files,
    fault: { done: "all", error: EIO },
  },
  "a write is short": { ...short, fault: { done: "half" } },
  "a write is short and fails": { ...short, fault: { done: "half", error: ENOSPC } },
  "SQLite fails with IOERR": { ...ioerr, fault: { done: "nothing", error: IOERR } },
  "SQLite does its work and fails with IOERR": { ...ioerr, fault: { done: "all", error: IOERR } },
  "SQLite fails with FULL": { ...full, fault: { done: "nothing", error: FULL } },
  "SQLite does its work and fails with FULL": { ...full, fault: { done: "all", error: FULL } },
  "SQLite fails with BUSY": { ...busy, fault: { done: "nothing", error: BUSY } },
  "SQLite is busy for a moment": {
    fault: { done: "nothing", error: BUSY },
    applies: onLocks,
    codes: [],
    reason: /locked/,
  },
  "everything fails from some call on": {
    fault: { done: "nothing", error: EIO },
    applies: anything,
    codes: IO_CODES,
    reason: /EIO/,
    persists: true,
  },
};

const ALL = process.env["AUDIT_LOG_FAULTS"] === "all";
/** A log that is used. */
interface Case {
  readonly backend: "sqlite" | "jsonl";
  readonly state: string;
  /** How many entries it has before. */
  readonly before: number;
  readonly signs: boolean;
  /** What a crash left at its end. */
  readonly torn: string;
  /** How many of the calls are made to fail when not all are. */
  readonly some: number;
}

const NEW = { state: "a new log", before: 0, signs: false, torn: "", some: 3 };
/** With the entries of the scenario a tile of the tree becomes full. */
const SIGNED = {
  state: "a signed log of 250 entries",
  before: 250,
  signs: true,
  torn: "",
  some: 2,
};
const TORN = {
  state: "a log with an unfinished line",
  before: 3,
  signs: false,
  torn: '{"cost',
  some: 3,
};
const CASES: readonly Case[] = [
  ...FILE_BACKENDS.flatMap((backend) => [{ backend, ...NEW }, { backend, ...SIGNED }]),
  { backend: "jsonl", ...TORN },
];

const real = await currentRuntime();

for (const one of CASES) {
  let counting: Promise<readonly Call[]> | undefined;
  for (const [name, kind] of Object.entries(KINDS)) {
    if (one.backend === "sqlite" && kind.applies === onAppend) continue;
    test(`${one.backend}, ${one.state}: ${name}`, { timeout: 1_200_000 }, async (t) => {
      const bench = await Bench.make(t, one);
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

/** Logs of one case, used one after the other. */
class Bench {
  readonly #case: Case;
  readonly #folder: string;
  readonly #template: string;
  readonly #keys: KeyPair;
  #used = 0;

  private constructor(given: Case, folder: string, template: string, keys: KeyPair) {
    this.#case = given;
    this.#folder = folder;
    this.#template = template;
    this.#keys = keys;
  }

  static async make(t: TestContext, given: Case): Promise<Bench> {
    // In memory, where there is such a folder: there a sync costs next to nothing.
    const parent = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
    const folder = mkdtempSync(join(parent, "audit-log-test-"));
    atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
    const template = mkdtempSync(join(folder, "template-"));
    const { backend, before, torn } = given;
    if (before > 0) {
      const log = await AuditLog.open({ backend, path: join(template, "log") });
      await log.recordAll(interactions(before));
      await log.close();
      appendFileSync(join(template, "log"), torn);
    }
    return new Bench(given, folder, template, await generateSigningKey("acme.example/faults"));
  }

  /** The calls while none fails. */
  async count(): Promise<readonly Call[]> {
    const calls: Call[] = [];
    const failing = new FailingRuntime(real, (call) => {
      calls.push(call);
      return undefined;
    });
    await this.#use(failing, {
      fault: { done: "nothing" },
      applies: anything,
      codes: [],
      reason: /./,
    });
    return calls;
  }

  /** Uses a log while its n-th call fails, among those that can fail so. Tells whether there were so many. */
  async attempt(kind: Kind, n: number): Promise<boolean> {
    let number = 0;
    const plan = (call: Call): Fault | undefined => {
      if (!kind.applies(call)) return undefined;
      const isFirst = number++ === n;
      return isFirst || kind.persists && number > n ? kind.fault : undefined;
    };
    // Every other time the calling thread waits for the disk.
    const failing = new FailingRuntime(real, plan, this.#used % 2 === 0);
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

  async #use(failing: FailingRuntime, kind: Kind): Promise<void> {
    const { backend, before, signs, torn } = this.#case;
    const name = `${this.#used++}`;
    const path = join(this.#folder, name);
    for (const file of readdirSync(this.#template)) {
      copyFileSync(join(this.#template, file), path + file.slice("log".length));
    }
    const { codes, reason, mayTear = false, persists = false, busyTimeoutMs = 30_000 } = kind;
    const { signingKey, verifierKey } = this.#keys;
    const checkpoints = { everyEntries: 4, everyMs: Infinity };
    const scenario: Scenario = {
      options: { backend, path, busyTimeoutMs, ...(signs && { signingKey, checkpoints }) },
      failing,
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

/**
 * The present runtime, whose disk fails now and then, and whose process dies in the middle of a write.
 *
 * @module
 */

import process from "node:process";
import type { FileMode, OpenFile, RowWriter, RowWriterSettings, Runtime } from "../../../mod.ts";
import { SqliteError } from "../../../mod.ts";
import { RowThread } from "../../../src/stores/row_thread.ts";
import { aroundSqlite } from "../../../tests/support/around_sqlite.ts";
import type { Random } from "../../../tests/support/random.ts";

/** The present runtime as it is. */
export async function presentRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("../../../adapters/bun/mod.ts")).runtime;
  if ("Deno" in globalThis) return (await import("../../../adapters/deno/mod.ts")).runtime;
  return (await import("../../../adapters/node/mod.ts")).runtime;
}

/** How often things go wrong, in percent of the writes. */
export interface FaultRates {
  /** A write takes less than it was given, which is no fault. */
  readonly short: number;
  /** A write or a sync fails. */
  readonly fails: number;
  /** The process kills itself before, in the middle of or after a write or a sync. */
  readonly dies: number;
}

const SQLITE_BUSY = 5;
const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;

/** Wraps a runtime. `path` is the log's; what is beside it fails as well, but for what can be made anew. */
export function faultyRuntime(
  runtime: Runtime,
  path: string,
  rates: FaultRates,
  random: Random,
  count: (what: string) => void,
): Runtime {
  const dies = (): void => {
    if (!random.chance(rates.dies)) return;
    count("kills from within");
    process.kill(process.pid, "SIGKILL");
    for (;;) Math.random(); // until it takes effect
  };
  const failsAt = (what: string): boolean => {
    if (!random.chance(rates.fails)) return false;
    count(`faults: ${what}`);
    return true;
  };
  const concerned = (file: string) =>
    [path, `${path}-checkpoints`, `${path}-wal`].some((one) => file.endsWith(one));

  function wrapFile(file: OpenFile): OpenFile {
    return {
      stat: () => file.stat(),
      read: (buffer, position) => file.read(buffer, position),
      close: () => file.close(),
      async append(bytes) {
        const { done, then } = whatOf(bytes);
        if (done > 0) await file.append(bytes.subarray(0, done));
        then();
        return done;
      },
      async sync() {
        failsToSync();
        await file.sync();
        dies();
      },
      atOnce: file.atOnce && {
        stat: () => file.atOnce!.stat(),
        append(bytes) {
          const { done, then } = whatOf(bytes);
          if (done > 0) file.atOnce!.append(bytes.subarray(0, done));
          then();
          count("writes at once");
          return done;
        },
        sync() {
          failsToSync();
          file.atOnce!.sync();
          dies();
        },
      },
    };
  }

  function failsToSync(): void {
    dies();
    if (failsAt("sync")) throw systemError("EIO", "i/o error");
  }

  /** How many bytes of a write are done, and what comes then. */
  function whatOf(bytes: Uint8Array): { done: number; then: () => void } {
    dies();
    // Now and then all but the last newline: then a line is whole, and no record yet.
    const part = random.chance(15) ? bytes.length - 1 : Math.floor(random.next() * bytes.length);
    if (part > 0 && random.chance(rates.dies)) {
      const then = () => {
        count("kills from within, half a write done");
        process.kill(process.pid, "SIGKILL");
        for (;;) Math.random();
      };
      return { done: part, then };
    }
    if (failsAt("append")) {
      const then = () => {
        throw systemError("ENOSPC", "no space left on device");
      };
      return { done: random.pick([0, part, bytes.length]), then };
    }
    if (part > 0 && random.chance(rates.short)) {
      count("short writes");
      return { done: part, then() {} };
    }
    return { done: bytes.length, then: dies };
  }

  /** Runs a statement, or fails in its place, or after it. */
  function run<T>(sql: string, action: () => T): T {
    if (sql.startsWith("COMMIT")) {
      dies();
      if (failsAt("commit")) {
        const [code, message] = random.pick(
          [
            [SQLITE_FULL, "database or disk is full"],
            [SQLITE_IOERR, "disk I/O error"],
          ] as const,
        );
        // The disk may have done what it does not confirm.
        if (code === SQLITE_IOERR && random.chance(50)) action();
        throw new SqliteError(code, message, undefined);
      }
      const result = action();
      dies();
      return result;
    }
    if (sql.startsWith("BEGIN IMMEDIATE")) {
      if (failsAt("begin")) throw new SqliteError(SQLITE_BUSY, "database is locked", undefined);
    } else if (sql.startsWith("INSERT")) {
      if (random.chance(rates.fails / 4) && failsAt("insert")) {
        throw new SqliteError(SQLITE_FULL, "database or disk is full", undefined);
      }
    }
    return action();
  }

  const faulty: Runtime = {
    ...aroundSqlite(runtime, ({ path, sql, does }, action) => {
      const isDone = does === "exec" || does === "run";
      return isDone && concerned(path) ? run(sql, action) : action();
    }),
    file: {
      ...runtime.file,
      open: async (file: string, mode: FileMode) => {
        const opened = await runtime.file.open(file, mode);
        return concerned(file) ? wrapFile(opened) : opened;
      },
    },
  };
  // What the thread does that writes large batches is done here, where it meets the same.
  const startRowWriter = async (settings: RowWriterSettings): Promise<RowWriter> => {
    const thread = await RowThread.open(faulty, settings);
    count("writers of rows that meet faults");
    const close = () => thread.close().catch(() => {});
    return { write: (rows) => thread.write(rows), close };
  };
  return { ...faulty, sqlite: { ...faulty.sqlite, startRowWriter } };
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code });
}

/**
 * What crashes and people leave behind, done between two rounds, while nobody has the log open: nothing of it may cost an
 * acknowledged record.
 *
 * @module
 */

import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Backend } from "./options.ts";
import type { Random } from "../../tests/support/random.ts";

interface Mischief {
  readonly what: string;
  /** Whether there was something to do it to. */
  readonly act: (path: string, random: Random) => boolean;
}

const JSONL: readonly Mischief[] = [
  { what: "the index deleted", act: (path) => removeDatabase(`${path}-index`) },
  {
    what: "the index cut",
    act(path, random) {
      const index = `${path}-index`;
      if (!existsSync(index)) return false;
      truncateSync(index, random.integer(0, statSync(index).size));
      return true;
    },
  },
  {
    what: "the index overwritten",
    act: (path, random) => overwrite(`${path}-index`, random),
  },
  { what: "the lock deleted", act: (path) => removeDatabase(`${path}-lock`) },
  {
    what: "a torn last line",
    act(path, random) {
      const line = readFileSync(path, "utf8").split("\n")[0]!;
      // Never a whole one, which would be an entry.
      return append(path, line.slice(0, random.integer(1, Math.max(1, line.length - 2))));
    },
  },
  {
    what: "zeros at the end",
    act: (path, random) => append(path, "\0".repeat(random.integer(1, 5000))),
  },
  {
    what: "a torn last checkpoint",
    act(path) {
      const checkpoints = `${path}-checkpoints`;
      if (!existsSync(checkpoints)) return false;
      // Who writes behind an unfinished line ends that one first; another line is none of a crash's.
      const separator = /\n$|^$/.test(readFileSync(checkpoints, "utf8")) ? "" : "\n";
      return append(checkpoints, `${separator}{"size":3,"note":"acme`);
    },
  },
];

const SQLITE: readonly Mischief[] = [
  {
    what: "the shared memory deleted",
    act(path) {
      const there = existsSync(`${path}-shm`);
      rmSync(`${path}-shm`, { force: true });
      return there;
    },
  },
  {
    what: "a torn write-ahead log",
    act(path, random) {
      const wal = `${path}-wal`;
      return existsSync(wal) && append(wal, "x".repeat(random.integer(1, 20_000)));
    },
  },
  {
    what: "the tiles deleted",
    act(path) {
      const database = new DatabaseSync(path);
      database.exec("PRAGMA busy_timeout = 5000; DELETE FROM audit_tile");
      database.close();
      return true;
    },
  },
];

/**
 * Does some of it.
 *
 * @returns What was done.
 */
export function doMischief(backend: Backend, path: string, random: Random): readonly string[] {
  const kinds = backend === "jsonl" ? JSONL : SQLITE;
  const chosen = kinds.filter(() => random.chance(20));
  return chosen.filter(({ act }) => act(path, random)).map(({ what }) => what);
}

function removeDatabase(path: string): boolean {
  const there = existsSync(path);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
  return there;
}

function append(path: string, text: string): boolean {
  const descriptor = openSync(path, "a");
  writeSync(descriptor, text);
  closeSync(descriptor);
  return text !== "";
}

/** Overwrites the first page, which leads to all others. */
function overwrite(path: string, random: Random): boolean {
  if (!existsSync(path) || statSync(path).size < 4096) return false;
  const descriptor = openSync(path, "r+");
  const bytes = Uint8Array.from({ length: 64 }, () => random.integer(0, 255));
  writeSync(descriptor, bytes, 0, bytes.length, random.integer(0, 110));
  closeSync(descriptor);
  return true;
}

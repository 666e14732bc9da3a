/**
 * Opening a large JSONL log for the first time, and again: time, memory, bytes read.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { NewEntry } from "../../mod.ts";
import { RECORD_BYTES } from "./entries.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import type { Opened } from "./open_once.ts";
import type { Row, Section } from "./rounds.ts";
import { stamps, stringify } from "./stamps.ts";

const SCRIPT = fileURLToPath(new URL("open_once.ts", import.meta.url));

/** Opens one file by processes of their own, so that each starts with its memory small. */
export async function measureOpenJsonl(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  const size = task.full ? 1_000_000 : 20_000;
  return await inNewFolder(task.folder, (path) => {
    writeLog(path, entries, size);
    const first: Opened[] = [];
    const second: Opened[] = [];
    for (let round = 0; round < task.rounds; round++) {
      removeWhatIsBeside(path);
      first.push(open(path, size));
      second.push(open(path, size));
    }
    const row = (name: string, unit: Row["unit"], opened: Opened[], of: keyof Opened): Row => ({
      name,
      unit,
      values: opened.map((figures) => figures[of]),
    });
    return {
      title: `JSONL, opening a log of ${size.toLocaleString("en")} entries`,
      note: `${Math.round(size * RECORD_BYTES / 1e6)} MB; each open is a process of its own`,
      rows: [
        row("first open", "s", first, "seconds"),
        { ...row("first open, memory grows by", "MB", first, "memoryMb"), atMost: 200 },
        row("first open, read", "MB", first, "readMb"),
        row("second open", "s", second, "seconds"),
        { ...row("second open, memory grows by", "MB", second, "memoryMb"), atMost: 200 },
        // Not nothing: its ends are looked at, to see that it is still the file that the index belongs to.
        { ...row("second open, read", "MB", second, "readMb"), atMost: 1 },
      ],
    };
  });
}

function writeLog(path: string, entries: readonly NewEntry[], size: number): void {
  const file = openSync(path, "wx");
  const stamped = stamps(size);
  const batch = 1000;
  for (let first = 0; first < size; first += batch) {
    const lines = stamped.slice(first, first + batch).map((stamp, index) =>
      `${stringify(entries[(first + index) % entries.length], stamp)}\n`
    );
    const bytes = new TextEncoder().encode(lines.join(""));
    if (writeSync(file, bytes) < bytes.length) throw new Error("a short write; is the disk full?");
  }
  closeSync(file);
}

/** Removes the index, and whatever else is there but the log. */
function removeWhatIsBeside(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (name !== basename(path)) rmSync(join(dirname(path), name));
  }
}

function open(path: string, size: number): Opened {
  const flags = "Deno" in globalThis ? ["run", "-A"] : [];
  const output = execFileSync(process.execPath, [...flags, SCRIPT, path, String(size)]);
  return JSON.parse(String(output));
}

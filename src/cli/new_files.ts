/**
 * Files that a command makes.
 *
 * @module
 */
import type { OpenFile } from "../ports.ts";
import { syncIfPossible } from "../stores/log_file.ts";
import { fileError } from "./file_error.ts";
import type { Host } from "./host.ts";

/** A file that is being made. */
export interface NewFile {
  /** Adds text, as UTF-8, or bytes. */
  write(content: string | Uint8Array): Promise<void>;
}

const STATES = {
  EEXIST: "it is there already, and nothing is overwritten",
  ENOENT: "there is no such folder",
  ENOTDIR: "there is no such folder",
};

/**
 * Makes files for their owner alone, all of them or none: each is created before the action starts, which is when it
 * turns out whether it can be, and removed again if anything fails.
 *
 * @param action Fills them.
 * @throws {CliError} When one is there already or cannot be written; what the action throws.
 */
export async function makeFiles<T>(
  host: Host,
  paths: readonly string[],
  action: (files: readonly NewFile[]) => Promise<T>,
): Promise<T> {
  const made: string[] = [];
  const open: OpenFile[] = [];
  try {
    for (const path of paths) {
      open.push(await told(path, () => host.runtime.file.open(path, "create")));
      made.push(path);
    }
    const result = await action(open.map((file, position) => ({
      write: (content) => told(made[position]!, () => writeAll(file, content)),
    })));
    for (const [position, file] of open.entries()) {
      await told(made[position]!, () => syncIfPossible(file));
    }
    for (let file; (file = open.pop()) !== undefined;) await file.close();
    return result;
  } catch (error) {
    // That one tells what is wrong.
    for (const file of open) await file.close().catch(() => {});
    for (const path of made) await host.runtime.file.remove(path).catch(() => {});
    throw error;
  }
}

async function writeAll(file: OpenFile, content: string | Uint8Array): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  for (let written = 0; written < bytes.length;) {
    const count = await file.append(bytes.subarray(written));
    if (count === 0) throw new Error("the file takes no more bytes");
    written += count;
  }
}

async function told<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(`write ${path}`, error, STATES);
  }
}

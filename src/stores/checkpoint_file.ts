import type { OpenFile, Runtime } from "../ports.ts";
import { createIfMissing } from "./log_file.ts";
import type { StoredCheckpoint } from "./tree_store.ts";

const CHUNK_BYTES = 1024 * 1024;
/** How much of the end is read for the last checkpoint at first. */
const TAIL_BYTES = 16 * 1024;
const NEWLINE = 0x0a;

/**
 * The file of the checkpoints of a JSONL log: each is a line of JSON, `{"size":3,"note":"..."}`. As the log itself it
 * is only ever appended to; a line that a crash left unfinished gets its newline and is passed over. What else is no
 * checkpoint was one before somebody changed it, and is given as it is, so that it is found to be none.
 */
export class CheckpointFile {
  readonly #runtime: Runtime;
  readonly #path: string;

  /** @param path The file, which need not exist. */
  constructor(runtime: Runtime, path: string) {
    this.#runtime = runtime;
    this.#path = path;
  }

  /**
   * Adds a checkpoint; it is on the disk when this resolves. The caller holds the log's lock.
   *
   * @returns Whether it was added: not behind one that covers more.
   */
  async append({ size, note }: StoredCheckpoint): Promise<boolean> {
    const before = await this.last();
    if (before !== undefined && before.size > size) return false;
    await createIfMissing(this.#runtime.file, this.#path);
    await this.#using("append", async (file) => {
      const end = (await file.stat()).size;
      const last = new Uint8Array(1);
      if (end > 0) await file.read(last, end - 1);
      const separator = end === 0 || last[0] === NEWLINE ? "" : "\n";
      const bytes = new TextEncoder().encode(`${separator}${JSON.stringify({ size, note })}\n`);
      for (let written = 0; written < bytes.length;) {
        const count = await file.append(bytes.subarray(written));
        if (count === 0) throw new Error("the file takes no more bytes");
        written += count;
      }
      await file.sync();
    });
    return true;
  }

  /** All checkpoints, in their order, in chunks. */
  async *all(): AsyncGenerator<readonly StoredCheckpoint[]> {
    const stat = await this.#runtime.file.stat(this.#path);
    if (stat === undefined) return;
    const file = await this.#runtime.file.open(this.#path, "read");
    try {
      let rest = new Uint8Array(0);
      for (let position = 0; position < stat.size;) {
        const bytes = new Uint8Array(rest.length + Math.min(CHUNK_BYTES, stat.size - position));
        bytes.set(rest);
        const count = await file.read(bytes.subarray(rest.length), position);
        if (count === 0) break;
        position += count;
        const filled = bytes.subarray(0, rest.length + count);
        const end = filled.lastIndexOf(NEWLINE) + 1;
        rest = filled.slice(end);
        yield checkpointsIn(filled.subarray(0, end));
      }
      yield checkpointsIn(rest);
    } finally {
      await file.close();
    }
  }

  /** The checkpoint that was added last. */
  async last(): Promise<StoredCheckpoint | undefined> {
    if (await this.#runtime.file.stat(this.#path) === undefined) return undefined;
    return await this.#using("read", async (file) => {
      const { size } = await file.stat();
      for (let length = TAIL_BYTES;; length *= 16) {
        const start = Math.max(0, size - length);
        const bytes = new Uint8Array(size - start);
        const filled = bytes.subarray(0, await file.read(bytes, start));
        // What stands before the first newline may be the end of a line.
        const first = start === 0 ? 0 : filled.indexOf(NEWLINE) + 1;
        const known = start > 0 && first === 0 ? filled.subarray(0, 0) : filled.subarray(first);
        const checkpoint = checkpointsIn(known).at(-1);
        if (checkpoint !== undefined || start === 0) return checkpoint;
      }
    });
  }

  async #using<T>(mode: "read" | "append", action: (file: OpenFile) => Promise<T>): Promise<T> {
    const file = await this.#runtime.file.open(this.#path, mode);
    try {
      return await action(file);
    } finally {
      await file.close();
    }
  }
}

/** The checkpoints in some lines, the last of which need not have its newline. */
function checkpointsIn(lines: Uint8Array): StoredCheckpoint[] {
  const texts = new TextDecoder("utf-8", { ignoreBOM: true }).decode(lines).split("\n");
  return texts.filter((line) => !isUnfinished(line)).map(toCheckpoint);
}

function toCheckpoint(line: string): StoredCheckpoint {
  try {
    const { size, note } = JSON.parse(line) as { size?: unknown; note?: unknown };
    if (typeof size === "number" && typeof note === "string") return { size, note };
  } catch {
    // It is no JSON any more.
  }
  return { size: 0, note: line };
}

/** Whether a line is what a crash leaves of one: nothing, its beginning, zeros in place of its end. */
function isUnfinished(line: string): boolean {
  let rest = line.replace(/\0+$/, "");
  for (const part of ['{"size":', /^\d+/, ',"note":"']) {
    if (typeof part !== "string") rest = rest.replace(part, "");
    else if (part.startsWith(rest)) return true;
    else if (rest.startsWith(part)) rest = rest.slice(part.length);
    else return false;
  }
  for (let at = 0; at < rest.length; at++) {
    if (rest[at] === "\\") at++;
    else if (rest[at] === '"') return at === rest.length - 1;
  }
  return true;
}

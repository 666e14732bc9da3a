import { AuditLogError } from "../errors.ts";
import type { FileStat, OpenFile, Runtime } from "../ports.ts";
import { readFully } from "./line_reader.ts";
import { createIfMissing } from "./log_file.ts";
import type { StoredCheckpoint } from "./tree_store.ts";

const CHUNK_BYTES = 1024 * 1024;
/** How much of the end is read for the last checkpoint at first. */
const TAIL_BYTES = 16 * 1024;
const NEWLINE = 0x0a;
/** The longest line of a note of the largest size, each character of it an escape. */
const MAX_LINE_BYTES = 8 * 1024 * 1024;
/** Stands for a line that is longer, and so no checkpoint. */
const TOO_LONG: StoredCheckpoint = { size: 0, note: "" };

/**
 * The file of the checkpoints of a JSONL log: each is a line of JSON, `{"size":3,"note":"..."}`. As the log itself it
 * is only ever appended to; a line that a crash left unfinished gets its newline and is passed over. What else is no
 * checkpoint was one before somebody changed it, and is given as it is, so that it is found to be none.
 */
export class CheckpointFile {
  readonly #runtime: Runtime;
  readonly #path: string;
  readonly #beside: string | undefined;

  /**
   * @param path The file, which need not exist.
   * @param beside The log that it is of.
   */
  constructor(runtime: Runtime, path: string, beside?: string) {
    this.#runtime = runtime;
    this.#path = path;
    this.#beside = beside;
  }

  /**
   * Adds a checkpoint; it is on the disk when this resolves. The caller holds the log's lock.
   *
   * @returns Whether it was added: not behind one that covers more.
   */
  async append({ size, note }: StoredCheckpoint): Promise<boolean> {
    const before = await this.last();
    if (before !== undefined && before.size > size) return false;
    await createIfMissing(this.#runtime.file, this.#path, this.#beside);
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
    const stat = await this.#stat();
    if (stat === undefined) return;
    const file = await this.#runtime.file.open(this.#path, "read");
    try {
      let rest = new Uint8Array(0);
      let tooLong = false;
      for (let position = 0; position < stat.size;) {
        const bytes = new Uint8Array(rest.length + Math.min(CHUNK_BYTES, stat.size - position));
        bytes.set(rest);
        const count = await file.read(bytes.subarray(rest.length), position);
        if (count === 0) break;
        position += count;
        let filled = bytes.subarray(0, rest.length + count);
        if (tooLong) {
          // The rest of a line that was told of already.
          const newline = filled.indexOf(NEWLINE);
          filled = filled.subarray(newline === -1 ? filled.length : newline + 1);
          tooLong = newline === -1;
        }
        const end = filled.lastIndexOf(NEWLINE) + 1;
        rest = filled.slice(end);
        yield checkpointsIn(filled.subarray(0, end));
        if (rest.length <= MAX_LINE_BYTES) continue;
        yield [TOO_LONG];
        rest = new Uint8Array(0);
        tooLong = true;
      }
      yield checkpointsIn(rest);
    } finally {
      await file.close();
    }
  }

  /** The checkpoint that was added last. */
  async last(): Promise<StoredCheckpoint | undefined> {
    if (await this.#stat() === undefined) return undefined;
    return await this.#using("read", async (file) => {
      const { size } = await file.stat();
      for (let length = TAIL_BYTES;; length *= 16) {
        const start = Math.max(0, size - length);
        const filled = await readFully(file, start, size - start);
        // What stands before the first newline may be the end of a line.
        const first = start === 0 ? 0 : filled.indexOf(NEWLINE) + 1;
        const known = start > 0 && first === 0 ? filled.subarray(0, 0) : filled.subarray(first);
        const checkpoint = checkpointsIn(known).at(-1);
        if (checkpoint !== undefined || start === 0) return checkpoint;
        if (length > MAX_LINE_BYTES) return TOO_LONG;
      }
    });
  }

  /** Looks what is there: opening a named pipe would wait for whoever writes to it. */
  async #stat(): Promise<FileStat | undefined> {
    const stat = await this.#runtime.file.stat(this.#path);
    if (stat === undefined || stat.kind === "file") return stat;
    throw new AuditLogError(
      "PATH_NOT_A_FILE",
      `Cannot use ${this.#path}: it is not a file; move it away`,
    );
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
  let length = line.length;
  while (line[length - 1] === "\0") length--; // a pattern would take its time for zeros elsewhere
  let rest = line.slice(0, length);
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

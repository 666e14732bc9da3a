import type { OpenFile, Runtime } from "../ports.ts";
import { createIfMissing } from "./log_file.ts";
import type { StoredCheckpoint } from "./tree_store.ts";

const CHUNK_BYTES = 1024 * 1024;
/** How much of the end is read for the last checkpoint at first. */
const TAIL_BYTES = 16 * 1024;
const NEWLINE = 0x0a;

/**
 * The file of the checkpoints of a JSONL log: each is a line of JSON, `{"size":3,"note":"..."}`. As the log itself it
 * is only ever appended to; a line that a crash left unfinished gets its newline and is passed over.
 */
export class CheckpointFile {
  readonly #runtime: Runtime;
  readonly #path: string;

  /** @param path The file, which need not exist. */
  constructor(runtime: Runtime, path: string) {
    this.#runtime = runtime;
    this.#path = path;
  }

  /** Adds a checkpoint; it is on the disk when this resolves. The caller holds the log's lock. */
  async append({ size, note }: StoredCheckpoint): Promise<void> {
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
  }

  /** All notes, in their order, in chunks. */
  async *all(): AsyncGenerator<readonly string[]> {
    const stat = await this.#runtime.file.stat(this.#path);
    if (stat === undefined) return;
    const file = await this.#runtime.file.open(this.#path, "read");
    try {
      let rest = new Uint8Array(0);
      for (let position = 0; position < stat.size;) {
        const chunk = new Uint8Array(Math.min(CHUNK_BYTES, stat.size - position));
        const count = await file.read(chunk, position);
        if (count === 0) break;
        position += count;
        const bytes = new Uint8Array([...rest, ...chunk.subarray(0, count)]);
        const end = bytes.lastIndexOf(NEWLINE) + 1;
        yield notesIn(bytes.subarray(0, end));
        rest = bytes.slice(end);
      }
    } finally {
      await file.close();
    }
  }

  /** The note that was added last. */
  async last(): Promise<string | undefined> {
    if (await this.#runtime.file.stat(this.#path) === undefined) return undefined;
    return await this.#using("read", async (file) => {
      const { size } = await file.stat();
      for (let length = TAIL_BYTES;; length *= 16) {
        const start = Math.max(0, size - length);
        const bytes = new Uint8Array(size - start);
        await file.read(bytes, start);
        // What stands before the first newline may be the end of a line.
        const first = start === 0 ? 0 : bytes.indexOf(NEWLINE) + 1;
        const note = notesIn(bytes.subarray(first, bytes.lastIndexOf(NEWLINE) + 1)).at(-1);
        if (note !== undefined || start === 0) return note;
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

/** The notes in complete lines; what is no checkpoint is passed over. */
function notesIn(lines: Uint8Array): string[] {
  const notes: string[] = [];
  for (const line of new TextDecoder().decode(lines).split("\n")) {
    if (line === "") continue;
    try {
      const { note } = JSON.parse(line) as { note?: unknown };
      if (typeof note === "string") notes.push(note);
    } catch {
      // An unfinished line, as a crash leaves it.
    }
  }
  return notes;
}

/**
 * What is imported: a file, or standard input.
 *
 * @module
 */
import { CliError } from "./cli_error.ts";
import type { Host } from "./host.ts";

/** How much of a file is read at a time. */
const CHUNK_BYTES = 256 * 1024;

/** An open source of bytes. */
export interface Source {
  /** Its name, for people. */
  readonly name: string;
  /** Its size in bytes, where that is known before the end. */
  readonly size: number | undefined;
  /** Which file it is; nothing for standard input. */
  readonly identity: string | undefined;
  /** Its bytes. A chunk is valid until the next one is asked for. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Closes it. */
  close(): Promise<void>;
}

/**
 * Opens a file, or standard input for `-`.
 *
 * @throws {CliError} When it cannot be read.
 */
export async function openSource(host: Host, path: string): Promise<Source> {
  if (path === "-") {
    return {
      name: "standard input",
      size: undefined,
      identity: undefined,
      chunks: host.stdin(),
      close: () => Promise.resolve(),
    };
  }
  try {
    const file = await host.runtime.file.open(path, "read");
    const { kind, size, identity } = await file.stat();
    if (kind === "other") {
      await file.close();
      throw new CliError(
        `Cannot import ${path}: it is no file; pipe it into audit-log import - instead`,
      );
    }
    return { name: path, size, identity, chunks: chunksOf(file), close: () => file.close() };
  } catch (error) {
    throw error instanceof CliError ? error : unreadable(path, error);
  }

  async function* chunksOf(file: { read(b: Uint8Array, at: number): Promise<number> }) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let position = 0;;) {
      let read: number;
      try {
        read = await file.read(buffer, position);
      } catch (error) {
        throw unreadable(path, error);
      }
      if (read === 0) return;
      yield buffer.subarray(0, read);
      position += read;
    }
  }
}

const STATES: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "it is a folder",
  EACCES: "the operating system denies access",
  EPERM: "the operating system denies access",
};

function unreadable(path: string, error: unknown): CliError {
  const { code, message } = error as { code?: string; message?: string };
  return new CliError(`Cannot import ${path}: ${STATES[code ?? ""] ?? message ?? error}`, {
    cause: error,
  });
}

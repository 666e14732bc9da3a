/**
 * What is read: a file, or standard input.
 *
 * @module
 */
import { textIn } from "../utf8.ts";
import { CliError } from "./cli_error.ts";
import { fileError } from "./file_error.ts";
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
 * @param action What it is opened for, for messages: `import`, `read`.
 * @throws {CliError} When it cannot be read.
 */
export async function openSource(host: Host, path: string, action: string): Promise<Source> {
  if (path === "-") {
    return {
      name: "standard input",
      size: undefined,
      identity: undefined,
      chunks: stdinOf(host, action),
      close: () => Promise.resolve(),
    };
  }
  try {
    const { file: files } = host.runtime;
    // Asked before it is opened: opening a named pipe waits for whoever writes into it.
    if ((await files.stat(path))?.kind === "other") {
      throw new CliError(
        `Cannot ${action} ${path}: it is no file; pipe it in, with - in place of its name`,
      );
    }
    const file = await files.open(path, "read");
    const { size, identity } = await file.stat();
    return { name: path, size, identity, chunks: chunksOf(file), close: () => file.close() };
  } catch (error) {
    throw error instanceof CliError ? error : fileError(`${action} ${path}`, error);
  }

  async function* chunksOf(file: { read(b: Uint8Array, at: number): Promise<number> }) {
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let position = 0;;) {
      let read: number;
      try {
        read = await file.read(buffer, position);
      } catch (error) {
        throw fileError(`${action} ${path}`, error);
      }
      if (read === 0) return;
      yield buffer.subarray(0, read);
      position += read;
    }
  }
}

async function* stdinOf(host: Host, action: string): AsyncGenerator<Uint8Array> {
  try {
    yield* host.stdin();
  } catch (error) {
    throw fileError(`${action} standard input`, error);
  }
}

/** Processes whose standard input was read; there is no second time. */
const emptied = new WeakSet<Host>();

/**
 * Reads all of a file, or of standard input for `-`.
 *
 * @param most How many bytes it may have: what is given on a command line may be any file.
 * @throws {CliError} When it cannot be read, or has more.
 */
export async function readWhole(host: Host, path: string, most: number): Promise<Uint8Array> {
  if (path === "-") {
    if (emptied.has(host)) {
      throw new CliError("Cannot read standard input: it can stand for one file, not for two");
    }
    emptied.add(host);
  }
  const source = await openSource(host, path, "read");
  try {
    const { name, size = 0, chunks } = source;
    const tooLarge = () =>
      new CliError(`Cannot read ${name}: it has more than ${most} bytes, which cannot be right`);
    if (size > most) throw tooLarge();
    let bytes = new Uint8Array(size);
    let length = 0;
    for await (const chunk of chunks) {
      const end = length + chunk.length;
      if (end > most) throw tooLarge();
      if (end > bytes.length) {
        const larger = new Uint8Array(Math.min(most, Math.max(2 * bytes.length, end)));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(chunk, length);
      length = end;
    }
    return bytes.subarray(0, length);
  } finally {
    await source.close();
  }
}

/**
 * Reads all of a file as text, or of standard input for `-`, without the byte order mark that Windows puts before it.
 *
 * @param most How many bytes it may have.
 * @param mayBeCut Whether a character may have been cut, which is replaced by U+FFFD.
 * @throws {CliError} When it cannot be read, has more, or is no text.
 */
export async function readText(
  host: Host,
  path: string,
  most: number,
  mayBeCut: boolean = false,
): Promise<string> {
  const bytes = await readWhole(host, path, most);
  const text = mayBeCut && !isUtf16(bytes) ? new TextDecoder().decode(bytes) : textIn(bytes);
  if (text !== undefined) return text.replace(/^\ufeff/, "");
  const state = isUtf16(bytes) ? UTF_16 : "is no text in UTF-8";
  throw new CliError(`Cannot read ${nameOf(path)}: it ${state}`);
}

/** What to say of a text that {@link isUtf16}. */
export const UTF_16 =
  "is UTF-16, as Windows PowerShell's > writes; make it anew in cmd or Git Bash, which change no byte";

/** Whether bytes are the beginning of a text in UTF-16: its mark never occurs in UTF-8. */
export function isUtf16([first, second]: Uint8Array): boolean {
  return first === 0xff && second === 0xfe || first === 0xfe && second === 0xff;
}

/** What people call a file that was given on the command line. */
export function nameOf(path: string): string {
  return path === "-" ? "standard input" : path;
}

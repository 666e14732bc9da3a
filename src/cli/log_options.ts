/**
 * The options that say which log, and opening it.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { AuditLog } from "../audit_log.ts";
import { type FileOptions, MOST_RECORD_BYTES } from "../options.ts";
import type { FileAdapter } from "../ports.ts";
import { CliError } from "./cli_error.ts";
import { visible } from "./display.ts";
import type { Host } from "./host.ts";

/** Which log is meant. */
export interface LogOptions {
  /** Its file. */
  readonly log: string;
  /** What kind of file it is; unless given, the file tells. */
  readonly backend?: Backend;
}

type Backend = "sqlite" | "jsonl";

/** Adds `--log` and `--backend` to a command. */
export function addLogOptions(command: Command): Command {
  return command
    .requiredOption("--log <path>", "the log's file")
    .addOption(
      new Option(
        "--backend <kind>",
        "what kind of file the log is; default: the file tells, or a new one's name",
      ).choices(["sqlite", "jsonl"]),
    );
}

/**
 * Opens a log to be read. Never creates one.
 *
 * @throws {CliError} When there is no such file.
 * @throws {AuditLogError} As `AuditLog.open()`.
 */
export async function openToRead(host: Host, { log, backend }: LogOptions): Promise<AuditLog> {
  const found = await look(host.runtime.file, log);
  if (found === "missing") throw missing(log);
  const known = backend ?? found ?? backendOfName(log) ?? "jsonl";
  return await open(host, log, known, { readOnly: true });
}

/**
 * Opens a log to sign checkpoints, when asked and at no other time. Never creates one.
 *
 * @throws {CliError} When there is no log.
 * @throws {AuditLogError} As `AuditLog.open()`.
 */
export async function openToSign(
  host: Host,
  { log, backend }: LogOptions,
  signingKey: readonly string[],
): Promise<AuditLog> {
  const found = await look(host.runtime.file, log);
  if (found === "missing") throw missing(log);
  const known = backend ?? found ?? backendOfName(log) ?? "jsonl";
  if (found === undefined && known === "sqlite") {
    throw new CliError(`Cannot open ${log}: it is empty, which is no log yet`);
  }
  const checkpoints = { everyEntries: Infinity, everyMs: Infinity, onClose: false };
  return await open(host, log, known, { signingKey, checkpoints });
}

/** A log to be written to. One that does not exist is created when it is opened, so that what fails before leaves nothing. */
export class LogToWrite {
  readonly #open: () => Promise<AuditLog>;
  #log: AuditLog | undefined;

  /** @param open Opens the log, and creates it where it does not exist. */
  constructor(open: () => Promise<AuditLog>) {
    this.#open = open;
  }

  /** The log, once it is open. */
  get opened(): AuditLog | undefined {
    return this.#log;
  }

  /**
   * Opens the log, unless that was done.
   *
   * @throws {AuditLogError} As `AuditLog.open()`.
   */
  async open(): Promise<AuditLog> {
    return this.#log ??= await this.#open();
  }

  /** Closes it, if it was opened. */
  async close(): Promise<void> {
    await this.#log?.close();
  }
}

/**
 * Finds a log to be written to, and opens it where it exists.
 *
 * @throws {CliError} When neither the file nor its name tells the backend.
 * @throws {AuditLogError} As `AuditLog.open()`.
 */
export async function findToWrite(host: Host, { log, backend }: LogOptions): Promise<LogToWrite> {
  const found = await look(host.runtime.file, log);
  const exists = found !== "missing" && found !== undefined;
  const known = backend ?? (exists ? found : undefined) ?? backendOfName(log);
  if (known === undefined) {
    throw new CliError(
      `Cannot create ${log}: its name does not tell what kind of log it shall be; give ` +
        "--backend sqlite or --backend jsonl, or a name that ends in .db or .jsonl",
    );
  }
  // What another log had is not refused: its owner may have allowed for larger records than usual.
  const target = new LogToWrite(() =>
    open(host, log, known, { maxRecordBytes: MOST_RECORD_BYTES })
  );
  if (exists) await target.open();
  return target;
}

async function open(
  host: Host,
  path: string,
  backend: Backend,
  options: Partial<FileOptions>,
): Promise<AuditLog> {
  return await AuditLog.open({
    ...options,
    backend,
    path,
    runtime: host.runtime,
    onWarning: ({ message }) => {
      // A warning that cannot be told keeps nobody from the log.
      host.stderr.write(`audit-log: warning: ${visible(message)}\n`).catch(() => {});
    },
  });
}

function missing(path: string): CliError {
  // As of a variable that is not set.
  if (path === "") return new CliError("Cannot open the log: --log is empty; give its file");
  return new CliError(`Cannot open ${path}: no such file`);
}

const SQLITE_HEADER = "SQLite format 3\0";

/** What the file says of itself; nothing when it is empty. */
async function look(files: FileAdapter, path: string): Promise<Backend | "missing" | undefined> {
  try {
    const stat = await files.stat(path);
    if (stat === undefined) return "missing";
    // Opening says what is wrong with a folder.
    if (stat.kind !== "file") return "jsonl";
    if (stat.size === 0) return undefined;
    const file = await files.open(path, "read");
    try {
      const bytes = new Uint8Array(SQLITE_HEADER.length);
      await file.read(bytes, 0);
      return String.fromCharCode(...bytes) === SQLITE_HEADER ? "sqlite" : "jsonl";
    } finally {
      await file.close();
    }
  } catch {
    // Opening says what is wrong with a file that cannot be read.
    return backendOfName(path) ?? "jsonl";
  }
}

function backendOfName(path: string): Backend | undefined {
  if (/\.(db|sqlite|sqlite3)$/i.test(path)) return "sqlite";
  if (/\.(jsonl|ndjson)$/i.test(path)) return "jsonl";
}

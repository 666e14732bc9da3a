import { AuditLogError } from "./errors.ts";
import { nameFault } from "./entry.ts";
import { type OnRedactionFailure, type Redact, Redaction } from "./redaction.ts";
import type { Runtime } from "./ports.ts";
import { hintFor } from "./known_fields.ts";
import { describe, describeNumber } from "./refusal.ts";
import type { LogStore } from "./stores/store.ts";
import type { Publish } from "./transparency/publisher.ts";
import type { SigningKey } from "./transparency/signing.ts";
import type { AuditWarning } from "./warning.ts";

/** Options that every backend has. */
export interface CommonOptions {
  /** Largest record in bytes of its line, 1 to 256 Mi - 1. Default 16 MiB. */
  readonly maxRecordBytes?: number | undefined;
  /**
   * How much may wait to be redacted and written, 1 to 2^53 - 1: about as many bytes as it takes in memory. Over it,
   * `log.ready` waits. Default 64 MiB.
   */
  readonly maxQueueBytes?: number | undefined;
  /** The machine's clock: milliseconds since the epoch. Default `Date.now`. */
  readonly clock?: (() => number) | undefined;
  /**
   * Called with warnings: the log works, but something should be known. What it throws is ignored: `log.info()` tells of all, whatever
   * becomes of them here. Default: only that does.
   */
  readonly onWarning?: ((warning: AuditWarning) => void) | undefined;
  /**
   * What signs the log's checkpoints: a key of `generateSigningKey()`, or a signer, for a key in a KMS. If several are given,
   * all of them sign; that is how to change a key. Default: the log is not signed. So with `undefined`, but for a warning, `NOT_SIGNED`: the key may be missing by mistake.
   */
  readonly signingKey?: SigningKey | readonly SigningKey[] | undefined;
  /** When checkpoints are signed by themselves, and who gets them. It needs `signingKey`. */
  readonly checkpoints?: CheckpointOptions | undefined;
  /**
   * Removes from each entry what must not be recorded, before anything is written: a redactor, or a function that takes an
   * entry and returns one. The entry keeps, as `audit.redaction`, the redactor's name and version, and how much of what it
   * replaced. Adopted lines are not redacted. Default: entries are recorded as they are.
   */
  readonly redact?: Redact | undefined;
  /**
   * What becomes of an entry whose redactor fails. `"refuse"` rejects with `REDACTION_FAILED`. `"withhold"` records it with
   * empty texts, `withheld` as its user, and of its metadata only numbers under names of OpenTelemetry's conventions, such as
   * `gen_ai.usage.input_tokens`. What a redactor should have seen is never recorded. A gap is recorded in any case; see `AuditLog.recordGap()`. Default `"refuse"`.
   */
  readonly onRedactionFailure?: OnRedactionFailure | undefined;
  /**
   * How long a redactor that returns a promise may take for an entry, milliseconds, 1 to 2^31 - 1. One that takes longer has
   * failed, and its answer is ignored. Entries are recorded in the order of the calls, so those behind it wait as long.
   * Default 10,000.
   */
  readonly redactionTimeoutMs?: number | undefined;
}

/** When checkpoints are signed by themselves, and who gets them; see {@link CommonOptions.checkpoints}. */
export interface CheckpointOptions {
  /** After how many entries, an integer >= 1, or `Infinity`. Default 10,000. */
  readonly everyEntries?: number | undefined;
  /** After how many milliseconds, >= 1, also when nothing was recorded; or `Infinity`. Default 600,000. */
  readonly everyMs?: number | undefined;
  /**
   * Whether one is signed when the log is closed, also when nothing was recorded since the last: its time shows that. It is left
   * out within a second of the last. By a handle that recorded nothing, it is left out within `everyMs` (ten minutes, if that is
   * `Infinity`) of the newest that covers all entries, whoever signed that. Default `true`.
   */
  readonly onClose?: boolean | undefined;
  /**
   * Copies a checkpoint to where the log's own machine cannot change it. Without that, nobody can see that the end of the log
   * was removed. It is called with one checkpoint at a time. When it fails, `onWarning` is told and it is tried again. Nobody
   * who records waits for it.
   */
  readonly publish?: Publish | undefined;
}

/** A log in memory, or in a store of the caller's own. */
export interface MemoryOptions extends CommonOptions {
  /** Where the log is kept. Default `"memory"`. */
  readonly backend?: "memory" | LogStore | undefined;
}

/** A log in a file. */
export interface FileOptions extends CommonOptions {
  /** Where the log is kept. */
  readonly backend: "sqlite" | "jsonl";
  /** The file. Default `audit_log.db` or `audit_log.jsonl` in the current folder. */
  readonly path?: string | undefined;
  /**
   * When `record()` resolves: `"full"`, once the record is on the disk; `"relaxed"`, once the operating
   * system has it, so that a power failure may take the last ones. Default `"full"`.
   */
  readonly durability?: "full" | "relaxed" | undefined;
  /** Open an existing log and refuse to record. Default `false`. */
  readonly readOnly?: boolean | undefined;
  /** How long to wait for another process that holds the log's lock, milliseconds, >= 0. Default 30,000. */
  readonly busyTimeoutMs?: number | undefined;
  /** The adapter of the runtime. Default: that of the runtime which this runs on. */
  readonly runtime?: Runtime | undefined;
}

/** Options of {@link AuditLog.open}. */
export type OpenOptions = MemoryOptions | FileOptions;

/** Options of a file backend, checked and complete. */
export interface FileSettings {
  /** The file. */
  readonly path: string;
  /** When an append resolves. */
  readonly durability: "full" | "relaxed";
  /** Whether writing is refused. */
  readonly readOnly: boolean;
  /** How long to wait for a lock, milliseconds. */
  readonly busyTimeoutMs: number;
  /** Largest record in bytes. */
  readonly maxRecordBytes: number;
  /** Whom to tell. */
  readonly warn: (warning: AuditWarning) => void;
}

/** {@link CheckpointOptions}, checked and complete. */
export interface CheckpointSettings {
  /** After how many entries. */
  readonly everyEntries: number;
  /** After how many milliseconds. */
  readonly everyMs: number;
  /** Whether one is signed when the log is closed. */
  readonly onClose: boolean;
  /** Who gets them. */
  readonly publish: Publish | undefined;
}

/** Options, checked and complete. */
export interface Settings extends FileSettings {
  /** Where the log is kept. */
  readonly backend: "memory" | "sqlite" | "jsonl" | LogStore;
  /** How much may wait to be written. */
  readonly maxQueueBytes: number;
  /** The machine's clock. */
  readonly clock: () => number;
  /** What signs; none when the log is not signed. */
  readonly signingKeys: readonly SigningKey[];
  /** When to sign. */
  readonly checkpoints: CheckpointSettings;
  /** Redacts entries; none when they are recorded as they are. */
  readonly redaction: Redaction | undefined;
  /** The adapter, if one was given. */
  readonly runtime: Runtime | undefined;
}

/** The largest record that a log may have, in bytes of its line. */
export const MOST_RECORD_BYTES: number = 2 ** 28 - 1;

/** After how many milliseconds a checkpoint is signed, unless it is said otherwise. */
export const DEFAULT_EVERY_MS = 600_000;

const COMMON = [
  "backend",
  "maxRecordBytes",
  "maxQueueBytes",
  "clock",
  "onWarning",
  "signingKey",
  "checkpoints",
  "redact",
  "onRedactionFailure",
  "redactionTimeoutMs",
];
const CHECKPOINTS = ["everyEntries", "everyMs", "onClose", "publish"];
const FILE = ["path", "durability", "readOnly", "busyTimeoutMs", "runtime"];
const DEFAULT_PATHS = { sqlite: "audit_log.db", jsonl: "audit_log.jsonl" };

/**
 * Checks the options of `AuditLog.open()` and completes them.
 *
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 */
export function checkOptions(options: OpenOptions): Settings {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const example = '{ backend: "sqlite", path: "audit.db" }';
    throw invalid("", `the options are an object such as ${example}, not ${describe(options)}`);
  }
  const { backend = "memory" } = options;
  const inFile = backend === "sqlite" || backend === "jsonl";
  if (!inFile && backend !== "memory" && !isStore(backend)) {
    throw invalid("backend", `must be "memory", "sqlite", "jsonl" or a LogStore`);
  }
  checkNames(options, inFile);
  const given = options as Partial<FileOptions>;
  const { durability = "full", readOnly = false, onWarning = () => {}, clock = Date.now } = given;
  if (durability !== "full" && durability !== "relaxed") {
    throw invalid("durability", `must be "full" or "relaxed"`);
  }
  if (typeof readOnly !== "boolean") throw invalid("readOnly", "must be true or false");
  if (typeof onWarning !== "function") throw invalid("onWarning", "must be a function");
  if (typeof clock !== "function") throw invalid("clock", "must be a function");
  const path = given.path === undefined ? (inFile ? DEFAULT_PATHS[backend] : "") : given.path;
  if (inFile && (typeof path !== "string" || path === "" || path.includes("\0"))) {
    const given = typeof path === "string" ? "" : `, a string, not ${describe(path)}`;
    throw invalid("path", `must be the name of a file${given}`);
  }
  if (path === ":memory:") {
    throw invalid("path", `must be a file; for memory take backend "memory"`);
  }
  if (given.runtime !== undefined && !isRuntime(given.runtime)) {
    throw invalid(
      "runtime",
      "must be that of an adapter, such as @audit-log/llm/node; leave it out to have it found",
    );
  }
  const signingKeys = checkSigningKeys(given.signingKey);
  if (signingKeys.length > 0 && readOnly) {
    throw invalid("signingKey", "is of no use with readOnly");
  }
  if (signingKeys.length === 0 && given.checkpoints !== undefined) {
    throw invalid("checkpoints", "needs a signingKey");
  }
  return {
    backend,
    path,
    signingKeys,
    redaction: checkRedaction(given),
    checkpoints: checkCheckpoints(given.checkpoints === undefined ? {} : given.checkpoints),
    durability,
    readOnly,
    clock,
    warn: onWarning,
    runtime: given.runtime,
    maxRecordBytes: checkNumber(
      "maxRecordBytes",
      given.maxRecordBytes,
      16 * 2 ** 20,
      1,
      MOST_RECORD_BYTES,
    ),
    maxQueueBytes: checkNumber(
      "maxQueueBytes",
      given.maxQueueBytes,
      64 * 2 ** 20,
      1,
      Number.MAX_SAFE_INTEGER,
    ),
    busyTimeoutMs: checkNumber("busyTimeoutMs", given.busyTimeoutMs, 30_000, 0, 2 ** 31),
  };
}

function checkNames(options: object, inFile: boolean): void {
  for (const name of Reflect.ownKeys(options)) {
    if (COMMON.includes(String(name))) continue;
    if (!FILE.includes(String(name))) {
      const hint = hintFor(String(name), [...COMMON, ...FILE]);
      throw invalid(String(name), `is not an option; ${hint}`);
    }
    if (!inFile && (options as Record<string, unknown>)[String(name)] !== undefined) {
      throw invalid(String(name), `needs backend "sqlite" or "jsonl"`);
    }
  }
}

function checkSigningKeys(value: unknown): readonly SigningKey[] {
  if (value === undefined) return [];
  const keys: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (keys.length > 0 && keys.every((key) => typeof key === "string" || isSigner(key))) {
    return keys as readonly SigningKey[];
  }
  throw invalid(
    "signingKey",
    "must be a key of generateSigningKey() or a Signer, or an array of them",
  );
}

function checkRedaction(options: CommonOptions): Redaction | undefined {
  const { onRedactionFailure: onFailure = "refuse" } = options;
  const redact: unknown = options.redact;
  if (onFailure !== "refuse" && onFailure !== "withhold") {
    throw invalid("onRedactionFailure", `must be "refuse" or "withhold"`);
  }
  const timeoutMs = checkNumber(
    "redactionTimeoutMs",
    options.redactionTimeoutMs,
    10_000,
    1,
    2 ** 31 - 1,
  );
  if (redact === undefined) return undefined;
  if (typeof redact !== "function" && !isRedactor(redact)) {
    throw invalid("redact", "must be a function, or a Redactor with a name and a function redact");
  }
  return new Redaction(redact as Redact, { onFailure, timeoutMs });
}

function isRedactor(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, redact } = value as Record<string, unknown>;
  return nameFault(name) === undefined && typeof redact === "function" &&
    (version === undefined || nameFault(version) === undefined);
}

function isSigner(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const signer = value as Record<string, unknown>;
  return typeof signer["name"] === "string" && typeof signer["keyId"] === "number" &&
    typeof signer["sign"] === "function";
}

function checkCheckpoints(options: CheckpointOptions): CheckpointSettings {
  if (typeof options !== "object" || options === null) {
    throw invalid("checkpoints", `must be an object, not ${describe(options)}`);
  }
  for (const name of Reflect.ownKeys(options)) {
    if (CHECKPOINTS.includes(String(name))) continue;
    throw invalid(
      `checkpoints.${String(name)}`,
      `is not an option; ${hintFor(String(name), CHECKPOINTS)}`,
    );
  }
  const { onClose = true, publish } = options;
  if (typeof onClose !== "boolean") throw invalid("checkpoints.onClose", "must be true or false");
  if (publish !== undefined && typeof publish !== "function") {
    throw invalid("checkpoints.publish", "must be a function");
  }
  return {
    everyEntries: checkPace("checkpoints.everyEntries", options.everyEntries, 10_000),
    everyMs: checkPace("checkpoints.everyMs", options.everyMs, DEFAULT_EVERY_MS),
    onClose,
    publish,
  };
}

function checkPace(name: string, value: unknown, byDefault: number): number {
  if (value === Infinity) return value;
  return checkNumber(name, value, byDefault, 1, Number.MAX_SAFE_INTEGER);
}

function checkNumber(name: string, value: unknown, byDefault: number, min: number, max: number) {
  if (value === undefined) return byDefault;
  if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) {
    return value;
  }
  throw invalid(name, `must be an integer from ${min} to ${max}, not ${describeNumber(value)}`);
}

function isRuntime(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { file, sqlite } = value as Partial<Record<keyof Runtime, Record<string, unknown>>>;
  return typeof file?.["open"] === "function" && typeof sqlite?.["open"] === "function";
}

function isStore(value: unknown): value is LogStore {
  if (typeof value !== "object" || value === null) return false;
  const store = value as Record<keyof LogStore, unknown>;
  const methods = ["append", "indexOf", "read", "count", "info", "close"] as const;
  return typeof store.kind === "string" && typeof store.size === "number" &&
    methods.every((method) => typeof store[method] === "function");
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot open the log: ${path === "" ? "" : `${path} `}${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

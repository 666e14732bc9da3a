/**
 * An append-only log of every LLM interaction of an application, on its own machine.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!", user: "alice" });
 * console.log(await log.query({ user: "alice" }));
 * await log.close();
 * ```
 *
 * @module
 */
import { asyncStorage } from "./adapters/async_storage.ts";
import { setContextStorage } from "./src/context.ts";
import { currentRuntime, setRuntimeFinder } from "./src/open_store.ts";
import { AuditLogError } from "./src/errors.ts";
import type { Runtime } from "./src/ports.ts";
import { publisherToFile } from "./src/transparency/publish_to_file.ts";

export { AuditLog, type LogInfo } from "./src/audit_log.ts";
export type { AnnotatedEntry, Annotation, NewAnnotation } from "./src/calls/annotation.ts";
export type { BeforeCloseOptions } from "./src/before_close.ts";
export { AuditCall, type BegunCall } from "./src/calls/audit_call.ts";
export type { NewGap } from "./src/calls/gap.ts";
export type {
  BeginOptions,
  CallOutcome,
  CallRemains,
  CallResult,
  NewCall,
  TextFormat,
} from "./src/calls/new_call.ts";
export { type AuditContext, withAuditContext } from "./src/context.ts";
export { AuditLogError, type AuditLogErrorCode, type AuditLogErrorOptions } from "./src/errors.ts";
export type { AuditEntry, NewEntry } from "./src/entry.ts";
export type { JsonObject, JsonValue } from "./src/json.ts";
export type {
  CheckpointOptions,
  CommonOptions,
  FileOptions,
  MemoryOptions,
  OpenOptions,
} from "./src/options.ts";
export {
  type AuditFilter,
  type AuditQuery,
  matches,
  type MetadataFilter,
  type Selection,
} from "./src/query.ts";
export type { EntryEvent } from "./src/entry_event.ts";
export type { OnRedactionFailure, Redact } from "./src/redaction.ts";
export type { RedactableEntry, Redactor } from "./src/redactor.ts";
export { LogRecord, NotARecord } from "./src/record.ts";
export type {
  LogStore,
  StoreInfo,
  UnreadableLine,
  UnreadableLines,
  WrittenLines,
} from "./src/stores/store.ts";
export type {
  CheckedRecords,
  FaultyRecord,
  FoundRecords,
  InspectedCheckpoint,
  InspectedRecord,
  StoredCheckpoint,
  TreeStore,
} from "./src/stores/tree_store.ts";
export type { TileId } from "./src/transparency/tile.ts";
export type { FullTile } from "./src/transparency/tree.ts";
export type { LogFault } from "./src/transparency/faults.ts";
export {
  generateSigningKey,
  keyIdOf,
  type KeyPair,
  type KeySigner,
  type Signer,
  signerFrom,
  type Verifier,
  verifierFrom,
  verifierKeyOf,
} from "./src/transparency/keys.ts";
export { publishByHttp, type PublishByHttpOptions } from "./src/transparency/publish_by_http.ts";
export type { Publish } from "./src/transparency/publisher.ts";
export type { VerificationReport } from "./src/transparency/report.ts";
export type { SigningKey } from "./src/transparency/signing.ts";
export {
  type VerifiedProof,
  verifyProof,
  type VerifyProofOptions,
} from "./src/transparency/verify_proof.ts";
export type { Cost, Usage } from "./src/usage.ts";
export type { VerifyOptions } from "./src/verify_options.ts";
export type { AuditWarning } from "./src/warning.ts";
export type {
  CheckStand,
  FileAdapter,
  FileAtOnce,
  FileFolder,
  FileMode,
  FilePlace,
  FileStat,
  HashedLeaves,
  HashThread,
  Leaves,
  OpenFile,
  RecordChecker,
  RecordCheckerSettings,
  RecordsChecked,
  RowBatch,
  RowsFailure,
  RowsWritten,
  RowWriter,
  RowWriterSettings,
  Runtime,
  Sha256,
  SqliteAdapter,
  SqliteDatabase,
  SqliteRow,
  SqliteStatement,
  SqliteValue,
} from "./src/ports.ts";
export { SqliteError } from "./src/ports.ts";

const { Deno, Bun, process } = globalThis as {
  Deno?: unknown;
  Bun?: unknown;
  process?: {
    versions?: { node?: string };
    getBuiltinModule?: (name: "node:path") => { resolve(path: string): string };
  };
};

setContextStorage(asyncStorage);

setRuntimeFinder(async (): Promise<Runtime> => {
  const runtime = await ownRuntime();
  if (runtime !== undefined) return runtime;
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot open the log: this runtime has no files, or the program was bundled for browsers; use the backend memory, " +
      "or give an adapter as the option runtime",
    { path: "runtime" },
  );
}, (path) => process?.getBuiltinModule?.("node:path").resolve(path) ?? path);

/** The adapters of this runtime. Bundlers for browsers leave them out: the npm package's `browser` says so. */
async function ownRuntime(): Promise<Runtime | undefined> {
  if (Deno !== undefined) return (await import("./adapters/deno/mod.ts")).runtime;
  if (Bun !== undefined) return (await import("./adapters/bun/mod.ts")).runtime;
  if (process?.versions?.node === undefined) return undefined;
  return (await import("./adapters/node/mod.ts")).runtime;
}

/**
 * Publishes checkpoints into a file elsewhere, on a share or a disk that whoever can change the log cannot rewrite: each
 * is appended, followed by an empty line, and is on the disk before the next. `audit-log verify --checkpoint FILE` takes
 * the file as it is. A checkpoint that was cut, by a power failure for example, stays where it is, apart from the next.
 *
 * @param path The file; its folder must exist. A relative path is that of a file in what is now the current folder. A new file
 *   gets mode 0600.
 * @returns What to give as `checkpoints.publish`.
 * @throws {AuditLogError} `INVALID_OPTION`, at once, when the path is no name of a file; `PATH_NOT_FOUND` when it is relative, and
 *   the current folder is gone.
 *
 * @example
 * ```ts
 * import { AuditLog, generateSigningKey, publishToFile } from "@audit-log/llm";
 *
 * const { signingKey } = await generateSigningKey("acme.example/chat");
 * const log = await AuditLog.open({
 *   signingKey,
 *   checkpoints: { publish: publishToFile("/mnt/elsewhere/checkpoints.txt") },
 * });
 * ```
 */
export function publishToFile(path: string): (checkpoint: string) => Promise<void> {
  return publisherToFile(path, currentRuntime);
}

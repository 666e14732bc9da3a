/**
 * What went wrong, as a word that stays the same while messages may change.
 *
 * | code | meaning |
 * |---|---|
 * | `INVALID_OPTION` | an option of `AuditLog.open()` or `verifyProof()` is unknown, malformed or does not fit the backend, or the path is too long |
 * | `INVALID_ENTRY` | a value given to `record()` cannot be recorded; {@link AuditLogError.path} names it |
 * | `ENTRY_TOO_LARGE` | the record would be larger than `maxRecordBytes` |
 * | `DUPLICATE_ENTRY` | an adopted line has the id of an entry that is in the log |
 * | `INVALID_QUERY` | a filter is unknown or malformed |
 * | `CURSOR_NOT_FOUND` | `after` is not the id of an entry of this log |
 * | `PATH_NOT_FOUND` | the folder of the log, or a log that must exist, is missing; or a SQLite log's file is, and its `-wal` is not |
 * | `PATH_NOT_A_FILE` | the path is a folder, a device or the like |
 * | `HARD_LINKED` | the file of a SQLite log has another name: who writes by the one loses what is written by the other |
 * | `PERMISSION_DENIED` | the operating system refuses to read or write the file or its folder |
 * | `READ_ONLY` | the log was opened with `readOnly`, or the file cannot be written |
 * | `NOT_A_LOG` | the file holds something else; it was not touched |
 * | `UNSUPPORTED_FORMAT` | the log was written by a newer version of this library |
 * | `UNSUPPORTED_RUNTIME` | no adapter exists for the runtime, or the runtime lacks a part |
 * | `LOG_BUSY` | another process held the log's lock longer than `busyTimeoutMs` |
 * | `LOG_REPLACED` | the file was deleted or replaced beneath the open log |
 * | `LOG_CLOSED` | the log was closed |
 * | `LOG_FAILED` | an earlier sync failed: what is on disk is unknown until the log is reopened |
 * | `WRITE_FAILED` | these records were not written; later ones may be, once the cause is gone |
 * | `SYNC_FAILED` | these records were written, but not confirmed to be on disk |
 * | `READ_FAILED` | the operating system or the database could not read the log |
 * | `DAMAGED` | what is stored where a record should be is not that record |
 * | `INVALID_KEY` | a signing key, a verifier key or a key's name is malformed |
 * | `INVALID_NOTE` | a signed note or a checkpoint is malformed |
 * | `INVALID_PROOF` | a proof is malformed |
 * | `KEY_MISMATCH` | the log has checkpoints that were signed with another key |
 * | `CHECKPOINT_CONFLICT` | the log is not what its last checkpoint was signed for: it was altered or cut |
 * | `SIGNING_KEY_NEEDED` | a checkpoint is to be signed, and the log was opened without `signingKey` |
 * | `NO_CHECKPOINT` | no checkpoint covers the entry that is to be proven |
 * | `CALL_ENDED` | the call has ended already, or is about to: it ends once |
 * | `REDACTION_FAILED` | the redactor failed, and the entry is not to be recorded without it |
 * | `ENTRY_NOT_FOUND` | no entry of the log has this id |
 * | `BUDGET_EXCEEDED` | a budget of a `CostTracker` is used up: the call must not be made |
 * | `NOT_VERIFIED` | a note or proof is well-formed, but its signature, origin or inclusion does not hold |
 */
export type AuditLogErrorCode =
  | "INVALID_OPTION"
  | "INVALID_ENTRY"
  | "ENTRY_TOO_LARGE"
  | "DUPLICATE_ENTRY"
  | "INVALID_QUERY"
  | "CURSOR_NOT_FOUND"
  | "PATH_NOT_FOUND"
  | "PATH_NOT_A_FILE"
  | "HARD_LINKED"
  | "PERMISSION_DENIED"
  | "READ_ONLY"
  | "NOT_A_LOG"
  | "UNSUPPORTED_FORMAT"
  | "UNSUPPORTED_RUNTIME"
  | "LOG_BUSY"
  | "LOG_REPLACED"
  | "LOG_CLOSED"
  | "LOG_FAILED"
  | "WRITE_FAILED"
  | "SYNC_FAILED"
  | "READ_FAILED"
  | "DAMAGED"
  | "INVALID_KEY"
  | "INVALID_NOTE"
  | "INVALID_PROOF"
  | "KEY_MISMATCH"
  | "CHECKPOINT_CONFLICT"
  | "SIGNING_KEY_NEEDED"
  | "NO_CHECKPOINT"
  | "CALL_ENDED"
  | "REDACTION_FAILED"
  | "ENTRY_NOT_FOUND"
  | "BUDGET_EXCEEDED"
  | "NOT_VERIFIED";

/** What an {@link AuditLogError} carries beside its code and message. */
export interface AuditLogErrorOptions {
  /** The error beneath, as the runtime or the driver threw it. */
  readonly cause?: unknown;
  /** The field at fault: `metadata.tags[2]`, or the name of an option or filter. */
  readonly path?: string;
}

/**
 * The one error class of this library.
 *
 * The message reads "Cannot ACTION: STATE" and never contains recorded texts. Branch on
 * {@link AuditLogError.code}, which is stable; messages may change between releases.
 *
 * @example Tell a mistake in the call from a problem of the disk
 * ```ts
 * import { AuditLog, AuditLogError } from "@audit-log/llm";
 *
 * const log = await AuditLog.open();
 * try {
 *   await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello", costUsd: NaN });
 * } catch (error) {
 *   if (error instanceof AuditLogError && error.code === "INVALID_ENTRY") {
 *     console.log(error.path); // "costUsd"
 *   }
 * }
 * await log.close();
 * ```
 */
export class AuditLogError extends Error {
  /** `"AuditLogError"`. */
  override readonly name = "AuditLogError";
  /** What went wrong; stable between releases. */
  readonly code: AuditLogErrorCode;
  /** The field, option or filter at fault, where there is one. */
  declare readonly path?: string; // declared alone: who logs an error without one does not see it

  /**
   * Makes an error; stores of a caller's own throw them too.
   *
   * @param code What went wrong.
   * @param message "Cannot ACTION: STATE", and what to do.
   * @param options The cause and the field at fault.
   */
  constructor(code: AuditLogErrorCode, message: string, options: AuditLogErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    if (options.path !== undefined) this.path = options.path;
  }
}

/**
 * Something that one should know about a log, although it works.
 *
 * | code | meaning |
 * |---|---|
 * | `UNREADABLE_LINES` | the file has lines that are no records; they stay, and are no entries |
 * | `TORN_LINE` | the file ends in an unfinished line, as a crash leaves it; it stays, and is no entry |
 * | `INDEX_REBUILT` | the index beside the file did not fit it and was made anew, in memory where it cannot be replaced |
 * | `CHECKPOINTS_UNUSED` | there is a file of checkpoints beside a link to a JSONL log, where they are not looked for |
 * | `LAYOUT_CHANGED` | a SQLite log is open for reading whose triggers or view are not as they were made: nothing can be recorded in it |
 * | `UPGRADED` | the file had the Python class's layout and was given the present one |
 * | `NOT_SIGNED` | the log has checkpoints and is written to without a key that signs further ones; or the `signingKey` given is `undefined` |
 * | `CHECKPOINT_FAILED` | a checkpoint could not be signed or kept; the next one covers the same entries |
 * | `PUBLISH_FAILED` | a checkpoint could not be handed on; it is in the log and tried again, or passed over where a hundred newer ones wait |
 * | `BEFORE_CLOSE_FAILED` | work of `beforeClose()` failed, took too long or called `close()`; the log was closed all the same |
 */
export interface AuditWarning {
  /** What it is about; stable between releases. */
  readonly code:
    | "UNREADABLE_LINES"
    | "TORN_LINE"
    | "INDEX_REBUILT"
    | "CHECKPOINTS_UNUSED"
    | "LAYOUT_CHANGED"
    | "UPGRADED"
    | "NOT_SIGNED"
    | "CHECKPOINT_FAILED"
    | "PUBLISH_FAILED"
    | "BEFORE_CLOSE_FAILED";
  /** One sentence for people. */
  readonly message: string;
}

/** Told of {@link AuditWarning}s; throws nothing. */
export type Warn = (warning: AuditWarning) => void;

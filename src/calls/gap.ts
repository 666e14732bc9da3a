import { EVENT_KEY, GAP } from "../entry_event.ts";
import { AuditLogError } from "../errors.ts";
import { checkFields } from "../known_fields.ts";
import type { Draft } from "../recorder.ts";
import { type NewEntry, NO_MODEL } from "../entry.ts";
import { isPlainObject } from "../snapshot.ts";

/** Entries that are missing, for {@link AuditLog.recordGap}. */
export interface NewGap extends Pick<NewEntry, "user" | "metadata"> {
  /** How many entries were lost, an integer >= 1. */
  readonly lost: number;
  /**
   * The calls that they were of, as far as they are known and worth listing: ids of 1 to 128 letters, digits, dots, colons,
   * dashes and underscores, the first a letter or digit.
   */
  readonly calls?: readonly string[] | undefined;
  /** How many were lost for which reason, an integer >= 1: by the error's code, which is written as ids are. */
  readonly reasons?: Readonly<Record<string, number>> | undefined;
}

/** No redactor sees these, so that they must not be able to say anything. */
const ID = /^[A-Za-z0-9][\w.:-]{0,127}$/;

const FIELDS = ["lost", "calls", "reasons", "user", "metadata"];

/** The entry that tells of lost ones. @throws {AuditLogError} `INVALID_ENTRY`. */
export function gapDraft(gap: NewGap): Draft {
  checkFields(gap, FIELDS, "a field of a gap", invalid);
  const { lost, calls = [], reasons = {}, user, metadata } = gap;
  if (!Number.isSafeInteger(lost) || lost < 1) throw invalid("lost", "must be an integer >= 1");
  // Copied, and then looked at: what is looked at is what is recorded.
  const ids: unknown = Array.isArray(calls) ? [...calls] : undefined;
  if (!Array.isArray(ids) || !ids.every(isId)) throw invalid("calls", "must be an array of ids");
  const counts = typeof reasons === "object" && reasons !== null && isPlainObject(reasons)
    ? Object.entries(reasons)
    : undefined;
  if (counts === undefined || !counts.every(isCounted)) {
    throw invalid("reasons", "must have a count for the code of each reason");
  }
  counts.sort(([a], [b]) => a < b ? -1 : 1);
  const about = { calls: ids, lost, reasons: Object.fromEntries(counts) };
  return {
    entry: { model: NO_MODEL, inputText: "", outputText: "", user, metadata },
    audit: () => ({ [EVENT_KEY]: GAP, "audit.gap": about }),
    isVital: true,
  };
}

function isId(value: unknown): boolean {
  return typeof value === "string" && ID.test(value);
}

function isCounted([reason, count]: [string, unknown]): boolean {
  return isId(reason) && Number.isSafeInteger(count) && (count as number) >= 1;
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot record the gap: ${path === "" ? "it" : path} ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path });
}

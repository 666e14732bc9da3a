import { EVENT_KEY, GAP } from "../entry_event.ts";
import { AuditLogError } from "../errors.ts";
import { checkFields } from "../known_fields.ts";
import type { Draft } from "../recorder.ts";
import type { NewEntry } from "../entry.ts";
import { isPlainObject } from "../snapshot.ts";

/** What {@link AuditLog.recordGap} is told. */
export interface NewGap extends Pick<NewEntry, "user" | "metadata"> {
  /** How many entries were lost, an integer >= 1. */
  readonly lost: number;
  /** The calls that they were of, as far as they are known and worth listing. */
  readonly calls?: readonly string[] | undefined;
  /** How many were lost for which reason: by the error's code. */
  readonly reasons?: Readonly<Record<string, number>> | undefined;
}

/** The model of an entry that no model has to do with. */
const NO_MODEL = "-";

const FIELDS = ["lost", "calls", "reasons", "user", "metadata"];

/** The entry that tells of lost ones. @throws {AuditLogError} `INVALID_ENTRY`. */
export function gapDraft(gap: NewGap): Draft {
  checkFields(gap, FIELDS, "a field of a gap", invalid);
  const { lost, calls = [], reasons = {}, user, metadata } = gap;
  if (!Number.isSafeInteger(lost) || lost < 1) throw invalid("lost", "must be an integer >= 1");
  if (!Array.isArray(calls) || calls.some((call) => typeof call !== "string")) {
    throw invalid("calls", "must be an array of ids");
  }
  if (!isPlainObject(reasons) || Object.values(reasons).some((n) => !Number.isSafeInteger(n))) {
    throw invalid("reasons", "must have a count for each reason");
  }
  const about = { calls: [...calls], lost, reasons: sorted(reasons) };
  return {
    entry: { model: NO_MODEL, inputText: "", outputText: "", user, metadata },
    audit: () => ({ [EVENT_KEY]: GAP, "audit.gap": about }),
  };
}

function sorted(counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1));
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot record the gap: ${path === "" ? "it" : path} ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path });
}

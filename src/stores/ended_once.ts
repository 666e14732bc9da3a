import { AuditLogError } from "../errors.ts";
import type { LogRecord } from "../record.ts";

/** The calls that records end, and that others may have ended: none may have an end when they are written. */
export function callsEndedOnce(records: readonly LogRecord[]): string[] {
  return records.filter(({ endsOnce }) => endsOnce).map(({ event }) => event!.subject!);
}

/** The error for the end of a call that has one. */
export function endedAlready(action: string, callId: string): AuditLogError {
  const message = `Cannot ${action}: the call ${callId} has an end in the log already`;
  return new AuditLogError("DUPLICATE_ENTRY", message);
}

import { AuditLogError, type AuditLogErrorCode } from "../errors.ts";

/** Makes the error for what is wrong: the STATE of "Cannot ACTION: STATE". */
export type Fail = (state: string) => AuditLogError;

/**
 * Errors of one code for one action.
 *
 * @param action What cannot be done, such as `read the note`.
 */
export function failing(code: AuditLogErrorCode, action: string): Fail {
  return (state) => new AuditLogError(code, `Cannot ${action}: ${state}`);
}

/** The STATE of an error of this library, `undefined` for another's. */
export function stateOf(error: unknown): string | undefined {
  if (!(error instanceof AuditLogError)) return undefined;
  return error.message.replace(/^Cannot [^:]*: /, "");
}

/**
 * A text from outside as part of a message: quoted, so that it cannot pose as the message, and cut.
 */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100).toWellFormed()}…` : text);
}

/** What an error says, whatever was thrown: a caller's function may throw anything. */
export function reasonOf(error: unknown): string {
  try {
    return stateOf(error) ?? (error instanceof Error ? `${error.message}` : String(error));
  } catch {
    return "an error that says nothing";
  }
}

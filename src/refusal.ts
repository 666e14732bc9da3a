import { AuditLogError } from "./errors.ts";

const REFUSED = "Cannot record the entry: ";

/**
 * The error for a value that cannot be recorded.
 *
 * @param path The field at fault, or `""` for the entry itself.
 * @param state What is wrong with it, and what to do.
 */
export function refusal(path: string, state: string): AuditLogError {
  const where = path === "" ? "it " : `${path} `;
  return new AuditLogError("INVALID_ENTRY", `${REFUSED}${where}${state}`, { path });
}

/**
 * What an entry was refused for, told to somebody who gave no entry but did something that makes one.
 *
 * @param error Whatever was thrown; what is no refusal of an entry is given back.
 * @param action What was done: `end the call`.
 */
export function retold(error: unknown, action: string): unknown {
  if (!(error instanceof AuditLogError) || !error.message.startsWith(REFUSED)) return error;
  const { code, message, path, cause } = error;
  return new AuditLogError(code, `Cannot ${action}: ${message.slice(REFUSED.length)}`, {
    ...(path === undefined ? {} : { path }),
    cause,
  });
}

/** A value's kind, for messages; never the value, which may be a secret. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a Date; give its toISOString()";
  if (typeof value === "object") return isLiteral(value) ? "an object" : "a class instance";
  return value === undefined ? "undefined" : `a ${typeof value}`;
}

/** A number itself, and of anything else its kind: for messages about options, which are no secrets. */
export function describeNumber(value: unknown): string {
  return typeof value === "number" ? String(value) : describe(value);
}

function isLiteral(value: object): boolean {
  return [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

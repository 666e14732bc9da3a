import { SqliteError, type SqliteValue } from "../src/ports.ts";
import { RANGE } from "./sqlite_error.ts";

/** What a `?` may stand in without being a parameter, or a parameter. */
const TOKEN = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|--[^\n]*|\/\*[^]*?(?:\*\/|$)|\?/g;

/**
 * How many parameters the SQL has, for drivers that do not tell. Parameters are written `?`; the port has no others.
 */
export function countParameters(sql: string): number {
  return sql.match(TOKEN)?.filter((token) => token === "?").length ?? 0;
}

/**
 * Refuses a wrong number of parameters: drivers take what is missing for NULL, or for what was given the time before.
 *
 * @throws {SqliteError} 25.
 */
export function checkCount(parameters: readonly SqliteValue[], count: number): void {
  if (parameters.length === count) return;
  const message = `the statement has ${count} parameters, ${parameters.length} were given`;
  throw new SqliteError(RANGE, message, undefined);
}

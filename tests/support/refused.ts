/**
 * Asserting that something is refused with the right code.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { AuditLogError, type AuditLogErrorCode } from "@audit-log/llm";

/** Holds if the promise rejects with an error of this code, and of this path where one is given. */
export async function assertRefused(
  action: () => Promise<unknown>,
  code: AuditLogErrorCode,
  path?: string,
): Promise<AuditLogError> {
  return checkRefusal(await assertRejects(action), code, path);
}

/** Holds if the error has this code, this path where one is given, and a message for people, which names it. */
export function checkRefusal(
  error: unknown,
  code: AuditLogErrorCode,
  path?: string,
): AuditLogError {
  assertInstanceOf(error, AuditLogError, String((error as Error)?.stack ?? error));
  assertEquals(error.code, code, error.message);
  if (path !== undefined) assertEquals(error.path, path, error.message);
  if (path !== undefined && code.startsWith("INVALID_")) {
    // Which of several entries or lines it is of, the path alone tells. Who is asked for an entry speaks of its id.
    const name = path.replace(/^\[\d+\]\.?/, "");
    const isNamed = error.message.includes(name) ||
      name === "entryId" && / id /.test(error.message);
    assert(isNamed, `${error.message}: ${path} is not named`);
  }
  assertMatch(error.message, /^Cannot .+: .+/s);
  return error;
}

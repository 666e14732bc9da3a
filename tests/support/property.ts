/**
 * Property tests: many random cases of one law. A failure prints the seed that brings it back:
 * `AUDIT_LOG_SEED=123 deno task test node property`.
 *
 * @module
 */

import fc from "fast-check";
import process from "node:process";

/** Checks a property on so many random cases. */
export async function check<T>(property: fc.IAsyncProperty<T>, numRuns: number): Promise<void> {
  const given = process.env["AUDIT_LOG_SEED"];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  // Its error names seed, path and the smallest case that fails.
  await fc.assert(property, { seed, numRuns });
}

/**
 * Property tests: many random cases of one law. A failure prints the seed that brings it back:
 * `AUDIT_LOG_SEED=123 deno task test node property`. `AUDIT_LOG_RUNS=20` checks twenty times as many cases.
 *
 * @module
 */

import fc from "fast-check";
import process from "node:process";
import { givenSeed } from "./random.ts";

/** How many times as many cases as usual are checked. */
const TIMES = Number(process.env["AUDIT_LOG_RUNS"] ?? 1);

/** Longest time for a test that checks a property, milliseconds: each runtime's own is too short for many cases. */
export const LONG_MS: number = 300_000 * TIMES;

/** Checks a property on so many random cases. */
export async function check<T>(property: fc.IAsyncProperty<T>, numRuns: number): Promise<void> {
  // Its error names seed, path and the smallest case that fails.
  await fc.assert(property, { seed: givenSeed(), numRuns: Math.ceil(numRuns * TIMES) });
}

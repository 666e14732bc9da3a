/**
 * What one round does, as its seed has it.
 *
 * @module
 */

import type { Runtime } from "../lib/runtimes.ts";
import type { FaultRates } from "./programs/faulty_runtime.ts";
import type { Random } from "../../tests/support/random.ts";

/** A process of a round. */
export interface PlannedProcess {
  readonly program: "writer" | "reader";
  readonly runtime: Runtime["name"];
  readonly seed: number;
  readonly steps: number;
  /** How long after it began its work it is killed from outside, milliseconds. */
  readonly killAfterMs: number | undefined;
  readonly lanes: readonly string[];
  readonly rates: FaultRates | undefined;
}

const RATES: readonly FaultRates[] = [
  { short: 30, fails: 0, dies: 0 },
  { short: 10, fails: 5, dies: 0 },
  { short: 10, fails: 0, dies: 2 },
  { short: 10, fails: 3, dies: 1 },
  { short: 10, fails: 30, dies: 0 },
];

/**
 * Plans the processes of a round.
 *
 * @param number Which round of its log it is: lanes are named after it.
 */
export function planRound(
  random: Random,
  number: number,
  runtimes: readonly Runtime["name"][],
): readonly PlannedProcess[] {
  const writers = random.integer(1, 4);
  const readers = random.integer(0, 2);
  return Array.from({ length: writers + readers }, (_, n) => {
    const isWriter = n < writers;
    const lanes = random.chance(30) ? ["a", "b"] : ["a"];
    return {
      program: isWriter ? "writer" as const : "reader" as const,
      runtime: random.pick(runtimes),
      seed: random.seed(),
      steps: random.integer(5, 60),
      killAfterMs: random.chance(35) ? random.integer(0, 1500) : undefined,
      lanes: lanes.map((lane) => `${number}.${n}${lane}`),
      rates: random.chance(50) ? random.pick(RATES) : undefined,
    };
  });
}

/**
 * What `deno task soak` is told.
 *
 * @module
 */

import { parseArgs } from "node:util";
import type { Runtime } from "../lib/runtimes.ts";

const RUNTIMES = ["deno", "bun", "node"] as const;
const BACKENDS = ["sqlite", "jsonl"] as const;

/** A kind of log. */
export type Backend = typeof BACKENDS[number];

/** The options, checked. */
export interface SoakOptions {
  /** No round begins later than this. */
  readonly minutes: number;
  readonly seed: number;
  readonly backends: readonly Backend[];
  readonly runtimes: readonly Runtime["name"][];
  /** A round to end with, counted over all logs. */
  readonly rounds: number;
}

/**
 * Reads the options.
 *
 * @throws {Error} What is wrong with them.
 */
export function readOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "3" },
      rounds: { type: "string", default: "1000000" },
      seed: { type: "string" },
      backend: { type: "string", default: BACKENDS.join() },
      runtime: { type: "string", default: RUNTIMES.join() },
    },
  });
  return {
    minutes: numberOf("minutes", values.minutes),
    rounds: numberOf("rounds", values.rounds),
    seed: values.seed === undefined
      ? Math.floor(Math.random() * 2 ** 31)
      : numberOf("seed", values.seed),
    backends: chosen("backend", values.backend, BACKENDS),
    runtimes: chosen("runtime", values.runtime, RUNTIMES),
  };
}

function numberOf(name: string, text: string): number {
  const number = Number(text);
  if (text === "" || !(number >= 0)) throw new Error(`--${name} takes a number, not ${text}`);
  return number;
}

function chosen<T extends string>(name: string, text: string, known: readonly T[]): readonly T[] {
  const names = text.split(",");
  const other = names.find((one) => !known.includes(one as T));
  if (other !== undefined) throw new Error(`--${name} takes ${known.join()}, not ${other}`);
  return names as T[];
}

/**
 * Numbers that are random and come again with the same seed.
 *
 * @module
 */

import process from "node:process";

/** The seed to use: that of the environment, where one is given, else a new one. */
export function givenSeed(): number {
  const given = process.env["AUDIT_LOG_SEED"];
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/** Random numbers from a seed, on every runtime the same. */
export class Random {
  #state: number;

  /** @param seed Any number; its lowest 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to before 1: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ bits >>> 15, bits | 1);
    bits ^= bits + Math.imul(bits ^ bits >>> 7, bits | 61);
    return ((bits ^ bits >>> 14) >>> 0) / 2 ** 32;
  }

  /** An integer, both ends included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.next() * 100 < percent;
  }

  /** One of some. */
  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(0, choices.length - 1)]!;
  }

  /** A seed for somebody else. */
  seed(): number {
    return this.integer(0, 2 ** 31 - 1);
  }
}

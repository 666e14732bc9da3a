/** Digits that are kept of a latency: what differs in others is the same to whoever reads it. */
const DIGITS = 3;

/**
 * How long calls took, counted by their first three digits: so it takes no more room for a million calls than for some
 * thousands, and percentiles are off by at most half a percent.
 */
export class Latencies {
  readonly #counts = new Map<number, number>();
  #count = 0;
  #max = 0;

  /** How many were added. */
  get count(): number {
    return this.#count;
  }

  /** Adds one, in milliseconds. */
  add(latencyMs: number): void {
    const rounded = Number(latencyMs.toPrecision(DIGITS));
    this.#counts.set(rounded, (this.#counts.get(rounded) ?? 0) + 1);
    this.#count++;
    this.#max = Math.max(this.#max, latencyMs);
  }

  /** The latencies within which so many percent of the calls ended, and the longest; nothing where none is known. */
  summary(): LatencySummary | null {
    if (this.#count === 0) return null;
    const ascending = [...this.#counts].sort(([one], [other]) => one - other);
    const within = (percent: number): number => {
      let left = Math.ceil(this.#count * percent / 100);
      for (const [latency, count] of ascending) {
        left -= count;
        if (left <= 0) return Math.min(latency, this.#max);
      }
      return this.#max;
    };
    return { p50: within(50), p95: within(95), p99: within(99), max: this.#max };
  }
}

/** Percentiles of latencies, in milliseconds, and the longest exactly. */
export interface LatencySummary {
  /** Half of the calls took no longer. */
  readonly p50: number;
  /** 95 of 100 calls took no longer. */
  readonly p95: number;
  /** 99 of 100 calls took no longer. */
  readonly p99: number;
  /** None took longer. */
  readonly max: number;
}

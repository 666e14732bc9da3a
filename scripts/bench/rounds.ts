/**
 * Measuring side by side: the machine drifts, so only figures of one round are compared.
 *
 * @module
 */

/** One thing that is measured against others. */
export interface Contender {
  name: string;
  /** Does the work once, on files of its own, and returns the figure of its timed part. */
  run: () => number | Promise<number>;
}

/** A line of the result: a figure of each round, and what it should be. */
export interface Row {
  name: string;
  unit: "records/s" | "times" | "µs" | "ms" | "s" | "bytes" | "MB";
  values: number[];
  atLeast?: number;
  atMost?: number;
}

/** What one script measured. */
export interface Section {
  title: string;
  /** What one needs to know to read the figures: sizes, counts. */
  note: string;
  rows: Row[];
}

/** A section, the runtime that it was measured on, and what was measured. */
export interface Measurement extends Section {
  runtime: string;
  subject: string;
}

/**
 * Runs all contenders in each round, first one round that does not count. Each round starts with
 * another contender, so that none always follows the same one.
 */
export async function interleave(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Map<string, number[]>> {
  const figures = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, run } = contenders[(turn + round + 1) % contenders.length];
      collectGarbage(); // so that nobody pays for what another one left
      const figure = await run();
      if (round >= 0) figures.get(name)!.push(figure);
    }
  }
  return figures;
}

/** The rows of what was measured. */
export function rowsOf(figures: Map<string, number[]>, unit: Row["unit"]): Row[] {
  return [...figures].map(([name, values]) => ({ name, unit, values }));
}

/** Round by round, how many times one figure is another. */
export function ratio(
  figures: Map<string, number[]>,
  of: string,
  to: string,
  target: Pick<Row, "atLeast" | "atMost"> = {},
): Row {
  const base = figures.get(to)!;
  const values = figures.get(of)!.map((value, round) => value / base[round]);
  return { name: `${of} : ${to}`, unit: "times", values, ...target };
}

/** How often a second something was done that was done `count` times since `start`. */
export function perSecond(count: number, start: number): number {
  return count / (performance.now() - start) * 1000;
}

/**
 * How long something takes each time, microseconds, in a program that has done it for a while: so many times are timed, and as many
 * before are not. What a runtime takes to compile all anew behind the collection of garbage before a round is no application's.
 */
export async function microsecondsEach(
  count: number,
  work: (n: number) => Promise<unknown>,
): Promise<number> {
  for (let n = 0; n < count; n++) await work(n);
  const start = performance.now();
  for (let n = 0; n < count; n++) await work(n);
  return (performance.now() - start) / count * 1000;
}

/** The value in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** There for all runtimes, with the flags that `main.ts` gives them. */
export function collectGarbage(): void {
  const { gc, Bun } = globalThis as {
    gc?: () => void;
    Bun?: { gc: (force: boolean) => void };
  };
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
}

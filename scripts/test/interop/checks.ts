import type { TestCase } from "../junit.ts";
import type { Progress } from "../print.ts";

/** Checks, one after the other, each of which becomes a test of an outcome. */
export class Checks {
  readonly #progress: Progress;
  /** What became of them. */
  readonly cases: TestCase[] = [];

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Does a check, which fails by throwing. */
  async check(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.cases.push({ name, file: "", outcome: "passed", detail: "" });
      this.#progress.onLine(`✔ ${name}`);
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      this.cases.push({ name, file: "", outcome: "failed", detail });
      this.#progress.onLine(`✖ ${name}`);
    }
  }
}

/** Throws where two values differ. */
export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what}: ${found} instead of ${wanted}`);
}

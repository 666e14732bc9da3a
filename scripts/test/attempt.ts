import type { Progress } from "./print.ts";
import type { Outcome } from "./suite.ts";

/**
 * Does a part of the work. If that throws, or runs no test, the part counts as one failed test: what was not tested must not look
 * like what passed.
 *
 * @param title What the part is called if it does not get to say so itself.
 * @param work Does it.
 * @param progress Is told how it ended.
 */
export async function attempt(
  title: string,
  work: () => Promise<Outcome>,
  progress: Pick<Progress, "end">,
): Promise<Outcome> {
  let outcome: Outcome;
  const start = performance.now();
  try {
    outcome = await work();
    if (outcome.cases.length === 0) throw new Error("no test was run");
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    outcome = {
      title,
      cases: [{ name: "could not be tested", file: "", outcome: "failed", detail }],
    };
  }
  outcome.seconds = Math.round((performance.now() - start) / 1000);
  progress.end(outcome);
  return outcome;
}

/** The exit code of the test command: 1 if anything failed or could not be tested. */
export function exitCode(outcomes: readonly Outcome[]): 0 | 1 {
  return outcomes.some(({ cases }) => cases.some(({ outcome }) => outcome === "failed")) ? 1 : 0;
}

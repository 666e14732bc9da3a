/**
 * What the test command prints: progress while it runs, and the account at its end.
 *
 * @module
 */

import type { TestCase } from "./junit.ts";
import type { Outcome } from "./suite.ts";

/** A line of Deno's, Bun's or Node's output that tells the end of one test. */
const TEST_LINE = /^\s*(?:\((?:pass|fail|skip|todo)\) |[✔✖﹣] )|\.\.\. .*\b(?:ok|FAILED|ignored)\b/;
const DOTS_A_LINE = 80;
/** Of a run that took so long, in seconds, the files are named that took most of it. */
const LONG_RUN = 60;
const LONGEST_FILES = 8;

const encoder = new TextEncoder();

/** Prints a dot for each test, so that one sees it run; or, on request, every line. */
export class Progress {
  #verbose: boolean;
  #dots = 0;

  constructor(verbose: boolean) {
    this.#verbose = verbose;
  }

  /** Announces what begins now. */
  start(title: string): void {
    this.#endDots();
    console.log(`\n${title}`);
  }

  /** Takes a line of a running program's output. */
  onLine = (line: string): void => {
    if (this.#verbose) {
      console.log(`  ${line}`);
    } else if (TEST_LINE.test(line)) {
      Deno.stdout.writeSync(encoder.encode(this.#dots === 0 ? "  ." : "."));
      this.#dots++;
      if (this.#dots === DOTS_A_LINE) this.#endDots();
    }
  };

  /** Tells what is going on. */
  note(text: string): void {
    this.#endDots();
    console.log(`  ${text}`);
  }

  /** Tells how a run ended. */
  end(outcome: Outcome): void {
    this.#endDots();
    console.log(`  ${outcome.title}: ${counts(outcome.cases)}`);
  }

  #endDots(): void {
    if (this.#dots > 0) console.log();
    this.#dots = 0;
  }
}

/** `N passed, N failed, N skipped`. */
export function counts(cases: TestCase[]): string {
  const count = (outcome: TestCase["outcome"]) =>
    cases.filter((test) => test.outcome === outcome).length;
  return `${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`;
}

/** Prints all skipped and failed tests, a line for each run, and the last line. */
export function printAccount(outcomes: Outcome[]): void {
  printSkipped(outcomes);
  for (const { title, cases } of outcomes) {
    for (const { name, file, detail } of cases.filter(({ outcome }) => outcome === "failed")) {
      console.log(`\nFAILED on ${title}: ${[file, name].filter(Boolean).join(": ")}`);
      console.log(detail.replace(/^/gm, "  "));
    }
  }
  printLongest(outcomes);
  console.log();
  const width = Math.max(...outcomes.map(({ title }) => title.length));
  for (const { title, cases, seconds } of outcomes) {
    console.log(`${title.padEnd(width)}  ${counts(cases)}, in ${seconds} s`);
  }
  console.log(counts(outcomes.flatMap(({ cases }) => cases)));
}

/** Tells which files a long run spent most of its time with. */
function printLongest(outcomes: Outcome[]): void {
  for (const { title, cases, seconds = 0 } of outcomes) {
    if (seconds < LONG_RUN) continue;
    const spent = new Map<string, number>();
    for (const { file, seconds = 0 } of cases) spent.set(file, (spent.get(file) ?? 0) + seconds);
    const files = [...spent].filter(([file]) => file !== "").sort(([, a], [, b]) => b - a);
    if (files.length === 0) continue;
    console.log(`\nLongest on ${title}, in seconds:`);
    for (const [file, seconds] of files.slice(0, LONGEST_FILES)) {
      console.log(`${seconds.toFixed(1).padStart(6)}  ${file}`);
    }
  }
}

function printSkipped(outcomes: Outcome[]): void {
  const skipped = new Map<string, { reason: string; titles: string[] }>();
  for (const { title, cases } of outcomes) {
    for (const { name, outcome, detail } of cases) {
      if (outcome !== "skipped") continue;
      const entry = skipped.get(name) ?? { reason: "", titles: [] };
      // A reason in the name (tests/support/skip.ts) is printed with it. Node gives the option's.
      if (!name.includes("[skipped: ") && detail !== "true") entry.reason ||= detail;
      entry.titles.push(title);
      skipped.set(name, entry);
    }
  }
  if (skipped.size > 0) console.log("\nSkipped:");
  for (const [name, { reason, titles }] of skipped) {
    const why = name.includes("[skipped: ") ? "" : `: ${reason || "no reason given"}`;
    console.log(`- ${name}${why} (${titles.join("; ")})`);
  }
}

/**
 * Reading the JUnit reports of the three runtimes, which agree on the elements but not on their use:
 *
 * - Deno: one `testsuite` a file; suites and tests with subtests are test cases themselves, and the
 *   cases in them are named `outer > inner`. Tests within `describe` are listed under a suite of
 *   Deno's own, but the `describe` itself under its file.
 * - Bun: one outermost `testsuite` a file, suites nested in it; subtests are not listed.
 * - Node: a `testsuite` for each suite and each test with subtests; a file that cannot be loaded, or
 *   has no tests, is a test case with the file's name.
 *
 * None lists a file that fails to load on Deno or Bun, nor a failed `after` hook on Node or Bun: who
 * counts must also look for missing files and at the exit code.
 *
 * @module
 */

import type { Runtime } from "../lib/runtimes.ts";

/** One test of a report. */
export interface TestCase {
  /** Suites and test, joined by ` > `. */
  name: string;
  /** As the runtime gives it: an absolute path, or one relative to where it ran; may be empty. */
  file: string;
  outcome: "passed" | "failed" | "skipped";
  /** The failure's text, or the reason for skipping where the runtime gives one. */
  detail: string;
  /** How long it took, where that is told; on Deno and Bun without what its file took to load. */
  seconds?: number;
}

/** The tests of a report; what only contains other tests is left out, unless it failed itself. */
export function readJUnit(xml: string, runtime: Runtime["name"]): TestCase[] {
  const cases: TestCase[] = [];
  const suites: string[] = [];
  let current: TestCase | undefined;
  let failureFrom: number | undefined;
  for (const { index, 0: tag, 1: closing, 2: element, 3: rest, 4: empty } of xml.matchAll(TAG)) {
    const attributes = readAttributes(rest);
    if (element === "testsuite") {
      if (closing) suites.pop();
      else if (!empty) suites.push(attributes.name ?? "");
    } else if (element === "testcase" && !closing) {
      // The outermost suite of Deno and Bun is the file.
      const path = suites.slice(runtime === "node" ? 0 : 1);
      current = {
        name: [...path, attributes.name ?? ""].join(" > "),
        file: attributes.file ?? (runtime === "deno" ? attributes.classname : undefined) ?? "",
        outcome: "passed",
        detail: "",
        seconds: Number(attributes.time ?? 0),
      };
      cases.push(current);
    } else if (element === "skipped" && current && current.outcome === "passed") {
      current.outcome = "skipped";
      current.detail = attributes.message ?? "";
    } else if ((element === "failure" || element === "error") && current) {
      if (!closing) {
        current.outcome = "failed";
        current.detail = attributes.message ?? "";
        failureFrom = empty ? undefined : index + tag.length;
      } else if (failureFrom !== undefined) {
        current.detail = decode(xml.slice(failureFrom, index)).trim();
      }
    }
  }
  return runtime === "deno" ? withoutContainers(cases) : cases;
}

/** Comments are matched to be passed over. Attributes may hold `>` and line breaks. */
const TAG = /<!--.*?-->|<(\/?)([\w-]+)((?:\s+[\w:-]+="[^"]*")*)\s*(\/?)>/gs;

function readAttributes(text: string | undefined): Record<string, string | undefined> {
  const pairs = (text ?? "").matchAll(/([\w:-]+)="([^"]*)"/g);
  return Object.fromEntries([...pairs].map(([, name, value]) => [name, decode(value)]));
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(decimal === undefined ? parseInt(hex, 16) : parseInt(decimal));
  });
}

/**
 * Leaves out Deno's containers, save those that failed of themselves (in a hook, say), and gives the
 * tests within a `describe` the file of that.
 */
function withoutContainers(cases: TestCase[]): TestCase[] {
  const inside = (inner: TestCase, outer: TestCase) => inner.name.startsWith(`${outer.name} > `);
  const fileOf = (test: TestCase) =>
    test.file.startsWith("ext:")
      ? cases.find((other) => !other.file.startsWith("ext:") && inside(test, other))?.file
      : test.file;
  return cases
    .filter((test) => {
      const contents = cases.filter((other) => inside(other, test));
      return contents.length === 0 ||
        test.outcome === "failed" && !contents.some(({ outcome }) => outcome === "failed");
    })
    .map((test) => ({ ...test, file: fileOf(test) ?? test.file }));
}

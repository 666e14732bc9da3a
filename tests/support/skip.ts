/**
 * One way to skip a test that all three runtimes count as skipped and whose reason all three show.
 *
 * `t.skip()` inside a test body is not such a way: Deno counts the test as passed. Nor is a skipped
 * subtest or a skipped `describe`: Bun leaves both out of its report. And only Node prints the
 * reason given in the `skip` option, so the reason also stands in the test's name.
 *
 * @module
 */

import { test } from "node:test";

/** Registers `name` as a test that is skipped because of `reason`. */
export function skipped(name: string, reason: string): void {
  test(`${name} [skipped: ${reason}]`, { skip: reason }, () => {});
}

/** Registers the test, or, where there is a reason not to run it, registers it as skipped. */
export function testUnless(
  reason: string | undefined,
  name: string,
  body: NonNullable<Parameters<typeof test>[0]>,
): void {
  if (reason === undefined) test(name, body);
  else skipped(name, reason);
}

/**
 * What a test leaves behind is cleaned up when it ends, the latest first, whether it passed or not.
 *
 * @module
 */

import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

type CleanUp = () => unknown;

const pending = new WeakMap<TestContext, CleanUp[]>();

/** Does this when the test ends, before what was asked for earlier. */
export function atEnd(t: TestContext, cleanUp: CleanUp): void {
  const known = pending.get(t);
  if (known !== undefined) {
    known.push(cleanUp);
    return;
  }
  const all = [cleanUp];
  pending.set(t, all);
  t.after(async () => {
    for (const next of all.reverse()) await next();
  });
}

/** A new folder, removed with all in it when the test ends. */
export function tempFolder(t: TestContext): string {
  return folderIn(t, tmpdir());
}

/** A new folder in memory, where there is such a place: there a sync costs next to nothing. */
export function memoryFolder(t: TestContext): string {
  return folderIn(t, existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
}

function folderIn(t: TestContext, parent: string): string {
  const folder = mkdtempSync(join(parent, "audit-log-test-"));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

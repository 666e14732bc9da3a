/**
 * Having what nobody holds any more collected, on runtimes that let a program ask for it.
 *
 * @module
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const collect = collector();

/** Why no test can have garbage collected here, if none can. */
export const noCollector: string | undefined = collect === undefined
  ? "this runtime collects garbage when it likes"
  : undefined;

/** Has garbage collected until something has happened. */
export async function collectUntil(happened: () => Promise<boolean>): Promise<void> {
  do {
    collect!();
    await new Promise((resolve) => setTimeout(resolve, 1));
  } while (!await happened());
}

function collector(): (() => void) | undefined {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  try {
    setFlagsFromString("--expose-gc");
    const gc: unknown = runInNewContext("globalThis.gc");
    return typeof gc === "function" ? () => void gc() : undefined;
  } catch {
    return undefined;
  }
}

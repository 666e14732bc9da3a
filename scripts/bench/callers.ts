/**
 * The applications whose records are measured.
 *
 * @module
 */
import type { AuditLog, NewEntry } from "../../mod.ts";
import { perSecond } from "./rounds.ts";

/** How many callers there are at once. */
export const CALLERS = 1024;

/** Records per second of callers of which each awaits its record before the next. */
export async function recordBy(
  callers: number,
  log: AuditLog,
  entries: readonly NewEntry[],
  count: number,
): Promise<number> {
  let next = 0;
  const call = async () => {
    while (next < count) await log.record(entries[next++ % entries.length]);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: callers }, call));
  return perSecond(count, start);
}

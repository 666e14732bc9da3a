import { isBusy } from "./faults.ts";

/** Longest pause between two attempts, milliseconds: what a killed holder's lock costs the next. */
const LONGEST_PAUSE_MS = 10;

/**
 * Does something that needs a SQLite lock, again and again while another connection holds it, without
 * keeping the event loop from its other work.
 *
 * SQLite's own busy handler sleeps on the calling thread; connections here have it all but switched off.
 *
 * @param attempt What to do; it must be safe to repeat after a busy error.
 * @param timeoutMs How long to try, milliseconds.
 * @throws What the last attempt threw.
 */
export async function whenFree<T>(attempt: () => T, timeoutMs: number): Promise<T> {
  const start = performance.now();
  for (let pause = 1;; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || performance.now() - start >= timeoutMs) throw error;
    }
    // Random, so that two that wait do not meet again and again.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * pause));
  }
}

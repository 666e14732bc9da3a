import { setBackgroundTimeout } from "./background_timer.ts";
import type { Unrecorded } from "./unrecorded.ts";

/** How long the log is kept open for a call whose client does not say that it has ended, milliseconds. */
const PATIENCE_MS = 2000;

/**
 * Has the log wait, when it is closed, for the end of a call that its signal has stopped: a client takes some turns to say that it
 * has ended, and who stops a program closes its log right behind.
 *
 * @param unrecorded The log's.
 * @param signal What may stop the call.
 * @returns To be called when the end is about to be recorded, or never will be.
 */
export function holdIfStopped(
  unrecorded: Pick<Unrecorded, "hold">,
  signal: AbortSignal | undefined,
): () => void {
  if (signal === undefined) return () => {};
  let release = (): void => {};
  const stopped = (): void => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setBackgroundTimeout(resolve, PATIENCE_MS);
    release = () => {
      clearTimeout(timer);
      resolve();
    };
    void unrecorded.hold(promise);
  };
  if (signal.aborted) stopped();
  else signal.addEventListener("abort", stopped, { once: true });
  return () => {
    signal.removeEventListener("abort", stopped);
    release();
  };
}

import { setBackgroundTimeout } from "./background_timer.ts";

/**
 * Waits for what somebody else is to answer, and no longer than it may take; what comes later is ignored.
 *
 * @param answer What is waited for.
 * @param ms How long, milliseconds.
 * @param late Makes the error for an answer that is late.
 * @param keepsAlive Whether the process is kept alive meanwhile.
 */
export function inTime<T>(
  answer: PromiseLike<T>,
  ms: number,
  late: () => Error,
  keepsAlive: boolean,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const set = keepsAlive ? setTimeout : setBackgroundTimeout;
    const timer = set(() => reject(late()), ms);
    Promise.resolve(answer).finally(() => clearTimeout(timer)).then(resolve, reject);
  });
}

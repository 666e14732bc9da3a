/** Whether something is a promise, or is waited for as one. */
export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof Object(value).then === "function";
}

/** Tells somebody of something on whose answer nothing depends: what a caller's function throws, or rejects with, is ignored. */
export function tellFreely(tell: () => unknown): void {
  try {
    ignoreRejection(tell());
  } catch {
    // As said.
  }
}

/** Of a function that is asked for its answer at once, and gave a promise: nobody waits for it, and it shall end no process. */
export function ignoreRejection(answer: unknown): void {
  if (isPromise(answer)) Promise.resolve(answer).catch(() => {});
}

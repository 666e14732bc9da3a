import type { CapturedCall, CapturedRemains, CapturedResponse } from "./capture.ts";
import { looseOf } from "./loose.ts";

/** What a stream of parts has brought. */
export interface PartsReader<Part> {
  /**
   * Takes a part.
   *
   * @returns Whether it brought some of the answer, whether the answer is complete with it, and an error that it told of. There may
   *   be more behind an error.
   */
  take(part: Part): { isOutput: boolean; isLast?: boolean; error?: unknown };
  /** What came so far. */
  response(): CapturedResponse | Promise<CapturedResponse>;
}

/** What is recorded of a call's end. */
export type RecordedEnd = Pick<CapturedCall, "firstOutput" | "complete" | "fail" | "abort">;

/** Whether somebody here ended it, and not the network. */
export function isAbort(error: unknown): boolean {
  const { name } = looseOf(error);
  return name === "AbortError" || name === "TimeoutError";
}

/**
 * Records that a call ended by an error, or because somebody here wanted no more.
 *
 * @param call The call.
 * @param error What ended it.
 * @param remains What came before.
 * @param signal The caller's: whoever aborts may give any reason, and clients reject with that.
 */
export function recordError(
  call: RecordedEnd,
  error: unknown,
  remains?: CapturedRemains,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted === true) return call.abort(remains, signal.reason);
  return isAbort(error) ? call.abort(remains, error) : call.fail(error, remains);
}

/**
 * Passes a stream on part for part, and records what it brings. Nothing is read before it is asked for. Whoever reads the part that
 * ends the answer reads it once the end is recorded. A stream that told of an error has failed, with all that came, before it and
 * behind.
 */
export function recordedParts<Part>(
  stream: ReadableStream<Part>,
  call: RecordedEnd,
  parts: PartsReader<Part>,
  signal?: AbortSignal,
): ReadableStream<Part> {
  const reader = stream.getReader();
  let told: { readonly error: unknown } | undefined;
  const end = async (): Promise<void> => {
    const response = await parts.response();
    await (told === undefined
      ? call.complete(response)
      : recordError(call, told.error, response, signal));
  };
  return new ReadableStream<Part>({
    async pull(controller) {
      let next: ReadableStreamReadResult<Part>;
      try {
        next = await reader.read();
      } catch (error) {
        await recordError(call, told?.error ?? error, await parts.response(), signal);
        throw error;
      }
      if (next.done) {
        await end();
        controller.close();
        return;
      }
      const { isOutput, isLast = false, error } = parts.take(next.value);
      if (isOutput) call.firstOutput();
      if (error !== undefined) told ??= { error };
      if (isLast) await end();
      controller.enqueue(next.value);
    },
    async cancel(reason) {
      const response = await parts.response();
      const recorded = told === undefined
        ? call.abort(response, signal?.aborted === true ? signal.reason : undefined)
        : recordError(call, told.error, response, signal);
      // The connection need not wait for the log.
      await Promise.all([recorded, reader.cancel(reason)]);
    },
  }, { highWaterMark: 0 });
}

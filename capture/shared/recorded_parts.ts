import type { CapturedCall, CapturedRemains, CapturedResponse } from "./capture.ts";
import { looseOf } from "./loose.ts";

/** What a stream of parts has brought. */
export interface PartsReader<Part> {
  /**
   * Takes a part.
   *
   * @returns Whether it brought some of the answer, and whether the answer is complete with it, or failed.
   */
  take(part: Part): { isOutput: boolean; isLast?: boolean; error?: unknown };
  /** What came so far. */
  response(): CapturedResponse | Promise<CapturedResponse>;
}

/** Whether somebody here ended it, and not the network. */
export function isAbort(error: unknown): boolean {
  const { name } = looseOf(error);
  return name === "AbortError" || name === "TimeoutError";
}

/** Records that a call ended by an error, or because somebody here wanted no more. */
export function recordError(
  call: CapturedCall,
  error: unknown,
  remains?: CapturedRemains,
): Promise<void> {
  return isAbort(error) ? call.abort(remains, error) : call.fail(error, remains);
}

/**
 * Passes a stream on part for part, and records what it brings. Nothing is read before it is asked for. Whoever reads the part that
 * ends the answer reads it once the end is recorded.
 */
export function recordedParts<Part>(
  stream: ReadableStream<Part>,
  call: CapturedCall,
  parts: PartsReader<Part>,
): ReadableStream<Part> {
  const reader = stream.getReader();
  return new ReadableStream<Part>({
    async pull(controller) {
      let next: ReadableStreamReadResult<Part>;
      try {
        next = await reader.read();
      } catch (error) {
        await recordError(call, error, await parts.response());
        throw error;
      }
      if (next.done) {
        await call.complete(await parts.response());
        controller.close();
        return;
      }
      const { isOutput, isLast = false, error } = parts.take(next.value);
      if (isOutput) call.firstOutput();
      if (error !== undefined) await recordError(call, error, await parts.response());
      else if (isLast) await call.complete(await parts.response());
      controller.enqueue(next.value);
    },
    async cancel(reason) {
      await call.abort(await parts.response());
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

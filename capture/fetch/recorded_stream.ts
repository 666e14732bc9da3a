import { type RecordedEnd, RecordedReader } from "../shared/recorded_parts.ts";
import { type AnswerHead, AnswerReader } from "./answers.ts";
import { withoutUsage } from "./asked_usage.ts";
import { bodyOf, type Bytes, isByteStream } from "./bytes.ts";

/**
 * Passes a body on, byte for byte and chunk by chunk, as a stream of the same kind, and records what it brings. Nothing is read before
 * it is asked for.
 *
 * @param body The body.
 * @param call Its call.
 * @param head What is known of the answer.
 * @param signal What may end it, also while nobody reads.
 */
export function recordedStream(
  body: ReadableStream<Bytes>,
  call: RecordedEnd,
  head: AnswerHead,
  signal: AbortSignal | undefined,
): ReadableStream<Bytes> {
  const reader = new RecordedReader<Bytes>(body, call, new AnswerReader(head), signal);
  const type = isByteStream(body) ? "bytes" : undefined;
  return bodyOf(
    type,
    head.hidesUsage
      ? withoutUsage<Bytes>((give) => reader.next(give))
      : (give) => reader.next(give),
    (reason) => reader.cancel(reason),
  );
}

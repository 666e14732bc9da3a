import { type PartsReader, type RecordedEnd, RecordedReader } from "../shared/recorded_parts.ts";
import { bodyOf, type Bytes, isByteStream } from "./bytes.ts";

/**
 * Passes a body on, byte for byte and chunk by chunk, as a stream of the same kind, and records what it brings. Nothing is read before
 * it is asked for.
 *
 * @param body The body.
 * @param call Its call.
 * @param answer What puts it together.
 * @param signal What may end it, also while nobody reads.
 */
export function recordedStream(
  body: ReadableStream<Bytes>,
  call: RecordedEnd,
  answer: PartsReader<Bytes>,
  signal: AbortSignal | undefined,
): ReadableStream<Bytes> {
  const reader = new RecordedReader(body, call, answer, signal);
  const type = isByteStream(body) ? "bytes" : undefined;
  return bodyOf(type, (give) => reader.next(give), (reason) => reader.cancel(reason));
}

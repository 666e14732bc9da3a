import { type PartsReader, type RecordedEnd, RecordedReader } from "../shared/recorded_parts.ts";
import { type Bytes, byteStream } from "./bytes.ts";

/**
 * Passes a body on, byte for byte and chunk by chunk, and records what it brings. Nothing is read before it is asked for.
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
  return byteStream(
    async () => (await reader.next())?.part,
    (reason) => reader.cancel(reason),
  );
}

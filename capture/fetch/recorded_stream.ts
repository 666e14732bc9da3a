import { type PartsReader, type RecordedEnd, RecordedReader } from "../shared/recorded_parts.ts";
import { type Bytes, bytesOf } from "./bytes.ts";

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
  return new ReadableStream({
    // As the bodies of responses are: whoever reads may bring buffers.
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      let next = await reader.next();
      while (next?.part.length === 0) next = await reader.next();
      if (next === undefined) {
        controller.close();
        // Who brought a buffer gets it back.
        controller.byobRequest?.respond(0);
      } else {
        // A copy: a byte stream takes the buffer away, which may be shared.
        controller.enqueue(new Uint8Array(bytesOf(next.part)));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

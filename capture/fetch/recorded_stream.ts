import { looseOf } from "../shared/loose.ts";
import {
  type PartsReader,
  type RecordedEnd,
  RecordedReader,
  type StreamedResponse,
} from "../shared/recorded_parts.ts";
import { SseReader } from "../shared/sse.ts";
import type { WireStream } from "../wire/wire_format.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Passes a stream of server-sent events on, byte for byte and chunk by chunk, and records what it brings. Nothing is read before
 * it is asked for.
 *
 * @param body The stream.
 * @param call Its call.
 * @param wire What puts it together.
 * @param signal What may end it, also while nobody reads.
 */
export function recordedStream(
  body: ReadableStream<Bytes>,
  call: RecordedEnd,
  wire: WireStream,
  signal: AbortSignal | undefined,
): ReadableStream<Bytes> {
  const reader = new RecordedReader(body, call, new EventBytes(wire), signal);
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
        controller.enqueue(new Uint8Array(next.part));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}

/** The bytes of server-sent events, read as a provider's stream. */
class EventBytes implements PartsReader<Bytes> {
  readonly #wire: WireStream;
  readonly #events = new SseReader();
  #malformed = 0;

  constructor(wire: WireStream) {
    this.#wire = wire;
  }

  take(bytes: Bytes): { isOutput: boolean; isLast: boolean } {
    let [isOutput, isLast] = [false, false];
    for (const { name, data } of this.#events.read(bytes)) {
      if (data === "[DONE]") {
        isLast = true;
        continue;
      }
      try {
        const taken = this.#wire.take(name, looseOf(JSON.parse(data)));
        isOutput ||= taken.isOutput;
        isLast ||= taken.isLast;
      } catch {
        this.#malformed++; // the caller's to find out
      }
    }
    return { isOutput, isLast };
  }

  response(): StreamedResponse {
    const response = this.#wire.response();
    if (this.#malformed === 0) return response;
    const metadata = { ...response.metadata, "stream.malformed_events": this.#malformed };
    return { ...response, metadata };
  }
}

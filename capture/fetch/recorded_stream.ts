import type { CapturedCall } from "../shared/capture.ts";
import { looseOf } from "../shared/loose.ts";
import { recordError } from "../shared/recorded_parts.ts";
import { SseReader } from "../shared/sse.ts";
import type { WireResponse, WireStream } from "../wire/wire_format.ts";
import { recordEnd } from "./record_end.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * Passes a stream of server-sent events on, byte for byte and chunk by chunk, and records what it brings. Nothing is read before
 * it is asked for. Whoever reads the event that ends the answer reads it once the end is recorded.
 */
export function recordedStream(
  body: ReadableStream<Bytes>,
  call: CapturedCall,
  wire: WireStream,
): ReadableStream<Bytes> {
  const reader = body.getReader();
  const events = new SseReader();
  let malformed = 0;
  let isLast = false;

  const look = (bytes: Bytes): void => {
    for (const { name, data } of events.read(bytes)) {
      if (data === "[DONE]") {
        isLast = true;
        continue;
      }
      try {
        const taken = wire.take(name, looseOf(JSON.parse(data)));
        if (taken.isOutput) call.firstOutput();
        isLast ||= taken.isLast;
      } catch {
        malformed++; // the caller's to find out
      }
    }
  };
  const soFar = (): WireResponse => {
    const response = wire.response();
    if (malformed === 0) return response;
    return {
      ...response,
      metadata: { ...response.metadata, "stream.malformed_events": malformed },
    };
  };

  return new ReadableStream<Bytes>({
    async pull(controller) {
      let chunk: ReadableStreamReadResult<Bytes>;
      try {
        chunk = await reader.read();
      } catch (error) {
        await recordError(call, error, soFar());
        throw error;
      }
      if (chunk.done) {
        await recordEnd(call, soFar());
        controller.close();
        return;
      }
      look(chunk.value);
      if (isLast) await recordEnd(call, soFar());
      controller.enqueue(chunk.value);
    },
    async cancel(reason) {
      // A provider that is told to stop may take its time; the record need not.
      await call.abort(soFar());
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

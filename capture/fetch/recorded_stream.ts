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
 *
 * @param body The stream.
 * @param call Its call.
 * @param wire What puts it together.
 * @param signal What may end it, also while nobody reads.
 */
export function recordedStream(
  body: ReadableStream<Bytes>,
  call: CapturedCall,
  wire: WireStream,
  signal: AbortSignal | undefined,
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
    const response = readSoFar(wire);
    if (malformed === 0) return response;
    return {
      ...response,
      metadata: { ...response.metadata, "stream.malformed_events": malformed },
    };
  };
  const aborted = (): void => void call.abort(soFar(), signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  const settled = (): void => signal?.removeEventListener("abort", aborted);

  return new ReadableStream({
    // As the bodies of responses are: whoever reads may bring buffers.
    type: "bytes",
    async pull(controller: ReadableByteStreamController) {
      let chunk: ReadableStreamReadResult<Bytes>;
      try {
        do chunk = await reader.read(); while (chunk.value?.length === 0);
      } catch (error) {
        await (signal?.aborted
          ? call.abort(soFar(), signal.reason)
          : recordError(call, error, soFar()));
        settled();
        throw error;
      }
      if (chunk.done) {
        await recordEnd(call, soFar());
        settled();
        controller.close();
        // Who brought a buffer gets it back.
        controller.byobRequest?.respond(0);
        return;
      }
      if (!call.hasEnded) look(chunk.value!);
      if (isLast && !call.hasEnded) {
        await recordEnd(call, soFar());
        settled();
      }
      // A copy: a byte stream takes the buffer away, which may be shared.
      controller.enqueue(new Uint8Array(chunk.value!));
    },
    async cancel(reason) {
      // A provider that is told to stop may take its time; the record need not.
      await call.abort(soFar());
      settled();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** What came so far; what a provider sends may be anything, and the caller's stream shall not break for it. */
function readSoFar(wire: WireStream): WireResponse {
  try {
    return wire.response();
  } catch {
    return { output: "", metadata: { "stream.unreadable": true } };
  }
}

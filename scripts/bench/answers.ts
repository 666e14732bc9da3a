/**
 * Answers as providers send them, without a network.
 *
 * @module
 */
import type { NewEntry } from "../../mod.ts";

/** Into how many chunks an answer is cut: about a token each. */
export const CHUNKS = 50;
/** The kind of streams that the runtime's own `fetch()` gives: of bytes, which take the buffers of their reader, but on Bun. */
export const KIND = ("Bun" in globalThis ? undefined : "bytes") as "bytes";

/** Writes an answer: all of it, and a stream's events, those before a piece of the text, with it, and behind the last one. */
export interface Wire {
  whole(text: string): object;
  readonly first: string;
  piece(text: string): string;
  readonly last: string;
}

/** OpenAI's chat completions. */
export const CHAT: Wire = {
  whole: (content) => ({
    id: "c-1",
    model: "gpt-4o-1",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
    usage: { prompt_tokens: 100, completion_tokens: 100 },
  }),
  first: "",
  piece: (content) => {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    return `data: ${JSON.stringify({ id: "c-1", model: "gpt-4o-1", choices })}\n\n`;
  },
  last: "data: [DONE]\n\n",
};

/** Anthropic's messages. */
export const MESSAGES: Wire = {
  whole: (text) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model: "claude-1",
    content: [{ type: "text", text }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 100, output_tokens: 100 },
  }),
  first: named({
    type: "message_start",
    message: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model: "claude-1",
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 100, output_tokens: 1 },
    },
  }) + named({
    type: "content_block_start",
    index: 0,
    content_block: { type: "text", text: "" },
  }),
  piece: (text) =>
    named({ type: "content_block_delta", index: 0, delta: { type: "text_delta", text } }),
  last: named({ type: "content_block_stop", index: 0 }) + named({
    type: "message_delta",
    delta: { stop_reason: "end_turn", stop_sequence: null },
    usage: { output_tokens: 100 },
  }) + named({ type: "message_stop" }),
};

function named(event: { readonly type: string; readonly [key: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** A response that streams an entry's output, in so many chunks. */
export function streamed(
  { outputText }: NewEntry,
  wire: Wire = CHAT,
  chunks: number = CHUNKS,
): Response {
  const length = Math.ceil(outputText.length / chunks);
  const encoder = new TextEncoder();
  let sent = 0;
  return new Response(
    new ReadableStream({
      type: KIND,
      pull(controller: ReadableByteStreamController) {
        const piece = wire.piece(outputText.slice(sent * length, (sent + 1) * length));
        controller.enqueue(encoder.encode(sent === 0 ? wire.first + piece : piece));
        if (++sent < chunks) return;
        controller.enqueue(encoder.encode(wire.last));
        controller.close();
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
}

/** A response that has all of an entry's output. */
export function whole({ outputText }: NewEntry, wire: Wire = CHAT): Response {
  const bytes = new TextEncoder().encode(JSON.stringify(wire.whole(outputText)));
  // A stream, as the network's are.
  const body = new ReadableStream({
    type: KIND,
    pull(controller: ReadableByteStreamController) {
      controller.enqueue(bytes);
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "application/json" } });
}

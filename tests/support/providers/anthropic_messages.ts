/**
 * POST /v1/messages, written after Anthropic's API reference, "Messages", "Streaming messages" and "Errors"
 * (https://docs.anthropic.com/en/api/messages, .../messages-streaming, .../errors).
 *
 * @module
 */

import { type Endpoint, pieces, type Reply, type SseEvent, USAGE, whole } from "./reply.ts";

const TYPES: Readonly<Record<number, string>> = {
  400: "invalid_request_error",
  401: "authentication_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  529: "overloaded_error",
};

/** The messages. */
export const messages: Endpoint = {
  requestIdHeader: "request-id",
  end: "",
  error: (status, message) => ({
    type: "error",
    error: { type: TYPES[status] ?? "api_error", message },
    request_id: "req_local_1",
  }),
  streamError: (message) => ({
    name: "error",
    data: { type: "error", error: { type: "overloaded_error", message } },
  }),
  whole: (reply, request) => ({
    ...message(reply, request, blocksOf(reply)),
    stop_reason: stopReason(reply),
    usage: usageOf(reply, (reply.usage ?? USAGE).output),
  }),
  events(reply, request) {
    const events: SseEvent[] = [];
    const emit = (type: string, fields: object = {}): void => {
      events.push({ name: type, data: { type, ...fields } });
    };
    const usage = usageOf(reply, 1);
    emit("message_start", { message: { ...message(reply, request, []), usage } });
    emit("ping");
    for (const [index, block] of blocksOf(reply).entries()) {
      const delta = (delta: object) => emit("content_block_delta", { index, delta });
      emit("content_block_start", { index, content_block: emptied(block, reply) });
      if (reply.blocks?.includes(block)) {
        for (const one of deltasOf(block)) delta(one);
      } else if (block["type"] === "text") {
        for (const text of pieces(reply.text ?? "")) delta({ type: "text_delta", text });
      } else if (block["type"] === "thinking") {
        delta({ type: "thinking_delta", thinking: block["thinking"] });
        delta({ type: "signature_delta", signature: block["signature"] });
      } else {
        const call = reply.toolCalls!.find(({ id }) => id === block["id"])!;
        for (const json of pieces(call.arguments)) {
          delta({ type: "input_json_delta", partial_json: json });
        }
      }
      emit("content_block_stop", { index });
    }
    emit("message_delta", {
      delta: { stop_reason: stopReason(reply), stop_sequence: null },
      usage: outputOf(reply, reply.usage?.output),
    });
    emit("message_stop");
    return events;
  },
};

function blocksOf(reply: Reply): Record<string, unknown>[] {
  const blocks: Record<string, unknown>[] = [];
  if (reply.reasoning !== undefined) {
    blocks.push({ type: "thinking", thinking: reply.reasoning, signature: "c2lnbmF0dXJl" });
  }
  if (reply.text !== undefined) {
    blocks.push({ type: "text", text: whole(reply.text), citations: null });
  }
  for (const { id, name, arguments: json } of reply.toolCalls ?? []) {
    blocks.push({ type: "tool_use", id, name, input: JSON.parse(whole(json)) });
  }
  blocks.push(...reply.blocks ?? []);
  return blocks;
}

function emptied(block: Record<string, unknown>, reply: Reply): object {
  switch (block["type"]) {
    case "text":
      return { ...block, text: "", ...(reply.blocks?.includes(block) ? { citations: [] } : {}) };
    case "thinking":
      return { ...block, thinking: "", signature: "" };
    case "tool_use":
    case "server_tool_use":
    case "mcp_tool_use":
      return { ...block, input: {} };
    case "compaction":
      return { type: "compaction", content: null };
    default:
      return block; // it comes whole
  }
}

/** What a stream has of a block behind its start. */
function deltasOf(block: Record<string, unknown>): object[] {
  const { type, text, citations, input, ...others } = block;
  switch (type) {
    case "text":
      return [
        { type: "text_delta", text },
        ...(citations as object[]).map((citation) => ({ type: "citations_delta", citation })),
      ];
    case "server_tool_use":
    case "mcp_tool_use": {
      const json = JSON.stringify(input);
      return [json.slice(0, 3), json.slice(3)].map((partial_json) => ({
        type: "input_json_delta",
        partial_json,
      }));
    }
    case "compaction":
      return [{ type: "compaction_delta", ...others }];
    default:
      return [];
  }
}

function message(reply: Reply, request: Record<string, unknown>, content: readonly object[]) {
  return {
    id: reply.id ?? "msg_local_1",
    type: "message",
    role: "assistant",
    model: reply.model ?? `${request["model"]}-20260101`,
    content,
    stop_reason: null as string | null,
    stop_sequence: null,
  };
}

function stopReason({ finishReason, toolCalls }: Reply): string {
  return finishReason ?? (toolCalls === undefined ? "end_turn" : "tool_use");
}

/** The output is counted when it has come, and its reasoning with it. */
function outputOf({ usage = USAGE }: Reply, output_tokens = USAGE.output): object {
  if (usage === null) return {};
  const details = usage.reasoning === undefined ? null : { thinking_tokens: usage.reasoning };
  return { output_tokens, output_tokens_details: details, ...usage.others };
}

/** Input tokens are counted apart from those read from and written to a cache. */
function usageOf(reply: Reply, output_tokens: number) {
  if (reply.usage === null) return {};
  const { input, cached = 0, cacheCreated = 0 } = reply.usage ?? USAGE;
  return {
    input_tokens: input - cached - cacheCreated,
    cache_creation_input_tokens: cacheCreated,
    cache_read_input_tokens: cached,
    ...outputOf(reply, output_tokens),
    service_tier: "standard",
  };
}

/**
 * POST /v1/responses, written after OpenAI's API reference, "Responses" and "Streaming events"
 * (https://platform.openai.com/docs/api-reference/responses, .../responses-streaming).
 *
 * @module
 */

import { openAIError } from "./openai_error.ts";
import { type Endpoint, pieces, type Reply, type SseEvent, USAGE, whole } from "./reply.ts";

const CREATED = 1_790_000_000;

/** The responses. */
export const responses: Endpoint = {
  requestIdHeader: "x-request-id",
  end: "",
  error: openAIError,
  streamError: (message) => ({
    name: "error",
    data: { type: "error", code: "server_error", message, param: null, sequence_number: 99 },
  }),
  whole: (reply, request) => response(reply, request, "completed", itemsOf(reply)),
  events(reply, request) {
    const events: SseEvent[] = [];
    const emit = (type: string, fields: object): void => {
      events.push({ name: type, data: { type, sequence_number: events.length, ...fields } });
    };
    const started = { ...response(reply, request, "in_progress", []), usage: null };
    emit("response.created", { response: started });
    emit("response.in_progress", { response: started });
    const items = itemsOf(reply);
    for (const [output_index, item] of items.entries()) {
      itemEvents(reply, item, output_index, emit);
    }
    emit("response.completed", { response: response(reply, request, "completed", items) });
    return events;
  },
};

type Item = Record<string, unknown> & { id: string; type: string };

function itemEvents(
  reply: Reply,
  item: Item,
  output_index: number,
  emit: (type: string, fields: object) => void,
): void {
  const at = { item_id: item.id, output_index };
  const { content: _, summary: __, ...begun } = item;
  const empty = { message: { content: [] }, reasoning: { summary: [] } }[item.type] ?? {};
  emit("response.output_item.added", {
    output_index,
    item: {
      ...begun,
      ...empty,
      ...("arguments" in item ? { arguments: "" } : {}),
      ...("status" in item ? { status: "in_progress" } : {}),
    },
  });
  if (item.type === "message") {
    const [part] = item["content"] as [Record<string, string>];
    const isReplys = item.id === "msg_local_1";
    const place = { ...at, content_index: 0 };
    const refused = part!["type"] === "refusal";
    const blank = refused
      ? { type: "refusal", refusal: "" }
      : { type: "output_text", text: "", annotations: [], logprobs: [] };
    emit("response.content_part.added", { ...place, part: blank });
    if (refused) {
      emit("response.refusal.delta", { ...place, delta: part!["refusal"] });
      emit("response.refusal.done", { ...place, refusal: part!["refusal"] });
    } else {
      for (const delta of pieces(isReplys ? reply.text ?? "" : part!["text"]!)) {
        emit("response.output_text.delta", { ...place, delta, logprobs: [] });
      }
      emit("response.output_text.done", { ...place, text: part!["text"], logprobs: [] });
    }
    emit("response.content_part.done", { ...place, part });
  } else if (item.type === "function_call") {
    const call = reply.toolCalls?.find(({ id }) => id === item["call_id"]);
    for (const delta of pieces(call?.arguments ?? item["arguments"] as string)) {
      emit("response.function_call_arguments.delta", { ...at, delta });
    }
    emit("response.function_call_arguments.done", {
      ...at,
      name: item["name"],
      arguments: item["arguments"],
    });
  } else if (item.type === "reasoning") {
    const place = { ...at, summary_index: 0 };
    const text = reply.reasoning!;
    const part = { type: "summary_text", text };
    emit("response.reasoning_summary_part.added", { ...place, part: { ...part, text: "" } });
    emit("response.reasoning_summary_text.delta", { ...place, delta: text });
    emit("response.reasoning_summary_text.done", { ...place, text });
    emit("response.reasoning_summary_part.done", { ...place, part });
  }
  emit("response.output_item.done", { output_index, item });
}

function itemsOf(reply: Reply): Item[] {
  const items: Item[] = [];
  if (reply.reasoning !== undefined) {
    const summary = [{ type: "summary_text", text: reply.reasoning }];
    items.push({ id: "rs_local_1", type: "reasoning", summary });
  }
  if (reply.text !== undefined || reply.refusal !== undefined) {
    const part = reply.refusal === undefined
      ? { type: "output_text", text: whole(reply.text), annotations: [], logprobs: [] }
      : { type: "refusal", refusal: reply.refusal };
    const status = "completed";
    items.push({ id: "msg_local_1", type: "message", status, role: "assistant", content: [part] });
  }
  for (const [index, { id, name, arguments: json }] of (reply.toolCalls ?? []).entries()) {
    items.push({
      id: `fc_local_${index + 1}`,
      type: "function_call",
      status: "completed",
      call_id: id,
      name,
      arguments: whole(json),
    });
  }
  items.push(...reply.items ?? []);
  return items;
}

function response(
  reply: Reply,
  request: Record<string, unknown>,
  status: string,
  output: readonly Item[],
): object {
  return {
    id: reply.id ?? "resp_local_1",
    object: "response",
    created_at: CREATED,
    status,
    background: false,
    error: null,
    incomplete_details: null,
    instructions: request["instructions"] ?? null,
    max_output_tokens: request["max_output_tokens"] ?? null,
    model: reply.model ?? `${request["model"]}-2026-01-01`,
    output,
    parallel_tool_calls: true,
    previous_response_id: request["previous_response_id"] ?? null,
    reasoning: { effort: null, summary: null },
    store: true,
    temperature: request["temperature"] ?? 1,
    text: request["text"] ?? { format: { type: "text" } },
    tool_choice: request["tool_choice"] ?? "auto",
    tools: request["tools"] ?? [],
    top_p: request["top_p"] ?? 1,
    truncation: "disabled",
    usage: reply.usage === null ? null : usageOf(reply),
    user: null,
    metadata: {},
    ...reply.beside,
  };
}

function usageOf(reply: Reply) {
  const { input, output, cached = 0, reasoning = 0 } = reply.usage ?? USAGE;
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: 0 },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

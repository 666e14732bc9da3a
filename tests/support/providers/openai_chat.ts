/**
 * POST /v1/chat/completions, written after OpenAI's API reference, "Chat" and "Chat streaming"
 * (https://platform.openai.com/docs/api-reference/chat).
 *
 * @module
 */

import { openAIError } from "./openai_error.ts";
import { type Endpoint, pieces, type Reply, type SseEvent, USAGE, whole } from "./reply.ts";

const CREATED = 1_790_000_000;

/** The chat completions. */
export const chatCompletions: Endpoint = {
  requestIdHeader: "x-request-id",
  end: "data: [DONE]\n\n",
  error: openAIError,
  streamError: (message) => ({ data: openAIError(500, message) }),
  whole(reply, request) {
    return {
      ...head(reply, request, "chat.completion"),
      choices: (reply.choices ?? [reply]).map((choice, index) => ({
        index,
        message: {
          role: "assistant",
          content: choice.text === undefined ? null : whole(choice.text),
          refusal: choice.refusal ?? null,
          ...choice.message,
          ...(choice.toolCalls === undefined ? {} : { tool_calls: choice.toolCalls.map(toolCall) }),
        },
        logprobs: null,
        finish_reason: finishReason(choice),
      })),
      ...(reply.usage === null ? {} : { usage: usageOf(reply) }),
    };
  },
  events(reply, request) {
    const { include_usage } = (request["stream_options"] ?? {}) as { include_usage?: boolean };
    const base = head(reply, request, "chat.completion.chunk");
    const chunk = (index: number, delta: object, finish: string | null = null): SseEvent => ({
      data: {
        ...base,
        choices: [{ index, delta, logprobs: null, finish_reason: finish }],
        ...(include_usage ? { usage: null } : {}),
      },
    });
    const events: SseEvent[] = [];
    for (const [index, choice] of (reply.choices ?? [reply]).entries()) {
      events.push(chunk(index, { role: "assistant", content: "" }));
      for (const content of pieces(choice.text ?? [])) events.push(chunk(index, { content }));
      if (choice.refusal !== undefined) events.push(chunk(index, { refusal: choice.refusal }));
      for (const [position, call] of (choice.toolCalls ?? []).entries()) {
        const named = { name: call.name, arguments: "" };
        const first = { index: position, id: call.id, type: "function", function: named };
        events.push(chunk(index, { tool_calls: [first] }));
        for (const piece of pieces(call.arguments)) {
          const more = { index: position, function: { arguments: piece } };
          events.push(chunk(index, { tool_calls: [more] }));
        }
      }
      if (choice.message !== undefined) events.push(chunk(index, choice.message));
      events.push(chunk(index, {}, finishReason(choice)));
    }
    if (include_usage && reply.usage !== null) {
      events.push({ data: { ...base, choices: [], usage: usageOf(reply) } });
    }
    return events;
  },
};

function head(reply: Reply, request: Record<string, unknown>, object: string) {
  return {
    id: reply.id ?? "chatcmpl-local-1",
    object,
    created: CREATED,
    model: reply.model ?? `${request["model"]}-2026-01-01`,
    service_tier: "default",
    system_fingerprint: "fp_local",
    ...reply.beside,
  };
}

function toolCall({ id, name, arguments: json }: NonNullable<Reply["toolCalls"]>[number]) {
  return { id, type: "function", function: { name, arguments: whole(json) } };
}

function finishReason({ finishReason, toolCalls }: Reply): string {
  return finishReason ?? (toolCalls === undefined ? "stop" : "tool_calls");
}

function usageOf(reply: Reply) {
  const { input, output, cached = 0, reasoning = 0 } = reply.usage ?? USAGE;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

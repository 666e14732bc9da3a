/**
 * POST /v1beta/interactions, written after Google's API reference, "Interactions", and its guide "Streaming interactions"
 * (https://ai.google.dev/api/interactions-api, https://ai.google.dev/gemini-api/docs/interactions/streaming).
 *
 * @module
 */

import { type Endpoint, pieces, type Reply, type SseEvent, USAGE, whole } from "./reply.ts";

type Step = Readonly<Record<string, unknown>> & { readonly type: string };

const CODES: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "authentication",
  404: "not_found",
  429: "too_many_requests",
};

/** The interactions. */
export const geminiInteractions: Endpoint = {
  requestIdHeader: "server-timing", // there is no id in any of them
  end: "event: done\ndata: [DONE]\n\n",
  error: (status, message) => ({ error: { code: CODES[status] ?? "internal", message } }),
  streamError: (message) => ({
    name: "error",
    data: { event_type: "error", error: { code: "internal", message } },
  }),
  whole: (reply, request) => ({
    ...head(reply, request),
    ...outcomeOf(reply),
    steps: stepsOf(reply),
    ...(request["background"] === true ? { steps: undefined, usage: undefined } : {}),
  }),
  events(reply, request) {
    const events: SseEvent[] = [];
    const emit = (event_type: string, fields: object): void => {
      events.push({ name: event_type, data: { ...fields, event_type } });
    };
    const about = head(reply, request);
    emit("interaction.created", { interaction: { ...about, status: "in_progress" } });
    emit("interaction.status_update", { interaction_id: about.id, status: "in_progress" });
    for (const [index, step] of stepsOf(reply).entries()) {
      emit("step.start", { index, step: emptied(step) });
      for (const delta of deltasOf(step, reply)) emit("step.delta", { index, delta });
      emit("step.stop", { index });
    }
    emit("interaction.completed", { interaction: { ...about, ...outcomeOf(reply) } });
    return events;
  },
};

function stepsOf(reply: Reply): Step[] {
  const steps: Step[] = [];
  if (reply.reasoning !== undefined) {
    const summary = [{ type: "text", text: reply.reasoning }];
    steps.push({ type: "thought", summary, signature: "c2lnbmF0dXJl" });
  }
  if (reply.text !== undefined) {
    steps.push({ type: "model_output", content: [{ type: "text", text: whole(reply.text) }] });
  }
  for (const { id, name, arguments: json } of reply.toolCalls ?? []) {
    steps.push({ type: "function_call", id, name, arguments: JSON.parse(whole(json)) });
  }
  steps.push(...(reply.blocks ?? []) as Step[]);
  return steps;
}

/** A step as it begins: a call without its arguments, others without what comes by deltas. */
function emptied({ type, id, name, call_id }: Step): object {
  return type === "function_call" ? { type, id, name, arguments: {} } : { type, id, call_id };
}

function deltasOf(step: Step, reply: Reply): object[] {
  const { type, content, summary, signature, id, call_id: _, ...others } = step;
  const signed = signature === undefined ? [] : [{ type: "thought_signature", signature }];
  switch (type) {
    case "thought":
      return [
        ...(summary as object[] ?? []).map((content) => ({ type: "thought_summary", content })),
        ...signed,
      ];
    case "model_output":
      return (content as { type: string; annotations?: object[] }[]).flatMap((item) => {
        if (item.type !== "text") return [item];
        const { annotations, ...text } = item;
        const texts = reply.text !== undefined && step !== reply.blocks?.[0]
          ? pieces(reply.text).map((text) => ({ type: "text", text }))
          : [text];
        return annotations === undefined
          ? texts
          : [...texts, { type: "text_annotation_delta", annotations }];
      });
    case "function_call": {
      const call = reply.toolCalls!.find((one) => one.id === id)!;
      return pieces(call.arguments).map((json) => ({ type: "arguments_delta", arguments: json }));
    }
    default:
      return [{ type, ...others, ...(signature === undefined ? {} : { signature }) }];
  }
}

function head(reply: Reply, request: Record<string, unknown>) {
  const { model, agent } = request;
  return {
    id: reply.id ?? "interaction-local-1",
    object: "interaction",
    created: "2026-01-01T00:00:00Z",
    updated: "2026-01-01T00:00:00Z",
    ...(agent === undefined ? { model: reply.model ?? model } : { agent }),
  };
}

function outcomeOf(reply: Reply): object {
  const status = reply.finishReason ??
    (reply.toolCalls === undefined ? "completed" : "requires_action");
  const { usage = USAGE } = reply;
  if (usage === null) return { status };
  const { input, output, cached = 0, reasoning = 0, ofTools = 0 } = usage;
  return {
    status,
    usage: {
      total_input_tokens: input - ofTools,
      total_output_tokens: output - reasoning,
      total_thought_tokens: reasoning,
      total_cached_tokens: cached,
      total_tool_use_tokens: ofTools,
      total_tokens: input + output,
    },
  };
}

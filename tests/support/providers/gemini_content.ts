/**
 * POST /v1beta/models/MODEL:generateContent and :streamGenerateContent, and the same of Vertex AI, written after Google's API reference,
 * "Generating content", and its guide "Troubleshooting" (https://ai.google.dev/api/generate-content,
 * https://ai.google.dev/gemini-api/docs/troubleshooting).
 *
 * @module
 */

import { type Endpoint, pieces, type Reply, type SseEvent, USAGE, whole } from "./reply.ts";

const STATUSES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

/** An error's body. */
export function googleError(code: number, message: string): object {
  return { error: { code, message, status: STATUSES[code] ?? "UNKNOWN" } };
}

/** Generated content. */
export const geminiContent: Endpoint = {
  requestIdHeader: "server-timing", // there is no id in any of them
  end: "",
  asked: (path, body) => ({
    ...body,
    model: modelIn(path),
    stream: /:streamGenerateContent$/.test(path),
  }),
  error: googleError,
  streamError: (message) => ({ data: googleError(503, message) }),
  whole(reply, request) {
    if (reply.refusal !== undefined) return blocked(reply, request);
    const candidates = (reply.choices ?? [reply]).map((choice, index) => ({
      content: { parts: partsOf({ ...choice, text: whole(choice.text) }).flat(), role: "model" },
      ...endOf(choice),
      index,
    }));
    return { candidates, ...usageOf(reply), ...head(reply, request) };
  },
  events(reply, request) {
    if (reply.refusal !== undefined) return [{ data: blocked(reply, request) }];
    const events: SseEvent[] = [];
    const base = head(reply, request);
    const choices = reply.choices ?? [reply];
    for (const [index, choice] of choices.entries()) {
      for (const parts of partsOf(choice)) {
        const content = { parts, role: "model" };
        events.push({ data: { candidates: [{ content, index }], ...promptUsage(reply), ...base } });
      }
    }
    const last = choices.map((choice, index) => ({
      content: { parts: [{ text: "" }], role: "model" },
      ...endOf(choice),
      index,
    }));
    events.push({ data: { candidates: last, ...usageOf(reply), ...base } });
    return events;
  },
};

/** The model that a path names. */
export function modelIn(path: string): string {
  return decodeURIComponent(/([^/:]+):\w+$/.exec(path)?.[1] ?? "");
}

/** A prompt that was not let through has no candidates. */
function blocked(reply: Reply, request: Record<string, unknown>): object {
  const promptFeedback = {
    blockReason: "PROHIBITED_CONTENT",
    ...(reply.refusal === "" ? {} : { blockReasonMessage: reply.refusal }),
  };
  return { promptFeedback, ...promptUsage(reply), ...head(reply, request) };
}

/** The parts of a candidate, as the events of a stream have them. */
function partsOf(reply: Reply): object[][] {
  const events: object[][] = [];
  if (reply.reasoning !== undefined) events.push([{ text: reply.reasoning, thought: true }]);
  for (const text of pieces(reply.text ?? [])) if (text !== "") events.push([{ text }]);
  for (const { id, name, arguments: json } of reply.toolCalls ?? []) {
    events.push([{ functionCall: { id, name, args: JSON.parse(whole(json)) } }]);
  }
  for (const block of reply.blocks ?? []) events.push([block]);
  return events;
}

/** Why a candidate ends; one that is to go on says by which token. */
function endOf({ finishReason = "STOP" }: Reply): object {
  return {
    finishReason,
    ...(finishReason === "CONTINUATION" ? { continuationToken: "local-1" } : {}),
  };
}

function head(reply: Reply, request: Record<string, unknown>): object {
  return {
    modelVersion: reply.model ?? request["model"],
    responseId: reply.id ?? "response-local-1",
  };
}

function promptUsage({ usage = USAGE }: Reply): object {
  if (usage === null) return {};
  const { input } = usage;
  return { usageMetadata: { promptTokenCount: input, totalTokenCount: input } };
}

/** Thoughts, and what tools answered with, are counted apart; the total is the sum. */
function usageOf({ usage = USAGE }: Reply): object {
  if (usage === null) return {};
  const { input, output, cached, reasoning = 0, ofTools = 0 } = usage;
  return {
    usageMetadata: {
      promptTokenCount: input - ofTools,
      candidatesTokenCount: output - reasoning,
      totalTokenCount: input + output,
      ...(cached === undefined ? {} : { cachedContentTokenCount: cached }),
      ...(reasoning === 0 ? {} : { thoughtsTokenCount: reasoning }),
      ...(ofTools === 0 ? {} : { toolUsePromptTokenCount: ofTools }),
      promptTokensDetails: [{ modality: "TEXT", tokenCount: input - ofTools }],
    },
  };
}

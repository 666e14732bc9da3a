import type { JsonValue, TextFormat } from "../../mod.ts";
import type { CapturedRequest } from "./captured_call.ts";
import type { CapturedCallInfo } from "./capture_options.ts";
import { type Recordable, recordableRequest } from "./recordable.ts";
import { activeSpanContext, spanMetadata } from "./span_context.ts";

/** What a call asks, as a wrapper sees it. */
export interface Asked {
  readonly model: string;
  readonly inputText: string;
  readonly inputFormat: TextFormat;
  readonly metadata: object;
}

/**
 * What is recorded of a request, without what the application says of it; at once where there are no media in it.
 *
 * @param keepMedia Whether the bytes of inline media are.
 */
export function askedBy(
  request: CapturedRequest,
  info: CapturedCallInfo,
  keepMedia: boolean,
): Asked | Promise<Asked> {
  const { input, isModel = true, metadata, parameters } = request;
  const span = spanMetadata(activeSpanContext());
  const asked = ({ text, format, facts, parameters }: Recordable): Asked => {
    const all: Record<string, JsonValue> = { "gen_ai.operation.name": info.operation };
    if (info.provider !== undefined) all["gen_ai.provider.name"] = info.provider;
    if (isModel) all["gen_ai.request.model"] = info.model;
    Object.assign(all, span, facts);
    if (Object.keys(parameters).length > 0) all["request.parameters"] = parameters;
    return { model: info.model, inputText: text, inputFormat: format, metadata: all };
  };
  const told = recordableRequest({ content: input, facts: metadata, parameters }, keepMedia);
  return told instanceof Promise ? told.then(asked) : asked(told);
}

/** Who asks for a model may ask for anything; an entry's model is a name. */
export function infoOf({ provider, operation, model }: CapturedRequest): CapturedCallInfo {
  if (typeof model === "string" && /^[ -~]{1,256}$/.test(model)) {
    return { provider, operation, model };
  }
  // deno-lint-ignore no-control-regex
  const name = String(model ?? "").replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").toWellFormed();
  const cut = [...name].slice(0, 256).join("");
  return { provider, operation, model: cut === "" ? "unknown" : cut };
}

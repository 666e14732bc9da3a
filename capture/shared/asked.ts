import type { TextFormat } from "../../mod.ts";
import type { CapturedRequest } from "./captured_call.ts";
import type { CapturedCallInfo } from "./capture_options.ts";
import { recordableRequest } from "./recordable.ts";
import { activeSpanContext, spanMetadata } from "./span_context.ts";

/** What a call asks, as a wrapper sees it. */
export interface Asked {
  readonly model: string;
  readonly inputText: string;
  readonly inputFormat: TextFormat;
  readonly metadata: object;
}

/**
 * What is recorded of a request, without what the application says of it.
 *
 * @param keepMedia Whether the bytes of inline media are.
 */
export async function askedBy(
  request: CapturedRequest,
  info: CapturedCallInfo,
  keepMedia: boolean,
): Promise<Asked> {
  const { input, isModel = true, metadata, parameters } = request;
  const span = spanMetadata(activeSpanContext());
  const { text, format, ...told } = await recordableRequest(
    { content: input, facts: metadata, parameters },
    keepMedia,
  );
  return {
    model: info.model,
    inputText: text,
    inputFormat: format,
    metadata: {
      "gen_ai.operation.name": info.operation,
      ...(info.provider === undefined ? {} : { "gen_ai.provider.name": info.provider }),
      ...(isModel ? { "gen_ai.request.model": info.model } : {}),
      ...span,
      ...told.facts,
      ...(Object.keys(told.parameters).length === 0
        ? {}
        : { "request.parameters": told.parameters }),
    },
  };
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

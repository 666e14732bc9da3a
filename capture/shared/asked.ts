import type { TextFormat } from "../../mod.ts";
import type { CapturedRequest } from "./capture.ts";
import type { CapturedCallInfo } from "./capture_options.ts";
import { withoutCredentials } from "./credentials.ts";
import { recordedInput } from "./messages.ts";
import { plainObject } from "./plain_json.ts";
import { activeSpanContext, spanMetadata } from "./span_context.ts";

/** What a call asks, as a wrapper sees it. */
export interface Asked {
  readonly model: string;
  readonly inputText: string;
  readonly inputFormat: TextFormat;
  readonly metadata: object;
}

/** What is recorded of a request, without what the application says of it. */
export function askedBy(request: CapturedRequest, info: CapturedCallInfo): Asked {
  const { input, isModel = true, metadata = {} } = request;
  const { text, format } = typeof input === "string"
    ? { text: input, format: "text" as TextFormat }
    : recordedInput(input);
  const parameters = withoutCredentials(plainObject(request.parameters ?? {}), ["schema"]);
  return {
    model: info.model,
    inputText: text,
    inputFormat: format,
    metadata: {
      "gen_ai.operation.name": info.operation,
      ...(info.provider === undefined ? {} : { "gen_ai.provider.name": info.provider }),
      ...(isModel ? { "gen_ai.request.model": info.model } : {}),
      ...spanMetadata(activeSpanContext()),
      ...plainObject(metadata),
      ...(Object.keys(parameters).length === 0 ? {} : { "request.parameters": parameters }),
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

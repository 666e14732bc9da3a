import type { CapturedCall } from "../shared/capture.ts";
import type { WireResponse } from "../wire/wire_format.ts";

/** Records an answer: as complete, or as failed where the provider says so in it. */
export function recordEnd(call: CapturedCall, response: WireResponse): Promise<void> {
  const { error, ...others } = response;
  return error === undefined ? call.complete(others) : call.fail(error, others);
}

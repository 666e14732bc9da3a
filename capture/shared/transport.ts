import type { JsonValue } from "../../mod.ts";
import { looseOf } from "./loose.ts";

/** How providers call the header that has the id of the request. */
const REQUEST_IDS: readonly string[] = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
];

/** What is known of a request beside its content, as the conventions record it: where it went, and its id there. */
export function transportOf(url: unknown, headers: unknown): Record<string, JsonValue> {
  const ids = Object.entries(looseOf(headers)).flatMap(([name, value]) =>
    REQUEST_IDS.includes(name.toLowerCase()) && typeof value === "string"
      ? [[`http.response.header.${name.toLowerCase()}`, [value]] as const]
      : []
  );
  return { ...serverOf(url), ...Object.fromEntries(ids) };
}

function serverOf(url: unknown): Record<string, JsonValue> {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || parsed.hostname === "") return {};
  const { hostname, port } = parsed;
  return { "server.address": hostname, ...(port === "" ? {} : { "server.port": Number(port) }) };
}

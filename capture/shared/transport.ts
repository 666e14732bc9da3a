import type { JsonValue } from "../../mod.ts";
import { type Loose, looseOf, textOf } from "./loose.ts";

/** How providers call the header that has the id of the request. */
const REQUEST_IDS: readonly string[] = [
  "x-request-id",
  "request-id",
  "apim-request-id",
  "x-amzn-requestid",
];

/** What is known of a request beside its content, as the conventions record it: where it went, and its id there. */
export function transportOf(url: unknown, headers: unknown): Record<string, JsonValue> {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  return { ...(parsed === undefined ? {} : serverOf(parsed)), ...requestIdsOf(looseOf(headers)) };
}

/** The headers of whatever a `fetch` gave. */
export function headersOf(response: unknown): Headers | Loose {
  try {
    const { headers } = looseOf(response);
    if (headers instanceof Headers) return headers;
    const { forEach } = looseOf(headers);
    if (typeof forEach !== "function") return looseOf(headers);
    const found: Record<string, unknown> = Object.create(null);
    forEach.call(headers, (value: unknown, name: unknown) => found[String(name)] = value);
    return found;
  } catch {
    return {}; // they are not what they seem
  }
}

/** One of some headers, by its name in small letters. */
export function headerIn(headers: Headers | Loose, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const found = Object.keys(headers).find((key) => key.toLowerCase() === name);
  return found === undefined ? undefined : textOf(headers[found]);
}

/** Where a request went. */
export function serverOf({ hostname, port }: URL): Record<string, JsonValue> {
  if (hostname === "") return {};
  return { "server.address": hostname, ...(port === "" ? {} : { "server.port": Number(port) }) };
}

/** The ids that a request was answered with. */
export function requestIdsOf(headers: Headers | Loose): Record<string, JsonValue> {
  const ids: Record<string, JsonValue> = {};
  for (const name of REQUEST_IDS) {
    const id = headerIn(headers, name);
    if (id !== undefined) ids[`http.response.header.${name}`] = [id];
  }
  return ids;
}

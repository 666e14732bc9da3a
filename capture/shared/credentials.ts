import type { JsonObject, JsonValue } from "../../mod.ts";

/** Names of what somebody is let in with, however they are written: `openAIApiKey`, `x-api-key`, `aws_session_token`. */
const CREDENTIAL =
  /(?:api[-_]?keys?|access[-_]?key|private[-_]?key|authorization|passw(?:or)?d|passphrase|secrets?|credentials?|cookie|(?:access|api|auth|authorization|bearer|hf|id|refresh|security|session)[-_]?token|^token|subscription[-_]?key|account[-_]?key|connection[-_]?string)$/i;
/** Names of what credentials are sent in. */
const CARRIER = /(?:headers|^authentication)$/i;

/** Names of where a server is. */
const ADDRESS = /(?:server|base|api)[-_]?(?:url|base|uri)$|^(?:url|endpoint)$/i;

/** What has a JSON schema: its properties may well be called as credentials are, and are none. */
export const SCHEMAS: readonly string[] = [
  "input_schema",
  "inputSchema",
  "outputSchema",
  "parameters",
  "schema",
];

/** Whether a name is that of a credential, or of what holds some: for what an application may put anywhere. */
export function isCredential(name: string): boolean {
  return CREDENTIAL.test(name) || CARRIER.test(name);
}

/**
 * A value without the members that have a credential's name, at whatever depth.
 *
 * @param value Plain JSON.
 * @param spared The names of members that are left as they are.
 */
export function withoutCredentials<T extends JsonValue>(
  value: T,
  spared: readonly string[] = [],
): T {
  return stripped(value, spared) as T;
}

function stripped(value: JsonValue, spared: readonly string[]): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => stripped(item, spared));
  const kept: Record<string, JsonValue> = {};
  for (const [name, part] of Object.entries(value as JsonObject)) {
    if (isCredential(name)) continue;
    if (spared.includes(name)) kept[name] = part;
    else kept[name] = ADDRESS.test(name) ? withoutAccess(part) : stripped(part, spared);
  }
  return kept;
}

/** A URL without what may let somebody in: a user and a password, and what is behind the question mark. */
function withoutAccess(address: JsonValue): JsonValue {
  if (typeof address !== "string") return address;
  return address.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@]*@/i, "$1")
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^?#]*)\?[^#]*/i, "$1");
}

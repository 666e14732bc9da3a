import type { JsonObject, JsonValue } from "../../mod.ts";

/** Names of what somebody is let in with, however they are written: `openAIApiKey`, `x-api-key`, `aws_session_token`. */
const CREDENTIAL =
  /(?:api[-_]?keys?|access[-_]?key|private[-_]?key|authorization|passw(?:or)?d|passphrase|secrets?|credentials?|cookie|(?:access|auth|authorization|bearer|id|refresh|security|session)[-_]?token)$/i;
/** Names of what credentials are sent in. */
const CARRIER = /(?:headers|^authentication)$/i;

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
  const kept = Object.entries(value as JsonObject).filter(([name]) => !isCredential(name));
  return Object.fromEntries(
    kept.map(([name, part]) => [name, spared.includes(name) ? part : stripped(part, spared)]),
  );
}

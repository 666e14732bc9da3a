import type { JsonObject, JsonValue } from "../../mod.ts";

/** Names of what somebody is let in with, however they are written: `openAIApiKey`, `x-api-key`, `aws_session_token`. */
const CREDENTIAL =
  /(?:api[-_]?keys?|access[-_]?key|private[-_]?key|authorization|passw(?:or)?d|passphrase|secrets?|credentials?|cookie|(?:access|auth|authorization|bearer|id|refresh|security|session)[-_]?token)$/i;
/** Names of what credentials are sent in. */
const CARRIER = /headers$/i;

/** Whether a name is that of a credential, or of what holds some: for what an application may put anywhere. */
export function isCredential(name: string): boolean {
  return CREDENTIAL.test(name) || CARRIER.test(name);
}

/**
 * A value without the members that have a credential's name, at whatever depth.
 *
 * @param value Plain JSON.
 */
export function withoutCredentials<T extends JsonValue>(value: T): T {
  return stripped(value) as T;
}

function stripped(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(stripped);
  const kept = Object.entries(value as JsonObject).filter(([name]) => !isCredential(name));
  return Object.fromEntries(kept.map(([name, part]) => [name, stripped(part)]));
}

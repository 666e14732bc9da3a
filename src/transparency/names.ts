import { describe } from "../refusal.ts";

/**
 * The longest name of a key of ours, bytes in UTF-8. A witness puts the name of the log's key, its
 * origin, into a field of that length (tlog-cosignature, "ML-DSA-44 signed message").
 */
const MAX_NAME_BYTES = 255;

/**
 * Says what keeps a text from being the name of a key in a signed note, or nothing: signed-note,
 * "Format". It is all that can be asked of the keys of others.
 */
export function nameFault(name: string): string | undefined {
  if (name === "") return "is empty";
  // Unicode's spaces, with the exceptions that \s makes: U+0085 is one, U+FEFF is none.
  if (/\p{White_Space}/u.test(name)) return "contains a space";
  if (name.includes("+")) return "contains a plus (U+002B)";
  if (!name.isWellFormed()) return "contains a lone surrogate";
}

/** Says what keeps a text from being the name of a key of ours, or nothing. Never quotes it. */
export function keyNameFault(name: unknown): string | undefined {
  if (typeof name !== "string") return `is ${describe(name)}; it must be a string`;
  const fault = nameFault(name);
  if (fault !== undefined) return fault;
  if (/\p{Cc}/u.test(name)) return "contains a control character";
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    return `is longer than ${MAX_NAME_BYTES} bytes`;
  }
}

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const LOSSY = new TextDecoder("utf-8", { ignoreBOM: true });

/** What stands in the place of bytes that are not UTF-8; a driver may have put it there. */
export const REPLACEMENT = "\ufffd";

/**
 * The text that bytes are in UTF-8, or `undefined` if they are not.
 *
 * Deno takes six times as long to decode what it is to refuse otherwise. So that is asked for only where something may have
 * been replaced.
 */
export function textIn(bytes: Uint8Array): string | undefined {
  const text = LOSSY.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return STRICT.decode(bytes);
  } catch {
    return undefined;
  }
}

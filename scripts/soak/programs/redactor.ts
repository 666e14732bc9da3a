/**
 * A redactor whose answers follow from the entry: at once or later, and now and then it fails.
 *
 * @module
 */

import type { RedactableEntry, Redactor } from "../../../mod.ts";

/** What it replaces. */
export const SECRET = "s3cret";
/** By what. */
export const REPLACEMENT = "[secret]";

/** The redactor. */
export const redactor: Redactor = {
  name: "soak",
  version: "1",
  redact(entry, found) {
    const { number } = entry.metadata as { number: number };
    const answer = (): RedactableEntry => {
      if (failsFor(number)) throw new Error("it does not know what to do");
      return redacted(entry, found);
    };
    if (number % 3 > 0) return answer();
    return new Promise((resolve) => setTimeout(resolve, number % 5)).then(answer);
  },
};

/** Whether it fails for the entry of this number. */
export function failsFor(number: number): boolean {
  return number % 53 === 7;
}

function redacted(
  entry: RedactableEntry,
  found: (kind: string, count: number) => void,
): RedactableEntry {
  const scrub = (text: string): string => {
    const count = text.split(SECRET).length - 1;
    if (count > 0) found("secret", count);
    return text.replaceAll(SECRET, REPLACEMENT);
  };
  const metadata = Object.entries(entry.metadata).map(([key, value]) => [
    key,
    typeof value === "string" ? scrub(value) : value,
  ]);
  return {
    ...entry,
    outputText: scrub(entry.outputText),
    metadata: Object.fromEntries(metadata),
  };
}

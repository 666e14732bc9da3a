import type { JsonObject } from "./json.ts";

/** The fields of an entry that a {@link Redactor} is given and returns. */
export interface RedactableEntry {
  /** Who asked. */
  readonly user: string;
  /** Which model answered. */
  readonly model: string;
  /** The prompt. */
  readonly inputText: string;
  /** The response. */
  readonly outputText: string;
  /** Cost in US dollars, or `null` where it is not known. */
  readonly costUsd: number | null;
  /** Duration in milliseconds, or `null` where it is not known. */
  readonly latencyMs: number | null;
  /** Everything else. */
  readonly metadata: JsonObject;
}

/** Removes from an entry what must not be recorded, before anything is written. */
export interface Redactor {
  /** Its name, for the record. */
  readonly name: string;
  /** Its version, for the record. */
  readonly version?: string | undefined;
  /**
   * Removes what must not be recorded.
   *
   * @param entry The entry, frozen.
   * @param found To be called with what was replaced: its kind, and how often, an integer >= 1, by default 1.
   * @returns An entry with the same fields.
   */
  redact(
    entry: RedactableEntry,
    found: (kind: string, count?: number) => void,
  ): RedactableEntry | Promise<RedactableEntry>;
}

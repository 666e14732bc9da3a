import { type RecordFacts, scanCanonical } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import { REPLACEMENT, textIn } from "../utf8.ts";

/** Between what is claimed of one record and of the next: in no name that is read without parsing its line. */
const RECORD = "\x01";
/** Behind what is claimed of a field; as above. */
const FIELD = "\x02";

/** SQL that joins what columns claim of names. Where a driver cuts it at a U+0000, its last separator is missing. */
export const NAMES_SQL = ["entry_id", "timestamp", "user", "model"]
  .map((column) => `${column} || char(2)`)
  .join(" || ");

/** The id in what {@link NAMES_SQL} joined. */
export function idIn(names: string): string {
  return names.slice(0, names.indexOf(FIELD));
}

/** What is claimed of a record, as one text: what {@link NAMES_SQL} joined, and numbers. */
export function claimOf(
  names: string,
  costUsd: number | null,
  latencyMs: number | null,
  instantUs: number,
  event: EntryEvent | undefined,
): string {
  const claim = names + costUsd + FIELD + latencyMs + FIELD + instantUs;
  return event === undefined ? claim : claim + FIELD + event.name + FIELD + event.subject;
}

/** {@link claimOf} what a line says. */
export function claimOfFacts(
  { entryId, timestamp, user, model, costUsd, latencyMs, instantUs, event }: Omit<
    RecordFacts,
    "canonical"
  >,
): string {
  const names = entryId + FIELD + timestamp + FIELD + user + FIELD + model + FIELD;
  return claimOf(names, costUsd, latencyMs, instantUs, event);
}

/** The claims of several records, for another thread. */
export function joinClaims(claims: readonly string[]): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(claims.join(RECORD));
}

/**
 * Takes apart what {@link joinClaims} made.
 *
 * @returns One for each of `count` records; none that holds where a claim has a separator in it.
 */
export function splitClaims(claims: Uint8Array, count: number): readonly string[] {
  const parts = new TextDecoder("utf-8", { ignoreBOM: true }).decode(claims).split(RECORD);
  return parts.length === count ? parts : [];
}

/**
 * Whether a line is the canonical one of what is claimed of it. Where this does not plainly say so, a closer look may.
 *
 * @param line Its bytes.
 * @param claim By {@link claimOf}.
 */
export function isPlainly(line: Uint8Array, claim: string): boolean {
  // Maybe none of what was stored.
  if (claim.includes(REPLACEMENT)) return false;
  const text = textIn(line);
  const facts = text === undefined ? undefined : scanCanonical(text);
  return facts !== undefined && claimOfFacts(facts) === claim;
}

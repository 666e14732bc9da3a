import type { RecordFacts } from "../canonical_scan.ts";

/** Between what is claimed of one field and of the next: in no line that is looked at without parsing it. */
const FIELD = "\0";
/** Between what is claimed of one record and of the next; as above. */
const RECORD = "\x01";

/** What columns beside a record claim of it, as one text. */
export function claimOf(
  { entryId, timestamp, user, model, costUsd, latencyMs, instantUs }: Omit<
    RecordFacts,
    "canonical"
  >,
): string {
  return entryId + FIELD + timestamp + FIELD + user + FIELD + model + FIELD + costUsd + FIELD +
    latencyMs + FIELD + instantUs;
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

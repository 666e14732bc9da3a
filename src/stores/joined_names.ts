/**
 * Several texts of a row in one column, each with {@link BEHIND_NAME} behind it: each column costs time. Where a driver cuts what it
 * reads at a U+0000, the last of them is missing.
 *
 * @module
 */
import { BEHIND_NAME, type RecordFacts, type ScannedName } from "../canonical_scan.ts";
import type { EntryEvent } from "../entry_event.ts";
import { REPLACEMENT } from "../utf8.ts";

/** SQL of several texts in one; NULL where one of them is. */
export function joinedSql(...texts: readonly string[]): string {
  return texts.map((text) => `${text} || char(${BEHIND_NAME.charCodeAt(0)})`).join(" || ");
}

/** SQL of an event and its subject in one; NULL where there is no event. For {@link isAbout}. */
export function aboutSql(event: string): string {
  return `${joinedSql(`${event}.event`)} || coalesce(${joinedSql(`${event}.subject`)}, '')`;
}

/** The first of texts in one. */
export function firstName(joined: string): string {
  return joined.split(BEHIND_NAME, 1)[0]!;
}

/** Whether a text has some of the names of a record, if they can be told apart in it. */
export function isNamed(
  joined: string,
  facts: RecordFacts,
  which: readonly ScannedName[],
): boolean {
  const names = which.map((name) => facts[name]);
  return joined === names.map((name) => name + BEHIND_NAME).join("") &&
    !names.some((name) => name.includes(BEHIND_NAME) || name.includes(REPLACEMENT));
}

/** Whether a text has an event, or none, if it can be told whether that is what is stored. */
export function isAbout(joined: string | null, event: EntryEvent | undefined): boolean {
  if (event === undefined) return joined === null;
  const { name, subject } = event;
  return joined === name + BEHIND_NAME + (subject === null ? "" : subject + BEHIND_NAME) &&
    !subject?.includes(REPLACEMENT);
}

import type { JsonObject } from "./json.ts";

/**
 * What an entry is about, where it is more than an interaction that was recorded in one go. It follows from the entry's
 * metadata: `audit.event`, and `audit.call` or `audit.ref`.
 */
export interface EntryEvent {
  /** `call.begin`, `call.end`, `annotation`, `gap`, or one that a later release may write. */
  readonly name: string;
  /** The id of the entry that it is about, or of the call. */
  readonly subject: string | null;
}

/** The event that begins a call: no interaction yet. */
export const CALL_BEGIN = "call.begin";
/** The event that ends a call: the interaction. */
export const CALL_END = "call.end";
/** The event that says something about another entry. */
export const ANNOTATION = "annotation";
/** The event that tells how many entries were lost. */
export const GAP = "gap";

/** The metadata key of an event's name. */
export const EVENT_KEY = "audit.event";
/** The metadata key of how a call ended: `completed`, `failed`, `aborted`. */
export const OUTCOME_KEY = "audit.outcome";
/** The metadata key of the call that an event belongs to. */
export const CALL_KEY = "audit.call";
/** The metadata key of the entry that an event refers to. */
export const REF_KEY = "audit.ref";

const NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
/** Whatever may be the id of an entry of this library's, and nearly all that may be that of an adopted one. */
const SUBJECT = /^[^\p{Cc}\p{Cs}]{1,1024}$/u;

/**
 * The event that metadata tells of, or nothing: then its entry is a plain interaction.
 *
 * Only that of a canonical line counts. What other programs wrote may have such keys by chance, and shall not be hidden for
 * them.
 */
export function eventOf(metadata: JsonObject): EntryEvent | undefined {
  if (!Object.hasOwn(metadata, EVENT_KEY)) return undefined;
  const text = (key: string): unknown => Object.hasOwn(metadata, key) ? metadata[key] : undefined;
  return eventFrom(text(EVENT_KEY), text(CALL_KEY), text(REF_KEY));
}

/** {@link eventOf}, from the values of its three keys. */
export function eventFrom(name: unknown, call: unknown, ref: unknown): EntryEvent | undefined {
  if (typeof name !== "string" || !NAME.test(name)) return undefined;
  const subject = name === CALL_BEGIN || name === CALL_END ? call : ref;
  return { name, subject: isSubject(subject) ? subject : null };
}

/** Whether something can be what an event is about. */
export function isSubject(subject: unknown): subject is string {
  return typeof subject === "string" && SUBJECT.test(subject);
}

/** Whether an entry with this event is an interaction. */
export function isInteraction(event: EntryEvent | undefined): boolean {
  return event === undefined || event.name === CALL_END;
}

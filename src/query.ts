import type { AuditEntry } from "./entry.ts";
import { CALL_BEGIN, isInteraction, OUTCOME_KEY } from "./entry_event.ts";
import { AuditLogError } from "./errors.ts";
import { parseInstant } from "./instant.ts";
import { encodeCanonical, type JsonValue } from "./json.ts";
import type { LogRecord } from "./record.ts";
import { checkFields } from "./known_fields.ts";
import { describe, describeNumber } from "./refusal.ts";
import { isPlainObject, snapshot } from "./snapshot.ts";
import { reasonOf } from "./transparency/failure.ts";

/** Which entries to count. Filters that are given must all hold. */
export interface AuditFilter {
  /** Entries of this user. */
  readonly user?: string | undefined;
  /** Entries of this model. */
  readonly model?: string | undefined;
  /** Entries of this instant or later: a `Date`, or ISO 8601, which without a zone means UTC. */
  readonly since?: Date | string | undefined;
  /** Entries of this instant or earlier: a `Date`, or ISO 8601, which without a zone means UTC. */
  readonly until?: Date | string | undefined;
  /** Entries whose metadata has each of these top-level keys, with an equal JSON value. */
  readonly metadata?: object | undefined;
  /**
   * Entries whose input or output contains this text, character by character, upper and lower case told apart. No index knows texts:
   * all entries that pass the other filters are looked at. In an input that is recorded as JSON, a quote is `\"` and a new line `\n`.
   */
  readonly text?: string | undefined;
  /**
   * `"interactions"`: what a model was asked and answered, each once. `"all"`: also beginnings of calls, annotations and gaps.
   * Default `"interactions"`.
   */
  readonly events?: "interactions" | "all" | undefined;
}

/** Which entries to return, and in which order. */
export interface AuditQuery extends AuditFilter {
  /** `"asc"`, oldest first, is the order of the log; `"desc"` its reverse. Default `"asc"`. */
  readonly order?: "asc" | "desc" | undefined;
  /** Only entries that come after the entry with this id, in the chosen order. */
  readonly after?: string | undefined;
  /** At most this many entries, an integer >= 0. Default: all. */
  readonly limit?: number | undefined;
  /** Whether each entry comes with what was said about it by `annotate()`. Default `false`. */
  readonly annotations?: boolean | undefined;
}

/** A metadata key and the canonical JSON of the value that it must have. */
export interface MetadataFilter {
  /** The key, at the top level of metadata. */
  readonly key: string;
  /** The value, as canonical JSON. */
  readonly json: string;
  /** What a canonical line contains if the entry matches: `"key":value`. */
  readonly needle: string;
}

/** A query that was checked, as a store gets it. */
export interface Selection {
  /** Only this user's entries. */
  readonly user: string | undefined;
  /** Only this model's entries. */
  readonly model: string | undefined;
  /** Only entries of this instant or later, microseconds since the epoch. */
  readonly sinceUs: number | undefined;
  /** Only entries of this instant or earlier, microseconds since the epoch. */
  readonly untilUs: number | undefined;
  /** Only entries whose metadata has all of these. */
  readonly metadata: readonly MetadataFilter[];
  /** Only entries with this in their input or output. */
  readonly text: string | undefined;
  /**
   * `"interactions"` leaves out what {@link LogRecord.event} says to be none; `"begun"` asks for what begins a call that no
   * `call.end` with the same subject ends.
   */
  readonly events: "interactions" | "all" | "begun";
  /** Only entries whose event has this subject. */
  readonly subject: string | undefined;
  /** The order of the answer. */
  readonly order: "asc" | "desc";
  /** Only entries beyond this index, in the chosen order. */
  readonly afterIndex: number | undefined;
  /** At most this many; `Infinity` for all. */
  readonly limit: number;
}

/** The selection of all records, in the order of the log. */
export const everything: Selection = {
  user: undefined,
  model: undefined,
  sinceUs: undefined,
  untilUs: undefined,
  metadata: [],
  text: undefined,
  events: "all",
  subject: undefined,
  order: "asc",
  afterIndex: undefined,
  limit: Infinity,
};

/** A checked query whose cursor is still an entry's id. */
export type CheckedQuery = Omit<Selection, "afterIndex"> & { readonly after: string | undefined };

/** The filters of begun calls. */
export const BEGUN_FILTERS: readonly string[] = [
  "user",
  "model",
  "since",
  "until",
  "metadata",
  "text",
];
const FILTERS = [...BEGUN_FILTERS, "events"];
const QUERY = [...FILTERS, "order", "after", "limit", "annotations"];

/**
 * Checks a query. Nothing is ignored: a misspelt filter in an investigation must not return
 * everything.
 *
 * @throws {AuditLogError} `INVALID_QUERY`, its `path` the filter at fault.
 */
export function checkQuery(query: AuditQuery): CheckedQuery {
  checkNames(query, QUERY);
  const { order = "asc", after, limit = Infinity, annotations = false } = query;
  if (typeof annotations !== "boolean") throw invalid("annotations", "must be true or false");
  if (order !== "asc" && order !== "desc") {
    throw invalid("order", `must be "asc", oldest first, or "desc", newest first`);
  }
  if (after !== undefined && typeof after !== "string") {
    throw invalid("after", `must be an entry's id, not ${describe(after)}`);
  }
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 0)) {
    const given = describeNumber(limit);
    throw invalid("limit", `must be an integer >= 0, not ${given}; leave it out for all`);
  }
  return { ...checkedFilter(query), order, after, limit };
}

/**
 * Checks a filter.
 *
 * @param known The filters that there are.
 * @throws {AuditLogError} `INVALID_QUERY`, its `path` the filter at fault.
 */
export function checkFilter(
  filter: AuditFilter,
  known: readonly string[] = FILTERS,
): CheckedQuery {
  checkNames(filter, known);
  return { ...checkedFilter(filter), order: "asc", after: undefined, limit: Infinity };
}

/**
 * Checks the options of `AuditLog.get()`.
 *
 * @returns Whether annotations are asked for.
 * @throws {AuditLogError} `INVALID_QUERY`, its `path` the option at fault.
 */
export function checkGetOptions(options: { readonly annotations?: boolean }): boolean {
  const refuse = (path: string, state: string): AuditLogError => {
    const message = `Cannot get the entry: ${path === "" ? "what is asked for" : path} ${state}`;
    return new AuditLogError("INVALID_QUERY", message, { path });
  };
  checkFields(options, ["annotations"], "an option of get()", refuse);
  const { annotations = false } = options;
  if (typeof annotations === "boolean") return annotations;
  throw refuse("annotations", `must be true or false, not ${describe(annotations)}`);
}

/**
 * Whether a record is one that a selection asks for. Of `events: "begun"` it can tell only that a call begins there, not whether
 * another record ends it.
 *
 * @example A store that has no index
 * ```ts
 * import { type LogRecord, matches, type Selection } from "@audit-log/llm";
 *
 * // What a LogStore counts that keeps its records in an array.
 * export function count(records: readonly LogRecord[], selection: Selection): number {
 *   return records.filter((record) => matches(selection, record)).length;
 * }
 * ```
 */
export function matches(selection: Selection, record: LogRecord): boolean {
  return matchesIndexed(selection, record) && matchesContent(selection, record.entry);
}

/** Whether a record passes the filters whose answers indexes may know: all but those of {@link needlesOf}. */
export function matchesIndexed(selection: Selection, record: LogRecord): boolean {
  const { user, model, sinceUs, untilUs } = selection;
  if (sinceUs !== undefined && record.instantUs < sinceUs) return false;
  if (untilUs !== undefined && record.instantUs > untilUs) return false;
  if (user !== undefined && record.entry.user !== user) return false;
  if (model !== undefined && record.entry.model !== model) return false;
  return matchesEvent(selection, record);
}

function matchesContent({ metadata, text }: Selection, entry: AuditEntry): boolean {
  for (const { key, json } of metadata) {
    const has = Object.hasOwn(entry.metadata, key);
    if (!has || encodeCanonical(entry.metadata[key]!) !== json) return false;
  }
  return text === undefined || entry.inputText.includes(text) || entry.outputText.includes(text);
}

/**
 * What the canonical line of each record that matches contains: of the filters that no index knows. If there are none, indexes know all
 * that is asked for. That a line contains them does not mean that the record matches.
 */
export function needlesOf({ metadata, text }: Selection): readonly string[] {
  const needles = metadata.map(({ needle }) => needle);
  return text === undefined ? needles : [...needles, JSON.stringify(text).slice(1, -1)];
}

function matchesEvent({ events, subject }: Selection, record: LogRecord): boolean {
  if (events === "all" && subject === undefined) return true;
  const { event } = record;
  if (events === "interactions" && !isInteraction(event)) return false;
  if (events === "begun" && event?.name !== CALL_BEGIN) return false;
  return subject === undefined || event?.subject === subject;
}

/** Filters of the command line, and what asks for the same here. */
const MEANT = { outcome: `metadata: { "${OUTCOME_KEY}": "..." }` };

function checkNames(query: object, known: readonly string[]): void {
  const refuse = (path: string, state: string) =>
    invalid(path, path === "" ? `a query ${state}` : state);
  checkFields(query, known, "a filter", refuse, MEANT);
}

function checkedFilter(filter: AuditFilter): Omit<CheckedQuery, "order" | "after" | "limit"> {
  const { user, model, metadata = {}, events = "interactions" } = filter;
  if (events !== "interactions" && events !== "all") {
    throw invalid("events", `must be "interactions" or "all"`);
  }
  const since = checkInstant("since", filter.since);
  const until = checkInstant("until", filter.until);
  if (since !== undefined && until !== undefined && since > until) {
    throw invalid("since", "must not be later than until");
  }
  return {
    user: checkText("user", user),
    model: checkText("model", model),
    sinceUs: since,
    untilUs: until,
    metadata: checkMetadata(metadata),
    text: checkText("text", filter.text),
    events,
    subject: undefined,
  };
}

function checkText(name: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw invalid(name, `must be a string, not ${describe(value)}`);
  if (value === "") throw invalid(name, "must not be empty");
  if (!value.isWellFormed()) throw invalid(name, "must not contain lone surrogates");
  return value; // adopted entries may have names that new ones may not have
}

function checkInstant(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const instant = value instanceof Date
    ? value.getTime() * 1000
    : typeof value === "string"
    ? parseInstant(value)
    : undefined;
  if (instant === undefined || Number.isNaN(instant)) {
    throw invalid(
      name,
      "must be a valid Date or an ISO 8601 time such as 2026-01-31T08:00:00Z; for milliseconds, give new Date(n)",
    );
  }
  return instant;
}

function checkMetadata(metadata: unknown): readonly MetadataFilter[] {
  // Of a Map, or of what symbols name, nothing would be asked for, and all entries be found.
  if (typeof metadata !== "object" || metadata === null || !isPlainObject(metadata)) {
    throw invalid("metadata", `must be a plain object, not ${describe(metadata)}`);
  }
  const [symbol] = Object.getOwnPropertySymbols(metadata);
  if (symbol !== undefined) throw invalid("metadata", `must not have the key ${String(symbol)}`);
  return Object.entries(metadata).map(([key, value]) => {
    const json = encodeCanonical(checkJson(value, key));
    return { key, json, needle: `${JSON.stringify(key)}:${json}` };
  });
}

function checkJson(value: unknown, key: string): JsonValue {
  const path = `metadata[${JSON.stringify(key)}]`;
  if (value === undefined) throw invalid(path, "must not be undefined; leave the key out");
  try {
    return snapshot(value, path);
  } catch (cause) {
    // It says where in the value, and why; values that no entry can have are of no use.
    const message = `Cannot query the log: ${reasonOf(cause)}`;
    throw new AuditLogError("INVALID_QUERY", message, { path, cause });
  }
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot query the log: ${path === "" ? "" : `${path} `}${state}`;
  return new AuditLogError("INVALID_QUERY", message, { path });
}

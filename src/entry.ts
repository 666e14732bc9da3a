import type { Stamp } from "./clock.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import { hintFor, meantBy } from "./known_fields.ts";
import { describe, refusal } from "./refusal.ts";
import { inOrder, isPlainObject, snapshot } from "./snapshot.ts";

/** One recorded LLM interaction. Deeply frozen. */
export interface AuditEntry {
  /** UUID version 7; ids of one log handle sort in the order of the log. Adopted entries keep theirs. */
  readonly entryId: string;
  /**
   * When it was recorded: `YYYY-MM-DDTHH:MM:SS.sssZ`, UTC, never earlier than the entry before it
   * from the same handle. Adopted entries keep theirs.
   */
  readonly timestamp: string;
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

/** What an application tells {@link AuditLog.record} about an interaction. */
export interface NewEntry {
  /** Which model answered: 1 to 256 characters, no control characters. */
  readonly model: string;
  /** The prompt; may be empty. Any text is kept, U+0000 and lone surrogates too. */
  readonly inputText: string;
  /** The response; may be empty. Any text is kept, U+0000 and lone surrogates too. */
  readonly outputText: string;
  /** Who asked: 1 to 256 characters, no control characters. Default `"anonymous"`. */
  readonly user?: string | undefined;
  /** Cost in US dollars, finite, >= 0. Default `null`. */
  readonly costUsd?: number | null | undefined;
  /** Duration in milliseconds, finite, >= 0. Default `null`. */
  readonly latencyMs?: number | null | undefined;
  /**
   * Anything else, as plain JSON, up to 64 levels deep. Keys that start with `audit.` are
   * reserved. A property whose value is `undefined` counts as absent. Default `{}`.
   */
  readonly metadata?: object | undefined;
}

/** The fields that {@link AuditLog.record} knows. */
const FIELDS: readonly (keyof NewEntry)[] = [
  "model",
  "inputText",
  "outputText",
  "user",
  "costUsd",
  "latencyMs",
  "metadata",
];

/** How many characters `user` and `model` may have. */
export const MAX_NAME_LENGTH = 256;

/** Who asked, when nobody says. */
export const DEFAULT_USER = "anonymous";

const NO_METADATA: JsonObject = Object.freeze({});

/**
 * Checks what an application gave, and makes a frozen entry of a copy of it.
 *
 * Nothing of the application's is called: no `toJSON`, no accessor. A Proxy is the exception that
 * nothing can be done about.
 *
 * @throws {AuditLogError} `INVALID_ENTRY`, its `path` the field at fault.
 */
export function admit(input: NewEntry, stamp: Stamp, beside: Beside = NOTHING): AuditEntry {
  checkPlain(input);
  let model, inputText, outputText, user, costUsd, latencyMs, given: unknown;
  // What is inherited is not the entry's: a polluted Object.prototype shall not show up in the log.
  for (const field of Object.getOwnPropertyNames(input)) {
    switch (field) {
      case "model":
        model = ownValue(input, field);
        break;
      case "inputText":
        inputText = ownValue(input, field);
        break;
      case "outputText":
        outputText = ownValue(input, field);
        break;
      case "user":
        user = ownValue(input, field);
        break;
      case "costUsd":
        costUsd = ownValue(input, field);
        break;
      case "latencyMs":
        latencyMs = ownValue(input, field);
        break;
      case "metadata":
        given = ownValue(input, field);
        break;
      default:
        throw unknownField(field);
    }
  }
  const metadata = given === undefined ? NO_METADATA : admitMetadata(given);
  return Object.freeze({
    entryId: stamp.entryId,
    timestamp: stamp.timestamp,
    user: user === undefined ? beside.user ?? DEFAULT_USER : admitName("user", user),
    model: admitName("model", model),
    inputText: admitText("inputText", inputText),
    outputText: admitText("outputText", outputText),
    costUsd: admitAmount("costUsd", costUsd),
    latencyMs: admitAmount("latencyMs", latencyMs),
    metadata: merged(beside.metadata, metadata, beside.audit),
  });
}

/** Stands in for a stamp while an entry is checked that is not recorded as it is. */
const UNSTAMPED: Stamp = { entryId: "", timestamp: "", instantUs: 0 };

/**
 * Checks what an application gave, and copies it: an entry without id and time.
 *
 * @throws {AuditLogError} `INVALID_ENTRY`, its `path` the field at fault.
 */
export function checkEntry(input: NewEntry, beside?: Beside): AuditEntry {
  return admit(input, UNSTAMPED, beside);
}

/** What an entry gets that the application did not say in it. All of it is frozen plain JSON. */
export interface Beside {
  /** Who asked, where the entry does not say. */
  readonly user?: string | undefined;
  /** Metadata; the entry's own goes before. */
  readonly metadata?: JsonObject | undefined;
  /** This project's own keys, which start with `audit.`. */
  readonly audit?: JsonObject | undefined;
}

const NOTHING: Beside = {};

/** Metadata of several origins, the later before the earlier, its keys in UTF-16 order. */
function merged(
  around: JsonObject | undefined,
  own: JsonObject,
  audit: JsonObject | undefined,
): JsonObject {
  if (around === undefined && audit === undefined) return own;
  const all = { ...around, ...own, ...audit };
  const sorted: Record<string, JsonValue> = {};
  for (const key of inOrder(Object.keys(all))) sorted[key] = all[key]!;
  return Object.freeze(sorted);
}

/** Refuses what is no plain object, and symbols for fields. */
function checkPlain(input: object): void {
  if (typeof input !== "object" || input === null || !isPlainObject(input)) {
    throw refusal("", `must be a plain object, not ${describe(input)}`);
  }
  for (const key of Object.getOwnPropertySymbols(input)) throw unknownField(key);
}

/** The value of a field, without calling anything of the application's. */
function ownValue(input: object, field: keyof NewEntry): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(input, field);
  if (descriptor === undefined) return undefined; // of a Proxy
  if (!("value" in descriptor)) throw refusal(field, "is an accessor; give its value");
  return descriptor.value;
}

function unknownField(key: string | symbol): Error {
  const name = String(key);
  const rest = meantBy(name, FIELDS) === undefined ? "; put the rest into metadata" : "";
  return refusal(name, `is not a field of an entry; ${hintFor(name, FIELDS)}${rest}`);
}

function admitText(field: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw refusal(field, `must be a string, not ${describe(value)}`);
}

// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether a text has printable ASCII characters alone: names have, as a rule, and a regular expression takes twice as long to see it. */
function isPrintableAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x20 || unit > 0x7e) return false;
  }
  return true;
}

/** The model of an entry that no model has to do with. */
export const NO_MODEL = "-";

/** Says what keeps a text from being a `user` or a `model`, or nothing. */
export function nameFault(value: unknown): string | undefined {
  if (typeof value !== "string") return `must be a string, not ${describe(value)}`;
  if (value === "") return "must not be empty";
  // A character may take two code units, so only a text over the limit needs counting.
  if (value.length > MAX_NAME_LENGTH && [...value].length > MAX_NAME_LENGTH) {
    return `must have at most ${MAX_NAME_LENGTH} characters`;
  }
  if (isPrintableAscii(value)) return undefined;
  if (CONTROL.test(value)) return "must not contain control characters";
  if (!value.isWellFormed()) return "must not contain lone surrogates";
}

function admitName(field: string, value: unknown): string {
  const fault = nameFault(value);
  if (fault !== undefined) throw refusal(field, fault);
  return value as string;
}

function admitAmount(field: string, value: unknown): number | null {
  if (value === undefined || value === null) return null;
  const fault = amountFault(value);
  if (fault !== undefined) throw refusal(field, fault);
  return value === 0 ? 0 : value as number; // -0 becomes 0
}

/** Says what keeps a value from being a cost or a duration, or nothing. */
export function amountFault(value: unknown): string | undefined {
  if (typeof value !== "number") return `must be a number or null, not ${describe(value)}`;
  if (!Number.isFinite(value)) return `must be finite, not ${value}`;
  if (value < 0) return `must not be negative`;
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return "must not be an integer beyond 2^53 - 1";
  }
}

/**
 * Checks and copies metadata.
 *
 * @throws {AuditLogError} `INVALID_ENTRY`, its `path` the value at fault.
 */
export function admitMetadata(value: unknown): JsonObject {
  const metadata = snapshot(value, "metadata");
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    throw refusal("metadata", `must be an object, not ${describe(value)}`);
  }
  for (const key in metadata) {
    if (key.startsWith("audit.")) {
      throw refusal(
        `metadata[${JSON.stringify(key)}]`,
        'is reserved, as all keys that start with "audit." are; choose another name',
      );
    }
  }
  return metadata as JsonObject;
}

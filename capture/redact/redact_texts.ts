import { AuditLogError, type RedactableEntry, type Redactor } from "../../mod.ts";
import { hintFor } from "../shared/known_names.ts";
import { isPromise } from "../shared/promises.ts";
import { KNOWN_NAMES, SAFE_KEYS } from "./safe_keys.ts";
import { type JsonParts, type Walk, walkMembers, walkText } from "./texts.ts";

/** A redacted text, alone or with what was replaced in it. */
export type RedactedText =
  | string
  | {
    /** The text. */
    readonly text: string;
    /** How often which kind of thing was replaced. Default: once `"text"`, if the text is another one. */
    readonly counts?: Readonly<Record<string, number>> | undefined;
  };

/**
 * Redacts a text. What must not be recorded it replaces, and it throws if it cannot tell.
 *
 * @param text The text, never empty.
 * @returns The text to be recorded in its place.
 */
export type RedactText = (text: string) => RedactedText | Promise<RedactedText>;

/** Options of {@link redactTexts}. */
export interface RedactTextsOptions {
  /** The redactor's name, for the record. */
  readonly name: string;
  /** Its version, for the record. */
  readonly version?: string | undefined;
  /** What redacts a text. It is called for one text after the other. */
  readonly redact: RedactText;
  /** Whether `user` is redacted, too. Default `false`. */
  readonly user?: boolean | undefined;
  /** Whether the numbers in texts that are JSON are redacted, too; one that is replaced becomes a string. Default `false`. */
  readonly numbers?: boolean | undefined;
  /** Keys of metadata that stay as they are, and their values, beside those that always do. Default: none. */
  readonly keep?: readonly string[] | undefined;
}

/**
 * Makes a redactor of entries out of a function that redacts a text.
 *
 * It redacts `inputText`, `outputText` and all strings in `metadata`, however deep, names of members included: of those that become the same,
 * the later ones get a number, ` (2)`. A text that is JSON is redacted string by string, so that it stays JSON and is
 * otherwise unchanged; so is JSON within it, as the arguments of tools are. Of a text that is none and has escapes, such as JSON that was cut, the whole
 * is redacted, and then what is between quotes as it would be read. Numbers are left alone unless asked for; so is `user`. The
 * model, the cost, the latency and the names that wrappers and the conventions have in metadata stay.
 *
 * So do values of metadata that nobody wrote, whose keys are: `audit.attempt`, `audit.call`, `audit.event`,
 * `audit.input.format`, `audit.outcome`, `audit.output.format`, `audit.ref`, `error.type`, `server.address`, and of the
 * OpenTelemetry conventions those of names, models, finish reasons, formats, tiers, fingerprints and the provider's ids:
 * `gen_ai.evaluation.name`, `gen_ai.evaluation.score.label`, `gen_ai.operation.name`, `gen_ai.output.type`,
 * `gen_ai.provider.name`, `gen_ai.request.encoding_formats`, `gen_ai.request.model`, `gen_ai.response.finish_reasons`,
 * `gen_ai.response.id`, `gen_ai.response.model`, `gen_ai.system`, `gen_ai.token.type`, `gen_ai.tool.call.id`,
 * `gen_ai.tool.name`, `gen_ai.tool.type`, `langchain.parent_run_id`, `langchain.root_run_id`, `langchain.run_id`,
 * `openai.api.type`, `openai.request.service_tier`, `openai.response.service_tier`, `openai.response.system_fingerprint`,
 * `otel.parent_span_id`, `otel.span_id`, `otel.trace_id`.
 *
 * @param options The function, and how far it goes.
 * @returns The redactor. It is asynchronous if the function is, and throws what the function throws; it throws
 *   `INVALID_OPTION` if the function gives no text.
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 *
 * @example
 * ```ts
 * import { redactTexts } from "@audit-log/llm/redact";
 *
 * const withoutSecrets = redactTexts({
 *   name: "secrets",
 *   redact: (text) => text.replaceAll(/\bsk-[\w-]{20,}/g, "[API_KEY]"),
 *   keep: ["session"],
 * });
 * const entry = await withoutSecrets.redact({
 *   user: "alice",
 *   model: "gpt-4o",
 *   inputText: '{"key": "sk-abcdefghijklmnopqrstuvwxyz"}',
 *   outputText: "Keep it secret.",
 *   costUsd: null,
 *   latencyMs: null,
 *   metadata: {},
 * }, (kind, count) => console.log(kind, count));
 * console.log(entry.inputText); // {"key": "[API_KEY]"}
 * ```
 */
export function redactTexts(options: RedactTextsOptions): Redactor {
  const { name, version, redact, user, numbers, keep } = checkOptions(options);
  const untouched = new Set([...SAFE_KEYS, ...keep]);
  return Object.freeze({
    name,
    version,
    redact(entry: RedactableEntry, found: Found) {
      return drive(walkEntry(entry, user, untouched, { numbers }), redact, found);
    },
  });
}

type Found = (kind: string, count?: number) => void;

function* walkEntry(
  entry: RedactableEntry,
  withUser: boolean,
  untouched: ReadonlySet<string>,
  parts: JsonParts,
): Walk<RedactableEntry> {
  return {
    ...entry,
    user: withUser ? yield* walkText(entry.user, parts) : entry.user,
    inputText: yield* walkText(entry.inputText, parts),
    outputText: yield* walkText(entry.outputText, parts),
    metadata: yield* walkMembers(entry.metadata, untouched, KNOWN_NAMES, parts),
  };
}

/** Takes a walk to its end, at once if the function is synchronous. */
function drive<T>(walk: Walk<T>, redact: RedactText, found: Found): T | Promise<T> {
  let step = walk.next();
  while (!step.done) {
    const text = step.value;
    const given = redact(text);
    if (isPromise(given)) return driveOn(walk, text, given, redact, found);
    step = walk.next(accept(text, given, found));
  }
  return step.value;
}

async function driveOn<T>(
  walk: Walk<T>,
  text: string,
  given: PromiseLike<RedactedText>,
  redact: RedactText,
  found: Found,
): Promise<T> {
  let step = walk.next(accept(text, await given, found));
  while (!step.done) step = walk.next(accept(step.value, await redact(step.value), found));
  return step.value;
}

/** The text that was given, after telling what was replaced in it. */
function accept(text: string, given: RedactedText, found: Found): string {
  const { text: redacted, counts } = typeof given === "string"
    ? { text: given, counts: undefined }
    : given ?? {};
  if (typeof redacted !== "string") throw noText();
  if (counts === undefined) {
    if (redacted !== text) found("text");
    return redacted;
  }
  for (const [kind, count] of Object.entries(counts)) {
    if (count === 0) continue;
    if (!Number.isSafeInteger(count) || count < 0) {
      throw fault("redact", `counted ${kind} without giving an integer >= 0`);
    }
    found(kind, count);
  }
  return redacted;
}

const OPTIONS = ["name", "version", "redact", "user", "numbers", "keep"];

interface Settings {
  readonly name: string;
  readonly version: string | undefined;
  readonly redact: RedactText;
  readonly user: boolean;
  readonly numbers: boolean;
  readonly keep: readonly string[];
}

function checkOptions(options: RedactTextsOptions): Settings {
  if (typeof options !== "object" || options === null) throw fault("", "must be an object");
  const unknown = Reflect.ownKeys(options).map(String).find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined) throw fault(unknown, `is not known; ${hintFor(unknown, OPTIONS)}`);
  const { name, version, redact, user = false, numbers = false, keep = [] } = options;
  if (typeof name !== "string" || name === "") throw fault("name", "must be a string, not empty");
  if (version !== undefined && typeof version !== "string") {
    throw fault("version", "must be a string");
  }
  if (typeof redact !== "function") throw fault("redact", "must be a function");
  if (typeof user !== "boolean") throw fault("user", "must be true or false");
  if (typeof numbers !== "boolean") throw fault("numbers", "must be true or false");
  if (!Array.isArray(keep) || !keep.every((key) => typeof key === "string")) {
    throw fault("keep", "must be an array of keys");
  }
  return { name, version, redact, user, numbers, keep };
}

function noText(): AuditLogError {
  return fault("redact", "gave no text");
}

function fault(path: string, state: string): AuditLogError {
  const what = path === "" ? "the options" : path;
  return new AuditLogError("INVALID_OPTION", `Cannot redact: ${what} ${state}`, { path });
}

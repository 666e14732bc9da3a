/**
 * The options of `audit-log query`, which others share, and what they ask the log for.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { OUTCOME_KEY } from "../entry_event.ts";
import { parseInstant } from "../instant.ts";
import type { JsonValue } from "../json.ts";
import type { AuditFilter, AuditQuery } from "../query.ts";
import { CliError } from "./cli_error.ts";

/** What was given on the command line. */
export interface FilterOptions {
  readonly user?: string;
  readonly model?: string;
  readonly since?: Date | string;
  readonly until?: Date | string;
  readonly metadata?: Readonly<Record<string, JsonValue>>;
  readonly text?: string;
  readonly outcome?: string;
  readonly events?: "interactions" | "all";
  readonly limit?: number;
  readonly order?: "asc" | "desc";
  readonly after?: string;
}

/** How many entries a terminal gets, unless it asks for more: about a screen. */
export const DEFAULT_ROWS = 20;
/** How many entries who follows a log gets at first, unless they ask for more: as `tail -f`. */
export const FOLLOWED_ROWS = 10;

/** Adds the filters to a command that say whose entries, of when, and with what in them. */
export function addWhoAndWhen(command: Command): Command {
  return command
    .option("-u, --user <name>", "entries of this user")
    .option("-m, --model <name>", "entries of this model")
    .option(
      "--since <time>",
      "entries of this time or later: 90s, 30min, 2h, 7d or 4w ago, or ISO 8601, UTC if it names no zone",
      parseTime,
    )
    .option("--until <time>", "entries of this time or earlier", parseTime)
    .option(
      "--metadata <key=value>",
      "entries whose metadata has this text, or with key:=value this JSON; may be repeated",
      parseMetadata,
    )
    .option(
      "--text <text>",
      "entries whose input or output contains this; upper and lower case are told apart",
      parseText,
    );
}

/** Adds the filter that says how calls ended. */
export function addOutcome(command: Command): Command {
  return command.addOption(
    new Option("--outcome <how>", "calls that ended so")
      .choices(["completed", "failed", "aborted"]),
  );
}

/** Adds the option that says how many lines are printed. */
export function addLimit(command: Command): Command {
  return command.option(
    "-n, --limit <count>",
    `at most so many, or all; default: ${DEFAULT_ROWS} on a terminal, else all`,
    parseLimit,
  );
}

/** Adds the filters to a command, and which of what they find. */
export function addFilterOptions(command: Command): Command {
  addOutcome(addWhoAndWhen(command)).addOption(
    new Option(
      "--events <which>",
      "interactions, what models were asked and answered; all, also begun calls, annotations and gaps; " +
        "default: interactions",
    ).choices(["interactions", "all"]),
  );
  return addLimit(command)
    .addOption(
      new Option(
        "--order <order>",
        "asc, the oldest first; desc, the newest first; default: the newest ones, oldest of them first",
      ).choices(["asc", "desc"]),
    )
    .option("--after <id>", "only what comes after the entry with this id, in the order asked for");
}

/** Whether an index tells how many entries match. Where metadata or a text is asked for, all would have to be read. */
export function isQuicklyCounted({ metadata, text }: AuditFilter): boolean {
  return metadata === undefined && text === undefined;
}

/** What to ask the log for. */
export interface Plan {
  readonly query: AuditQuery;
  /** Whether what comes is to be shown in reverse: the newest ones, the newest last. */
  readonly reversed: boolean;
}

/** Says whose entries the options ask for, of when, and with what in them. */
export function whoAndWhenOf(options: FilterOptions): Omit<AuditFilter, "events"> {
  const { user, model, since, until, metadata, text } = options;
  return { user, model, since, until, metadata, text };
}

/** What to say when nothing is found. A text may be there in other letters: nobody shall take it for absent. */
export function noneMatches(what: string, { text }: FilterOptions): string {
  return text === undefined
    ? `No ${what} matches.`
    : `No ${what} matches; --text tells upper and lower case apart.`;
}

/**
 * Says what the options ask for, without a limit.
 *
 * @throws {CliError} When two options ask for the same.
 */
export function filterOf(options: FilterOptions): AuditFilter {
  // Named, because lines are of all entries unless told otherwise.
  const { outcome, events = "interactions", metadata = {} } = options;
  if (outcome === undefined) return { ...whoAndWhenOf(options), events };
  if (Object.hasOwn(metadata, OUTCOME_KEY)) {
    throw new CliError(
      `Cannot query the log: --outcome and --metadata ${OUTCOME_KEY} ask for the same; give one of them`,
    );
  }
  return { ...whoAndWhenOf(options), metadata: { ...metadata, [OUTCOME_KEY]: outcome }, events };
}

/**
 * Says what the options ask for.
 *
 * Like `tail`, and unlike the library: a limit alone means the newest entries, in the order of the log, so that the
 * newest stands at the bottom of the screen.
 */
export function planOf(options: FilterOptions, defaultLimit: number): Plan {
  const { order, after, limit = defaultLimit } = options;
  const reversed = order === undefined && after === undefined && limit !== Infinity;
  return {
    query: { ...filterOf(options), order: reversed ? "desc" : order ?? "asc", after, limit },
    reversed,
  };
}

/** How long a unit of time is, by each of its names in the singular. */
const UNITS_MS: Readonly<Record<string, number>> = {
  ...unit(1000, "s", "sec", "second"),
  ...unit(60_000, "m", "min", "minute"),
  ...unit(3_600_000, "h", "hour"),
  ...unit(86_400_000, "d", "day"),
  ...unit(7 * 86_400_000, "w", "week"),
};

function unit(milliseconds: number, ...names: string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, milliseconds]));
}

/** A span of time is meant backwards from now. */
function parseTime(text: string): Date | string {
  if (parseInstant(text) !== undefined) return text;
  const [, count, word = ""] = /^(\d+) ?([a-z]+)$/.exec(text) ?? [];
  const unit = UNITS_MS[word.replace(/(?<=..)s$/, "")] ?? NaN;
  const time = new Date(Date.now() - Number(count) * unit);
  if (!Number.isNaN(time.getTime())) return time;
  throw new InvalidArgumentError(
    "It must be a span before now, such as 90s, 30min, 2h, 7d or 4w, or ISO 8601, such as 2026-01-31 or " +
      "2026-01-31T08:00:00Z.",
  );
}

function parseLimit(text: string): number {
  if (text === "all") return Infinity;
  const limit = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(limit)) return limit;
  throw new InvalidArgumentError('It must be an integer >= 0, or "all".');
}

/** For what may be repeated: all must hold. */
export function parseMetadata(
  text: string,
  others: Readonly<Record<string, JsonValue>> = {},
): Readonly<Record<string, JsonValue>> {
  const at = text.indexOf("=");
  if (at < 1 || text.startsWith(":=")) {
    throw new InvalidArgumentError("It must be key=text or key:=JSON.");
  }
  const asJson = text[at - 1] === ":";
  const key = text.slice(0, asJson ? at - 1 : at);
  if (Object.hasOwn(others, key)) {
    throw new InvalidArgumentError(`The key ${key} is given twice; no entry has two values.`);
  }
  const value = text.slice(at + 1);
  return Object.fromEntries([...Object.entries(others), [key, asJson ? parseJson(value) : value]]);
}

function parseText(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("It must not be empty.");
}

function parseJson(text: string): JsonValue {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(
      "What follows := must be JSON: a number, true, false, null, a quoted text, an array or an object.",
    );
  }
}

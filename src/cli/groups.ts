/**
 * Calls in groups: by user, by model, by day, ...
 *
 * @module
 */
import { InvalidArgumentError } from "commander";
import type { AuditEntry } from "../entry.ts";
import { formatTimestamp, parseInstant } from "../instant.ts";
import { encodeCanonical, type JsonValue } from "../json.ts";
import { CliError } from "./cli_error.ts";
import { Tally, type Totals } from "./tally.ts";

/** What tells to which group a call belongs. */
export interface Grouping {
  /** As it was given: `user`. */
  readonly name: string;
  /** What stands above the groups in a table: `USER`. */
  readonly title: string;
  /** Whether groups are times: then they come in their order, and otherwise those that cost most first. */
  readonly isTime: boolean;
  /** The call's group; `null` where the call does not tell. */
  of(entry: AuditEntry): JsonValue;
}

/** What the calls of a group took. */
export interface Group extends Totals {
  readonly group: JsonValue;
}

const METADATA = "metadata:";
const GROUPINGS: Readonly<Record<string, Omit<Grouping, "name" | "title">>> = {
  user: { isTime: false, of: ({ user }) => user },
  model: { isTime: false, of: ({ model }) => model },
  day: { isTime: true, of: (entry) => timeOf(entry).slice(0, "2026-01-31".length) },
  hour: { isTime: true, of: (entry) => `${timeOf(entry).slice(0, "2026-01-31T08".length)}:00Z` },
};

/** Reads what calls are to be grouped by. */
export function parseGrouping(name: string): Grouping {
  if (Object.hasOwn(GROUPINGS, name)) {
    return { name, title: name.toUpperCase(), ...GROUPINGS[name]! };
  }
  const key = name.slice(METADATA.length);
  if (!name.startsWith(METADATA) || key === "") {
    throw new InvalidArgumentError(
      "It must be user, model, day, hour or, with a key of the metadata, metadata:KEY.",
    );
  }
  return {
    name,
    title: key.toUpperCase(),
    isTime: false,
    of: ({ metadata }) => Object.hasOwn(metadata, key) ? metadata[key]! : null,
  };
}

/** A timestamp in UTC, however the record writes it. */
function timeOf({ timestamp }: AuditEntry): string {
  return formatTimestamp(Math.floor(parseInstant(timestamp)! / 1000));
}

/** How many groups are held at a time: some hundred megabytes of them. */
const MOST_GROUPS = 200_000;

/** Adds up calls group by group. */
export class Groups {
  readonly #grouping: Grouping;
  readonly #most: number;
  readonly #groups = new Map<string, { group: JsonValue; tally: Tally }>();

  /**
   * @param grouping What tells to which group a call belongs.
   * @param most How many groups there may be.
   */
  constructor(grouping: Grouping, most = MOST_GROUPS) {
    this.#grouping = grouping;
    this.#most = most;
  }

  /**
   * Adds a call to its group.
   *
   * @throws {CliError} When there would be more groups than can be held.
   */
  add(entry: AuditEntry): void {
    const group = this.#grouping.of(entry);
    const key = encodeCanonical(group);
    let held = this.#groups.get(key);
    if (held === undefined) {
      if (this.#groups.size === this.#most) {
        throw new CliError(
          `Cannot count by ${this.#grouping.name}: there are more than ${this.#most} groups; ` +
            "ask for fewer entries, by --since and --until for example",
        );
      }
      held = { group, tally: new Tally() };
      this.#groups.set(key, held);
    }
    held.tally.add(entry);
  }

  /** The groups in the order in which they are shown. */
  all(): Group[] {
    const groups = [...this.#groups.values()].map(({ group, tally }): Group => ({
      group,
      ...tally.totals(),
    }));
    return groups.sort(this.#grouping.isTime ? byName : byCost);
  }
}

/** What is not known counts least. */
function byCost(one: Group, other: Group): number {
  return (other.costUsd ?? -1) - (one.costUsd ?? -1) || other.calls - one.calls ||
    byName(one, other);
}

function byName(one: Group, other: Group): number {
  const [left, right] = [JSON.stringify(one.group), JSON.stringify(other.group)];
  return left < right ? -1 : left > right ? 1 : 0;
}

import { type Command, Option } from "commander";
import type { AuditLog } from "../audit_log.ts";
import { counted, countedEntries } from "../counted.ts";
import type { AuditEntry } from "../entry.ts";
import type { AuditFilter } from "../query.ts";
import { CliError } from "./cli_error.ts";
import { visibleJson } from "./display.ts";
import { type Group, type Grouping, Groups, parseGrouping } from "./groups.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { Printer } from "./printer.ts";
import { startProgress } from "./progress.ts";
import {
  addLimit,
  addOutcome,
  addWhoAndWhen,
  DEFAULT_ROWS,
  filterOf,
  type FilterOptions,
  isQuicklyCounted,
  noneMatches,
} from "./query_options.ts";
import { statsTable } from "./stats_table.ts";
import { styleOf } from "./style.ts";
import { Tally, type Totals } from "./tally.ts";

interface StatsOptions extends LogOptions, FilterOptions {
  readonly by?: Grouping;
  readonly json?: boolean;
  readonly table?: boolean;
}

/** Adds `audit-log stats`. */
export function addStats(program: Command, host: Host): void {
  addLimit(addOutcome(addWhoAndWhen(addLogOptions(program.command("stats")))))
    .description(
      "Add up what models were asked: calls, failures, tokens, costs, latencies; by user, by model, by day.",
    )
    .option(
      "--by <what>",
      "a line for each user, model, day, hour or, with a key of the metadata, metadata:KEY; default: one for all",
      parseGrouping,
    )
    .addOption(new Option("--json", "print JSON, a line for each").conflicts("table"))
    .option("--table", "print a table")
    .addHelpText("after", EXAMPLES)
    .action(async (options: StatsOptions) => {
      if (options.limit !== undefined && options.by === undefined) {
        throw new CliError(
          "Cannot add up the newest entries: --limit says how many lines of --by are printed; give --by, or --since",
        );
      }
      const log = await openToRead(host, options);
      try {
        await show(host, await statsOf(host, log, options), options);
      } finally {
        await log.close();
      }
    });
}

const EXAMPLES = `
Costs and tokens that an entry does not tell are in no sum; how many entries that are stands beside it.

Examples:
  audit-log stats --log audit.db --by user --since 1d              who spent most
  audit-log stats --log audit.db --by hour --since 1d              when calls failed or were slow
  audit-log stats --log audit.db --by day --model gpt-4o --json | jq -r '[.group, .costUsd] | @tsv'
  audit-log stats --log audit.db --by metadata:session -n 5        the dearest conversations`;

interface Stats {
  readonly groups: readonly Group[];
  readonly all: Totals;
  /** How many entries of agents, tools and retrievals there were. */
  readonly others: number;
}

async function statsOf(host: Host, log: AuditLog, options: StatsOptions): Promise<Stats> {
  const filter = filterOf({ ...options, events: "interactions" });
  const groups = options.by === undefined ? undefined : new Groups(options.by);
  const all = new Tally();
  let others = 0;
  let read = 0;
  const progress = await progressOf(host, log, filter);
  try {
    for await (const entry of log.stream(filter)) {
      progress?.update(++read, read);
      if (!asksModel(entry)) {
        others++;
        continue;
      }
      all.add(entry);
      groups?.add(entry);
    }
  } finally {
    progress?.stop();
  }
  return { groups: groups?.all() ?? [], all: all.totals(), others };
}

/** Shows how far it is, unless nobody knows how many entries there are before all are read. */
async function progressOf(host: Host, log: AuditLog, filter: AuditFilter) {
  if (!host.stderr.redraws || !isQuicklyCounted(filter)) return undefined;
  return startProgress(host, "reading", await log.count(filter));
}

/** What agents in this process take is what their calls of models take, which have entries of their own. */
const NO_MODEL = /^(?:execute_tool|create_agent|invoke_agent|invoke_workflow|retrieval)$/;

function asksModel({ costUsd, metadata }: AuditEntry): boolean {
  return costUsd !== null || !NO_MODEL.test(String(metadata["gen_ai.operation.name"]));
}

/** Where there is no terminal to ask for its width. */
const DEFAULT_COLUMNS = 120;

async function show(host: Host, stats: Stats, options: StatsOptions): Promise<void> {
  const { stdout } = host;
  const { by } = options;
  const asJson = options.json ?? !(options.table || stdout.isTerminal);
  const limit = options.limit ?? (stdout.isTerminal && !asJson ? DEFAULT_ROWS : Infinity);
  const { groups, all } = stats;
  // The newest days, and what cost most of all else.
  const shown = by?.isTime
    ? groups.slice(Math.max(0, groups.length - limit))
    : groups.slice(0, limit);
  const printer = new Printer(stdout);
  if (asJson) {
    for (const one of by === undefined ? [all] : shown) {
      const json = JSON.stringify(one);
      await printer.line(stdout.isTerminal ? visibleJson(json) : json);
    }
  } else if (all.calls > 0) {
    const columns = stdout.columns ?? DEFAULT_COLUMNS;
    const lines = statsTable(
      by,
      shown,
      groups.length === 1 ? undefined : all,
      columns,
      styleOf(stdout),
    );
    for (const line of lines) await printer.line(line);
  }
  await printer.flush();
  if (stdout.isTerminal) await tellRest(host, stats, options, shown.length);
}

/** Nobody shall take a part for the whole, nor an empty answer for a failure. */
async function tellRest(
  host: Host,
  { groups, all, others }: Stats,
  options: StatsOptions,
  shown: number,
): Promise<void> {
  const { dim } = styleOf(host.stderr);
  const isCostless = all.calls > 0 && all.callsWithoutCost === all.calls;
  const isByCost = groups.length > 1 && !options.by?.isTime;
  const which = !isByCost
    ? "the newest"
    : isCostless
    ? "those with most calls"
    : "those that cost most";
  const told = [
    ...all.calls === 0 ? [noneMatches("entry", options)] : [],
    ...isCostless
      ? [
        `No call has a cost${
          isByCost ? ", so those with most calls come first" : ""
        }: docs/capture.md tells how to record it.`,
      ]
      : [],
    ...shown < groups.length
      ? [
        `${shown} of ${
          counted(groups.length, "group")
        }, ${which}; --limit shows more. The total is of all.`,
      ]
      : [],
    ...others > 0
      ? [
        `Not counted: ${countedEntries(others)} of agents, tools and retrievals.`,
      ]
      : [],
  ];
  for (const sentence of told) await host.stderr.write(dim(sentence) + "\n");
}

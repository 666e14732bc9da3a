import { type Command, Option } from "commander";
import type { AuditLog } from "../audit_log.ts";
import type { AuditCall } from "../calls/audit_call.ts";
import { counted } from "../counted.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { printFull, printLines, printTable } from "./print_entries.ts";
import {
  addLimit,
  addWhoAndWhen,
  DEFAULT_ROWS,
  type FilterOptions,
  noneMatches,
  whoAndWhenOf,
} from "./query_options.ts";
import { styleOf } from "./style.ts";

interface UnfinishedOptions extends LogOptions, FilterOptions {
  readonly json?: boolean;
  readonly table?: boolean;
  readonly full?: boolean;
}

/** Adds `audit-log unfinished`. */
export function addUnfinished(program: Command, host: Host): void {
  addLimit(addWhoAndWhen(addLogOptions(program.command("unfinished"))))
    .description(
      "Print the calls that began and never ended: their process died, or they are still under way.",
    )
    .addOption(
      new Option("--json", "print the records of their beginnings, a line each")
        .conflicts(["table", "full"]),
    )
    .addOption(new Option("--table", "print a table, a line for each call").conflicts("full"))
    .option("--full", "print what they asked, whole, for people")
    .addHelpText("after", EXAMPLES)
    .action(async (options: UnfinishedOptions) => {
      const log = await openToRead(host, options);
      try {
        await show(host, log, options);
      } finally {
        await log.close();
      }
    });
}

const EXAMPLES = `
Examples:
  audit-log unfinished --log audit.db
  audit-log unfinished --log audit.db --until 1h --json | jq .entry_id   begun more than an hour ago`;

async function show(host: Host, log: AuditLog, options: UnfinishedOptions): Promise<void> {
  const { isTerminal } = host.stdout;
  const filter = whoAndWhenOf(options);
  const all = await log.unfinished(filter);
  const asJson = options.json ?? !(options.table || options.full || isTerminal);
  const limit = options.limit ?? (isTerminal && !asJson ? DEFAULT_ROWS : Infinity);
  const calls = all.slice(Math.max(0, all.length - limit)); // the newest, as of query
  if (asJson) {
    await printLines(host, linesOf(log, calls));
    return;
  }
  const entries = calls.map(({ entry }) => entry!);
  await (options.full ? printFull : printTable)(host, each(entries));
  const { dim } = styleOf(host.stderr);
  if (isTerminal && all.length > calls.length) {
    const told = `${calls.length} of ${
      counted(all.length, "unfinished call")
    }; --limit shows more.`;
    await host.stderr.write(dim(told) + "\n");
  }
  if (isTerminal && all.length === 0) {
    // Of the calls that the filter left out, nothing is known.
    const isAll = Object.values(filter).every((value) => value === undefined);
    const sentence = isAll
      ? "Every call that began has ended."
      : noneMatches("unfinished call", options);
    await host.stderr.write(dim(sentence) + "\n");
  }
}

async function* linesOf(log: AuditLog, calls: readonly AuditCall[]): AsyncGenerator<string> {
  for (const { callId } of calls) yield (await log.line(callId))!;
}

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

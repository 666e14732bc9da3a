import { type Command, Option } from "commander";
import type { AuditLog } from "../audit_log.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { printFull, printLines, printTable } from "./print_entries.ts";
import {
  addFilterOptions,
  DEFAULT_ROWS,
  filterOf,
  type FilterOptions,
  type Plan,
  planOf,
} from "./query_options.ts";
import { styleOf } from "./style.ts";

interface QueryOptions extends LogOptions, FilterOptions {
  readonly json?: boolean;
  readonly table?: boolean;
  readonly full?: boolean;
  readonly count?: boolean;
}

/** Adds `audit-log query`. */
export function addQuery(program: Command, host: Host): void {
  addFilterOptions(addLogOptions(program.command("query")))
    .description("Print entries: as a table on a terminal, as JSON lines otherwise.")
    .addOption(
      new Option("--json", "print the records as they are stored, a line each")
        .conflicts(["table", "full"]),
    )
    .addOption(new Option("--table", "print a table, a line for each entry").conflicts("full"))
    .option("--full", "print entries with their whole texts, for people")
    .addOption(
      new Option("--count", "print how many entries match")
        .conflicts(["json", "table", "full", "limit", "order", "after"]),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (options: QueryOptions) => {
      const log = await openToRead(host, options);
      try {
        if (options.count) {
          await host.stdout.write(`${await log.count(filterOf(options))}\n`);
        } else {
          await show(host, log, options);
        }
      } finally {
        await log.close();
      }
    });
}

const EXAMPLES = `
Examples:
  audit-log query --log audit.db                                the newest ${DEFAULT_ROWS}
  audit-log query --log audit.db -u alice --since 2h --full     what alice asked lately, in full
  audit-log query --log audit.db --metadata session=abc123 --metadata turn:=2
  audit-log query --log audit.db --since 2026-01-01 --json | jq -r .output_text
  audit-log query --log audit.db --order asc -n 100 --after ID  the next page`;

async function show(host: Host, log: AuditLog, options: QueryOptions): Promise<void> {
  const { isTerminal } = host.stdout;
  const asJson = options.json ?? !(options.table || options.full || isTerminal);
  const plan = planOf(options, isTerminal && !asJson ? DEFAULT_ROWS : Infinity);
  if (asJson) {
    // Lines are of all entries, unless asked otherwise.
    const { events = "interactions" } = plan.query;
    await printLines(host, inOrder(log.lines({ ...plan.query, events }), plan));
    return;
  }
  const print = options.full ? printFull : printTable;
  const shown = await print(host, inOrder(log.stream(plan.query), plan));
  if (isTerminal) await tellRest(host, log, options, shown);
}

/** What a reversed plan asks for is held in memory: it has a limit. */
async function* inOrder<T>(found: AsyncIterable<T>, { reversed }: Plan): AsyncGenerator<T> {
  if (!reversed) return yield* found;
  const held: T[] = [];
  for await (const one of found) held.push(one);
  for (let one; (one = held.pop()) !== undefined;) yield one;
}

/** Nobody shall take a part for the whole, nor an empty answer for a failure. */
async function tellRest(
  host: Host,
  log: AuditLog,
  options: QueryOptions,
  shown: number,
): Promise<void> {
  const { dim } = styleOf(host.stderr);
  const limit = options.limit ?? DEFAULT_ROWS;
  if (shown === 0 && limit > 0) await host.stderr.write(dim("No entry matches.") + "\n");
  if (shown < limit || options.after !== undefined) return;
  const all = await log.count(filterOf(options));
  if (all <= shown) return;
  await host.stderr.write(
    dim(`${shown} of ${all} entries that match; --limit tells how many.`) + "\n",
  );
}

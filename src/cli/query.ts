import { type Command, Option } from "commander";
import type { AuditLog } from "../audit_log.ts";
import { countedEntries } from "../counted.ts";
import type { AuditEntry } from "../entry.ts";
import { follow } from "./follow.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { printFull, printLines, printTable, tablePrinter } from "./print_entries.ts";
import {
  addFilterOptions,
  DEFAULT_ROWS,
  filterOf,
  type FilterOptions,
  FOLLOWED_ROWS,
  isQuicklyCounted,
  noneMatches,
  type Plan,
  planOf,
} from "./query_options.ts";
import { styleOf } from "./style.ts";

interface QueryOptions extends LogOptions, FilterOptions {
  readonly json?: boolean;
  readonly table?: boolean;
  readonly full?: boolean;
  readonly count?: boolean;
  readonly follow?: boolean;
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
    .addOption(
      new Option(
        "-f, --follow",
        `print the newest ${FOLLOWED_ROWS}, or --limit, and then each that is recorded, until Ctrl-C`,
      ).conflicts(["count", "order", "after", "until"]),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (options: QueryOptions) => {
      const log = await openToRead(host, options);
      try {
        if (options.count) {
          await host.stdout.write(`${await log.count(filterOf(options))}\n`);
        } else if (options.follow) {
          await showNew(host, log, options);
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
  audit-log query --log audit.db --follow --outcome failed      the calls that fail, as they do
  audit-log query --log audit.db --order asc -n 100 --after ID  the next page`;

async function show(host: Host, log: AuditLog, options: QueryOptions): Promise<void> {
  const { isTerminal } = host.stdout;
  const asJson = isJson(host, options);
  const plan = planOf(options, isTerminal && !asJson ? DEFAULT_ROWS : Infinity);
  if (asJson) {
    await printLines(host, inOrder(log.lines(plan.query), plan));
    return;
  }
  const print = options.full ? printFull : printTable;
  const shown = await print(host, inOrder(log.stream(plan.query), plan));
  if (isTerminal) await tellRest(host, log, options, shown);
}

async function showNew(host: Host, log: AuditLog, options: QueryOptions): Promise<never> {
  const plan = planOf(options, FOLLOWED_ROWS);
  const filter = filterOf(options);
  if (isJson(host, options)) {
    return await follow(host, log, options.log, {
      first: inOrder(log.lines(plan.query), plan),
      after: (after) => log.lines({ ...filter, after }),
      idOf: (line) => JSON.parse(line).entry_id,
      print: (lines) => printLines(host, lines),
    });
  }
  const print = options.full
    ? (entries: AsyncIterable<AuditEntry>) => printFull(host, entries)
    : tablePrinter(host);
  return await follow(host, log, options.log, {
    first: inOrder(log.stream(plan.query), plan),
    after: (after) => log.stream({ ...filter, after }),
    idOf: ({ entryId }) => entryId,
    print,
  });
}

function isJson({ stdout }: Host, { json, table, full }: QueryOptions): boolean {
  return json ?? !(table || full || stdout.isTerminal);
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
  if (shown === 0 && limit > 0) {
    await host.stderr.write(dim(noneMatches("entry", options)) + "\n");
  }
  if (shown < limit || options.after !== undefined) return;
  const filter = filterOf(options);
  if (!isQuicklyCounted(filter)) {
    const told = `There may be more than ${shown}; --limit shows more, --count tells how many.`;
    await host.stderr.write(dim(told) + "\n");
    return;
  }
  const all = await log.count(filter);
  if (all <= shown) return;
  await host.stderr.write(
    dim(`${shown} of ${countedEntries(all)} that match; --limit shows more.`) + "\n",
  );
}

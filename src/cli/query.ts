import { type Command, Option } from "commander";
import type { AuditLog } from "../audit_log.ts";
import { visibleJson } from "./display.ts";
import { fullOf } from "./full.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { Printer } from "./printer.ts";
import {
  addFilterOptions,
  DEFAULT_ROWS,
  filterOf,
  type FilterOptions,
  type Plan,
  planOf,
} from "./query_options.ts";
import { styleOf } from "./style.ts";
import { type Row, rowOf, SAMPLE_ROWS, Table } from "./table.ts";

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
  audit-log query --log audit.db --since 2026-01-01 --json | jq -s 'map(.cost_usd) | add'
  audit-log query --log audit.db --order asc -n 100 --after ID  the next page`;

async function show(host: Host, log: AuditLog, options: QueryOptions): Promise<void> {
  const { isTerminal } = host.stdout;
  const asJson = options.json ?? !(options.table || options.full || isTerminal);
  const plan = planOf(options, isTerminal && !asJson ? DEFAULT_ROWS : Infinity);
  if (asJson) return await showJson(host, log, plan);
  const shown = await (options.full ? showFull : showTable)(host, log, plan);
  if (isTerminal) await tellRest(host, log, options, shown);
}

async function showJson(host: Host, log: AuditLog, plan: Plan): Promise<void> {
  const printer = new Printer(host.stdout);
  for await (const line of inOrder(log.lines(plan.query), plan)) {
    await printer.line(host.stdout.isTerminal ? visibleJson(line) : line);
  }
  await printer.flush();
}

async function showFull({ stdout }: Host, log: AuditLog, plan: Plan): Promise<number> {
  const printer = new Printer(stdout);
  const style = styleOf(stdout);
  let shown = 0;
  for await (const entry of inOrder(log.stream(plan.query), plan)) {
    await printer.line(fullOf(entry, stdout.columns, style));
    shown++;
  }
  await printer.flush();
  return shown;
}

/** Where there is no terminal to ask for its width. */
const DEFAULT_COLUMNS = 120;

async function showTable({ stdout }: Host, log: AuditLog, plan: Plan): Promise<number> {
  const columns = stdout.columns ?? DEFAULT_COLUMNS;
  const printer = new Printer(stdout);
  let table: Table | undefined;
  let rows: Row[] = [];
  let shown = 0;
  const print = async () => {
    if (table === undefined && rows.length > 0) {
      table = new Table(rows, columns);
      await printer.line(table.header(styleOf(stdout)));
    }
    for (const row of rows) await printer.line(table!.line(row));
    rows = [];
  };
  for await (const row of inOrder(rowsOf(log, plan, columns), plan)) {
    rows.push(row);
    shown++;
    if (table !== undefined || rows.length === SAMPLE_ROWS) await print();
  }
  await print();
  await printer.flush();
  return shown;
}

async function* rowsOf(log: AuditLog, { query }: Plan, columns: number): AsyncGenerator<Row> {
  for await (const entry of log.stream(query)) yield rowOf(entry, columns);
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

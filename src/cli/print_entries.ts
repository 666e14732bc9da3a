/**
 * Printing entries: as JSON lines, as a table, in full.
 *
 * @module
 */
import type { AuditEntry } from "../entry.ts";
import { visibleJson } from "./display.ts";
import { fullOf } from "./full.ts";
import type { Host } from "./host.ts";
import { Printer } from "./printer.ts";
import { styleOf } from "./style.ts";
import { type Row, rowOf, SAMPLE_ROWS, Table } from "./table.ts";

/** Prints records as they are stored, a line each. */
export async function printLines({ stdout }: Host, lines: AsyncIterable<string>): Promise<number> {
  const printer = new Printer(stdout);
  let shown = 0;
  for await (const line of lines) {
    await printer.line(stdout.isTerminal ? visibleJson(line) : line);
    shown++;
  }
  await printer.flush();
  return shown;
}

/** Prints entries with their whole texts. */
export async function printFull(
  { stdout }: Host,
  entries: AsyncIterable<AuditEntry>,
): Promise<number> {
  const printer = new Printer(stdout);
  const style = styleOf(stdout);
  let shown = 0;
  for await (const entry of entries) {
    await printer.line(fullOf(entry, stdout.columns, style));
    shown++;
  }
  await printer.flush();
  return shown;
}

/** Where there is no terminal to ask for its width. */
const DEFAULT_COLUMNS = 120;

/** Prints entries as a table, a line each. */
export function printTable(host: Host, entries: AsyncIterable<AuditEntry>): Promise<number> {
  return tablePrinter(host, true)(entries);
}

/**
 * Prints entries as a table again and again, all beneath the titles of the first that there are.
 *
 * @param isOnce Whether that is done once, and nothing comes later.
 */
export function tablePrinter(
  { stdout }: Host,
  isOnce = false,
): (entries: AsyncIterable<AuditEntry>) => Promise<number> {
  const columns = stdout.columns ?? DEFAULT_COLUMNS;
  const printer = new Printer(stdout);
  let table: Table | undefined;
  return async (entries) => {
    let rows: Row[] = [];
    let shown = 0;
    const print = async (isAll: boolean) => {
      if (table === undefined && rows.length > 0) {
        table = new Table(rows, columns, isAll);
        await printer.line(table.header(styleOf(stdout)));
      }
      for (const row of rows) await printer.line(table!.line(row));
      rows = [];
    };
    for await (const entry of entries) {
      rows.push(rowOf(entry, columns));
      shown++;
      if (table !== undefined || rows.length === SAMPLE_ROWS) await print(false);
    }
    await print(isOnce);
    await printer.flush();
    return shown;
  };
}

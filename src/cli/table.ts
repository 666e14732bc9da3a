/**
 * Entries as a table, a line each.
 *
 * @module
 */
import stringWidth from "string-width";
import type { AuditEntry } from "../entry.ts";
import { CALL_BEGIN, CALL_END, eventOf, OUTCOME_KEY } from "../entry_event.ts";
import { formatTimestamp, parseInstant } from "../instant.ts";
import { cell, pad } from "./display.ts";
import type { Style } from "./style.ts";

/** How many rows are looked at to find out how wide the columns must be. */
export const SAMPLE_ROWS = 200;

/** A row, ready to be printed but for its padding. */
export interface Row {
  readonly time: string;
  readonly user: string;
  readonly model: string;
  readonly cost: string;
  readonly ms: string;
  readonly outcome: string;
  readonly input: string;
  readonly output: string;
}

type ColumnName = keyof Row;

interface Column {
  readonly name: ColumnName;
  readonly title: string;
  readonly width: number;
  readonly align: "left" | "right";
}

const TITLES: Readonly<Record<ColumnName, string>> = {
  time: "TIME (UTC)",
  user: "USER",
  model: "MODEL",
  cost: "COST $",
  ms: "MS",
  outcome: "OUTCOME",
  input: "INPUT",
  output: "OUTPUT",
};
const FACTS: readonly ColumnName[] = ["time", "user", "model", "cost", "ms", "outcome"];
/** What many entries do not tell. */
const OPTIONAL: readonly ColumnName[] = ["cost", "ms", "outcome"];
/** A text that gets less is not worth its column. */
const LEAST_TEXT = 16;
/** What any text gets, however narrow the terminal. */
const LEAST_CELL = 8;
/** What gives way on a narrow terminal, the first of them first, and how much the texts must have for it to stay. */
const YIELDING: readonly (readonly [name: ColumnName, room: number])[] = [
  ["ms", LEAST_TEXT],
  ["cost", LEAST_TEXT],
  ["model", LEAST_CELL],
  ["user", LEAST_CELL],
  ["outcome", LEAST_CELL],
];
/** What later rows get at least, however little the first have to tell. */
const LEAST: Partial<Record<ColumnName, number>> = { user: 9, model: 13, cost: 8, ms: 5 };
const GAP = "  ";

/** Makes a row of an entry, no longer than a terminal of so many columns can show. */
export function rowOf(entry: AuditEntry, columns: number): Row {
  return {
    time: timeOf(entry.timestamp),
    user: cell(entry.user, Math.max(LEAST_CELL, Math.floor(columns / 8))),
    model: cell(entry.model, Math.max(LEAST_CELL, Math.floor(columns / 5))),
    cost: entry.costUsd === null ? "" : String(entry.costUsd),
    ms: entry.latencyMs === null ? "" : String(Math.round(entry.latencyMs)),
    outcome: cell(outcomeOf(entry), outcomeWidth(columns)),
    input: cell(entry.inputText, columns),
    output: cell(entry.outputText, columns),
  };
}

function outcomeWidth(columns: number): number {
  return Math.max(9, Math.floor(columns / 6));
}

function leastWidth(name: ColumnName, columns: number): number {
  return name === "outcome" ? outcomeWidth(columns) : LEAST[name] ?? 0;
}

/** How a call ended, and by which error; of what is no interaction, what it is. Nothing for what was recorded in one go. */
export function outcomeOf({ metadata }: AuditEntry): string {
  const event = eventOf(metadata);
  if (event === undefined) return "";
  const { [OUTCOME_KEY]: outcome, "error.type": error } = metadata;
  if (event.name !== CALL_END || typeof outcome !== "string") {
    return event.name === CALL_BEGIN ? "begun" : event.name;
  }
  return typeof error === "string" ? `${outcome}: ${error}` : outcome;
}

/** The time to the second, UTC, however the record writes it. */
export function timeOf(timestamp: string): string {
  const milliseconds = Math.floor(parseInstant(timestamp)! / 1000);
  return formatTimestamp(milliseconds).slice(0, 19).replace("T", " ");
}

/** A table whose columns fit some of its rows, and then all others are cut to fit them. */
export class Table {
  readonly #columns: readonly Column[];

  /**
   * @param sample The first rows.
   * @param total The width of a line.
   * @param isAll Whether there are no other rows: then what none of them tells takes no room.
   */
  constructor(sample: readonly Row[], total: number, isAll: boolean) {
    let facts = FACTS.filter((name) =>
      !isAll || !OPTIONAL.includes(name) || sample.some((row) => row[name] !== "")
    ).map((name): Column => ({
      name,
      title: TITLES[name],
      width: Math.max(
        isAll ? 0 : leastWidth(name, total),
        ...[TITLES[name], ...sample.map((row) => row[name])].map(widthOf),
      ),
      align: name === "cost" || name === "ms" ? "right" : "left",
    }));
    const room = () => facts.reduce((left, { width }) => left - width - GAP.length, total);
    for (const [yielding, least] of YIELDING) {
      if (room() < least) facts = facts.filter(({ name }) => name !== yielding);
    }
    this.#columns = [...facts, ...textColumns(room())];
  }

  /** The line of titles. */
  header({ bold }: Style): string {
    return bold(this.#line((column) => column.title));
  }

  /** The line of a row. */
  line(row: Row): string {
    return this.#line(({ name, width }) => cell(row[name], width));
  }

  #line(text: (column: Column) => string): string {
    return this.#columns.map((column) => pad(text(column), column.width, column.align)).join(GAP)
      .trimEnd();
  }
}

/** The prompt and the response share what is left; on a narrow terminal the prompt gets it all. */
function textColumns(room: number): Column[] {
  const both = room >= 2 * LEAST_TEXT + GAP.length;
  const width = both ? Math.floor((room - GAP.length) / 2) : Math.max(room, LEAST_CELL);
  const names: ColumnName[] = both ? ["input", "output"] : ["input"];
  return names.map((name) => ({ name, title: TITLES[name], width, align: "left" }));
}

function widthOf(text: string): number {
  return stringWidth(text);
}

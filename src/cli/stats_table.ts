import stringWidth from "string-width";
import type { JsonValue } from "../json.ts";
import { cell, pad } from "./display.ts";
import type { Group, Grouping } from "./groups.ts";
import type { Style } from "./style.ts";
import type { Totals } from "./tally.ts";

interface Column {
  readonly title: string;
  readonly of: (totals: Totals) => number | null;
  readonly text?: (value: number) => string;
  /** Whether it has no room where there is nothing to tell: what it counts is the exception. */
  readonly isOptional?: boolean;
}

const COLUMNS: readonly Column[] = [
  { title: "CALLS", of: ({ calls }) => calls },
  { title: "FAILED", of: ({ failed }) => failed },
  { title: "ABORTED", of: ({ aborted }) => aborted, isOptional: true },
  { title: "TOKENS IN", of: ({ inputTokens }) => inputTokens, isOptional: true },
  { title: "TOKENS OUT", of: ({ outputTokens }) => outputTokens, isOptional: true },
  { title: "NO USAGE", of: ({ callsWithoutUsage }) => callsWithoutUsage, isOptional: true },
  { title: "COST $", of: ({ costUsd }) => costUsd, text: (usd) => usd.toFixed(6) },
  { title: "NO COST", of: ({ callsWithoutCost }) => callsWithoutCost, isOptional: true },
  { title: "P50 MS", of: ({ latencyMs }) => latencyMs?.p50 ?? null, isOptional: true },
  { title: "P95 MS", of: ({ latencyMs }) => latencyMs?.p95 ?? null, isOptional: true },
  { title: "MAX MS", of: ({ latencyMs }) => latencyMs?.max ?? null, isOptional: true },
];
/** What gives way on a narrow terminal, the first of them first. */
const YIELDING = [
  ...["P50 MS", "MAX MS", "NO USAGE", "TOKENS IN", "TOKENS OUT", "ABORTED", "P95 MS"],
  ...["FAILED", "NO COST"],
];
const GAP = "  ";
/** What is left of a long name on a narrow terminal, at least. */
const LEAST_NAME = 12;
const MOST_NAME = 40;

/**
 * Groups as the lines of a table, their names first.
 *
 * @param by What the groups are. Nothing where all is one.
 * @param total The last line, or nothing.
 * @param columns The width of a line.
 */
export function statsTable(
  by: Grouping | undefined,
  groups: readonly Group[],
  total: Totals | undefined,
  columns: number,
  { bold, dim }: Style,
): string[] {
  const title = by?.title ?? "";
  const rows: [name: string, totals: Totals, style: (line: string) => string][] = [
    ...groups.map((group): typeof rows[number] => [nameOf(group.group), group, String]),
    ...total === undefined ? [] : [["total", total, dim] as typeof rows[number]],
  ];
  let facts = COLUMNS.filter(({ of, isOptional }) =>
    !isOptional || rows.some(([, totals]) => (of(totals) ?? 0) > 0)
  ).map((column) => {
    const cells = rows.map(([, totals]) => textOf(column, totals));
    return { ...column, cells, width: Math.max(...[column.title, ...cells].map(widthOf)) };
  });
  const longest = Math.max(...[title, ...rows.map(([name]) => cell(name, MOST_NAME))].map(widthOf));
  // Without their ends, times are all the same.
  const least = by?.isTime ? longest : Math.min(longest, LEAST_NAME);
  const room = () => facts.reduce((left, { width }) => left - width - GAP.length, columns);
  for (const yielding of YIELDING) {
    if (room() >= least) break;
    facts = facts.filter(({ title }) => title !== yielding);
  }
  const width = Math.min(longest, Math.max(room(), least));
  const line = (name: string, texts: readonly string[]) =>
    [
      pad(cell(name, width), width),
      ...texts.map((text, at) => pad(text, facts[at]!.width, "right")),
    ].slice(width === 0 ? 1 : 0).join(GAP).trimEnd();
  return [
    bold(line(title, facts.map(({ title }) => title))),
    ...rows.map(([name, , style], at) => style(line(name, facts.map(({ cells }) => cells[at]!)))),
  ];
}

function nameOf(group: JsonValue): string {
  if (group === null) return "(not told)";
  return typeof group === "string" ? group : JSON.stringify(group);
}

function textOf({ of, text = inFull }: Column, totals: Totals): string {
  const value = of(totals);
  return value === null ? "" : text(value);
}

function inFull(value: number): string {
  return Math.round(value).toLocaleString("en");
}

function widthOf(text: string): number {
  return stringWidth(text);
}

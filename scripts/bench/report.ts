/**
 * Showing what was measured.
 *
 * @module
 */
import { type Measurement, median, type Row } from "./rounds.ts";

/** A section as a table for a terminal: each row's median and range, and whether its target is met. */
export function text({ title, note, runtime, rows }: Measurement): string {
  const cells = rows.map((row) => [
    row.name,
    figure(median(row.values)),
    row.unit,
    `${figure(Math.min(...row.values))} to ${figure(Math.max(...row.values))}`,
    verdict(row),
  ]);
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const lines = cells.map((row) =>
    row.map((cell, column) =>
      column === 1 ? cell.padStart(widths[column]) : cell.padEnd(widths[column])
    ).join("  ").trimEnd()
  );
  return [`${runtime}: ${title}`, `(${note})`, ...lines.map((line) => `  ${line}`), ""].join("\n");
}

/** All sections as tables of medians for docs/benchmarks.md, a column for each runtime. */
export function markdown(measured: readonly Measurement[]): string {
  const tables = Map.groupBy(measured, ({ subject }) => subject);
  return [...tables.values()].map((sections) => {
    const [{ title, note, rows }] = sections;
    return [
      `### ${title}`,
      "",
      `${note[0].toUpperCase()}${note.slice(1)}.`,
      "",
      `| | unit | ${sections.map(({ runtime }) => runtime).join(" | ")} | target |`,
      `|---|---|${"---:|".repeat(sections.length)}---|`,
      ...rows.map((row) => {
        const values = sections.map((section) => {
          const same = section.rows.find(({ name }) => name === row.name);
          return same === undefined ? "" : figure(median(same.values));
        });
        return `| ${row.name} | ${row.unit} | ${values.join(" | ")} | ${target(row)} |`;
      }),
      "",
    ].join("\n");
  }).join("\n");
}

function figure(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));
}

function target({ atLeast, atMost }: Row): string {
  if (atLeast !== undefined) return `>= ${figure(atLeast)}`;
  return atMost === undefined ? "" : `<= ${figure(atMost)}`;
}

function verdict(row: Row): string {
  const { atLeast = -Infinity, atMost = Infinity, values } = row;
  if (target(row) === "") return "";
  const middle = median(values);
  return `target ${target(row)}: ${atLeast <= middle && middle <= atMost ? "met" : "MISSED"}`;
}

import type { AuditEntry } from "../entry.ts";
import { visible, visibleLines, wrap } from "./display.ts";
import type { Style } from "./style.ts";
import { outcomeOf, timeOf } from "./table.ts";

/** Texts stand behind a margin, so that nothing in them can pass for the head of another entry. */
const MARGIN = "  ";
const LEAST_COLUMNS = 20;

/**
 * An entry with its whole texts, on as many lines as they take.
 *
 * @param columns The width to wrap texts to, or `undefined` not to wrap them.
 */
export function fullOf(entry: AuditEntry, columns: number | undefined, style: Style): string {
  const outcome = outcomeOf(entry);
  const facts = [
    ...entry.costUsd === null ? [] : [`$${entry.costUsd}`],
    ...entry.latencyMs === null ? [] : [`${entry.latencyMs} ms`],
    ...outcome === "" ? [] : [outcome],
  ];
  const head = [timeOf(entry.timestamp), entry.user, entry.model, ...facts].map(visible)
    .join("  ");
  const texts: [title: string, text: string][] = [
    ["input", entry.inputText],
    ["output", entry.outputText],
  ];
  if (Object.keys(entry.metadata).length > 0) {
    texts.unshift(["metadata", JSON.stringify(entry.metadata)]);
  }
  const error = errorOf(entry);
  if (error !== "") texts.unshift(["error", error]);
  return [
    style.bold(head),
    style.dim(visible(entry.entryId)),
    ...texts.flatMap(([title, text]) => [style.dim(`${title}:`), ...indented(text, columns)]),
    "",
  ].join("\n");
}

/** Why a call failed, or was broken off, as far as its entry tells. */
function errorOf({ metadata }: AuditEntry): string {
  return [metadata["error.type"], metadata["error.message"]]
    .filter((text) => typeof text === "string" && text !== "").join(": ");
}

function indented(text: string, columns: number | undefined): string[] {
  const lines = visibleLines(text);
  const fitting = columns === undefined
    ? lines
    : lines.flatMap((line) => wrap(line, Math.max(LEAST_COLUMNS, columns - MARGIN.length)));
  return fitting.map((line) => `${MARGIN}${line}`.trimEnd());
}

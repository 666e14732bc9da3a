import { counted, countedEntries } from "../counted.ts";
import type { LogFault } from "../transparency/faults.ts";
import type { VerificationReport } from "../transparency/report.ts";
import { visible, wrap } from "./display.ts";
import type { Style } from "./style.ts";

/** What a report is about, and for whom. */
export interface ReportOptions {
  /** The log's file. */
  readonly path: string;
  /** How many verifier keys were given. */
  readonly keys: number;
  /** Where each checkpoint that was given stands. */
  readonly kept: readonly string[];
  /** The width to wrap sentences to, or `undefined` not to wrap them. */
  readonly columns: number | undefined;
  readonly style: Style;
}

const LEAST_COLUMNS = 20;
const NAME_COLUMNS = 12;
const MARGIN = "  ";

/** A report for people: what was checked, what is wrong, what could not be known, and last the outcome. */
export function reportOf(report: VerificationReport, options: ReportOptions): string {
  const { columns, style } = options;
  const { faults, faultCount, unknown } = report;
  const lines = factsOf(report, options).map(([name, value]) =>
    `${name.padEnd(NAME_COLUMNS)}${visible(value)}`
  );
  if (faultCount > 0) {
    lines.push(
      "",
      style.bold(
        "Faults (entries, and checkpoints of the log, are counted from 0; those given, from 1):",
      ),
    );
    const beneath = (name: string, text: string) =>
      lines.push(...itemOf(`${MARGIN}${name.padEnd(NAME_COLUMNS)}`, text, columns));
    for (const fault of faults) {
      beneath(fault.kind, fault.message);
      for (const place of placesOf(fault, options)) beneath("", place);
    }
    const more = faultCount - faults.length;
    if (more > 0) beneath("", `and ${more} more`);
  }
  lines.push("", style.bold("What could not be known:"));
  for (const sentence of unknown) {
    lines.push(...itemOf(`${MARGIN}- `, sentence, columns));
    const place = fileOf(sentence, options);
    if (place !== undefined) lines.push(...itemOf(`${MARGIN}  `, place, columns));
  }
  lines.push("", style.bold(outcomeOf(report)), "");
  return lines.join("\n");
}

function factsOf(
  { size, root, checked }: VerificationReport,
  { path, keys }: ReportOptions,
): [name: string, value: string][] {
  const { checkpoints, checkpointsKept, signatures, remembered, tiles, signedAt } = checked;
  const verified = keys === 0
    ? "their signatures not verified"
    : `${signatures} with a signature that was verified`;
  return [
    ["path", path],
    ["entries", `${size}, all read and hashed`],
    ["root", root],
    ["tiles", `${tiles} compared`],
    [
      "checkpoints",
      checkpointsKept === 0
        ? "none in the log"
        : `${checkpoints} of ${checkpointsKept} compared, ${verified}`,
    ],
    [
      "remembered",
      remembered === 0
        ? "none given"
        : `${remembered} compared, ${
          remembered === 1 ? "which covers" : "which cover"
        } ${checked.coveredByRemembered} of ${countedEntries(size)}`,
    ],
    [
      "covered",
      `${checked.covered} of ${countedEntries(size)} by a checkpoint that agrees with the records`,
    ],
    ["last signed", signedAt === undefined ? "not known" : `${signedAt}, as the signer states`],
  ];
}

/** What a fault's message leaves out. */
function placesOf({ entryId, message }: LogFault, options: ReportOptions): string[] {
  const file = fileOf(message, options);
  return [
    ...entryId === undefined ? [] : [`id ${entryId}`],
    ...file === undefined ? [] : [file],
  ];
}

/** The file of the checkpoint that a sentence is about; the library only knows the how manieth it is. */
function fileOf(sentence: string, { kept }: ReportOptions): string | undefined {
  const number = /^The checkpoint (\d+) that was given\b/.exec(sentence)?.[1];
  const place = kept[Number(number) - 1];
  return place === undefined ? undefined : `in ${place}`;
}

function outcomeOf({ ok, faultCount }: VerificationReport): string {
  if (ok) return "No fault was found.";
  return `${counted(faultCount, "fault was", "faults were")} found.`;
}

/** A text behind its head; its further lines stand beneath the first. */
function itemOf(head: string, text: string, columns: number | undefined): string[] {
  const line = visible(text);
  const lines = columns === undefined
    ? [line]
    : wrap(line, Math.max(LEAST_COLUMNS, columns - head.length));
  return lines.map((part, position) =>
    `${position === 0 ? head : " ".repeat(head.length)}${part.trimEnd()}`
  );
}

import type { Command } from "commander";
import type { AuditLog, LogInfo } from "../audit_log.ts";
import { counted, countedEntries } from "../counted.ts";
import { parseCheckpoint } from "../transparency/checkpoint.ts";
import { parseNote } from "../transparency/note.ts";
import { visible, visibleJson } from "./display.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";

/** Adds `audit-log info`. */
export function addInfo(program: Command, host: Host): void {
  addLogOptions(program.command("info"))
    .description(
      "Tell about a log: where it is, how large, its checkpoints, what in it is unreadable.",
    )
    .option("--json", "print JSON")
    .action(async (options: LogOptions & { readonly json?: boolean }) => {
      const log = await openToRead(host, options);
      try {
        const info = { ...await log.info(), checkpoints: await checkpointsOf(log) };
        await host.stdout.write(
          options.json ? asJson(info, host.stdout.isTerminal) : asText(info),
        );
      } finally {
        await log.close();
      }
    });
}

interface Info extends LogInfo {
  readonly checkpoints: Checkpoints;
}

interface Checkpoints {
  readonly count: number;
  /** How many entries the last one covers; nothing where there is none, or it is damaged. */
  readonly lastSize?: number;
}

async function checkpointsOf(log: AuditLog): Promise<Checkpoints> {
  let count = 0;
  let last = "";
  for await (const note of log.checkpoints()) {
    count++;
    last = note;
  }
  try {
    return { count, lastSize: parseCheckpoint(parseNote(last).text).size };
  } catch {
    return { count };
  }
}

function asJson(info: Info, onTerminal: boolean): string {
  const json = JSON.stringify(info);
  return `${onTerminal ? visibleJson(json) : json}\n`;
}

function asText(info: Info): string {
  const { path, backend, driver, formatVersion, bytes, indexBytes, size, unreadable } = info;
  const { count, lastSize } = info.checkpoints;
  const facts: [name: string, value: string | number | undefined][] = [
    ["path", path],
    ["backend", backend],
    ["driver", driver],
    ["format", formatVersion],
    ["entries", size],
    ["bytes", bytes],
    ["index bytes", indexBytes],
    [
      "checkpoints",
      lastSize === undefined ? count : `${count}, the last of ${countedEntries(lastSize)}`,
    ],
  ];
  if (unreadable !== undefined && unreadable.count > 0) {
    facts.push([
      "unreadable",
      `${counted(unreadable.count, "line")}, ${counted(unreadable.bytes, "byte")}`,
    ]);
    for (const { offset, length, reason } of unreadable.first) {
      facts.push(["", `at byte ${offset}, ${counted(length, "byte")} long: ${reason}`]);
    }
  }
  // Its warnings stand on standard error already.
  return facts.filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(12)}${visible(String(value))}\n`).join("");
}

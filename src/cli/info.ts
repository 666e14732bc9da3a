import type { Command } from "commander";
import type { LogInfo } from "../audit_log.ts";
import { visible, visibleJson } from "./display.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";

/** Adds `audit-log info`. */
export function addInfo(program: Command, host: Host): void {
  addLogOptions(program.command("info"))
    .description("Tell about a log: where it is, how large, what in it is unreadable.")
    .option("--json", "print JSON")
    .action(async (options: LogOptions & { readonly json?: boolean }) => {
      const log = await openToRead(host, options);
      try {
        const info = await log.info();
        await host.stdout.write(
          options.json ? asJson(info, host.stdout.isTerminal) : asText(info),
        );
      } finally {
        await log.close();
      }
    });
}

function asJson(info: LogInfo, onTerminal: boolean): string {
  const json = JSON.stringify(info);
  return `${onTerminal ? visibleJson(json) : json}\n`;
}

function asText(info: LogInfo): string {
  const { path, backend, driver, formatVersion, bytes, size, unreadable } = info;
  const facts: [name: string, value: string | number | undefined][] = [
    ["path", path],
    ["backend", backend],
    ["driver", driver],
    ["format", formatVersion],
    ["entries", size],
    ["bytes", bytes],
  ];
  if (unreadable !== undefined && unreadable.count > 0) {
    facts.push(["unreadable", `${unreadable.count} lines, ${unreadable.bytes} bytes`]);
    for (const { offset, length, reason } of unreadable.first) {
      facts.push(["", `at byte ${offset}, ${length} bytes long: ${reason}`]);
    }
  }
  // Its warnings stand on standard error already.
  return facts.filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name.padEnd(12)}${visible(String(value))}\n`).join("");
}

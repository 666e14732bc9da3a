import type { Command } from "commander";
import { noEntry } from "./cli_error.ts";
import type { AuditLog } from "../audit_log.ts";
import type { Host } from "./host.ts";
import { printLines } from "./print_entries.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";

/** Adds `audit-log get`. */
export function addGet(program: Command, host: Host): void {
  addLogOptions(program.command("get"))
    .description("Print the record of one entry, exactly as it is stored.")
    .argument("<entry-id>", "the entry's id")
    .option("--annotations", "then print the records of its annotations, a line each")
    .action(async (entryId: string, options: LogOptions & { annotations?: boolean }) => {
      const log = await openToRead(host, options);
      try {
        const line = await log.line(entryId);
        if (line === undefined) throw noEntry("get", entryId);
        await printLines(host, linesOf(log, entryId, line, options.annotations));
      } finally {
        await log.close();
      }
    });
}

async function* linesOf(
  log: AuditLog,
  entryId: string,
  line: string,
  withAnnotations = false,
): AsyncGenerator<string> {
  yield line;
  if (!withAnnotations) return;
  for (const annotation of (await log.get(entryId, { annotations: true }))!.annotations) {
    yield (await log.line(annotation.entryId))!;
  }
}

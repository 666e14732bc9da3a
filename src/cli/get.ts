import type { Command } from "commander";
import { CliError } from "./cli_error.ts";
import { visibleJson } from "./display.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";

/** Adds `audit-log get`. */
export function addGet(program: Command, host: Host): void {
  addLogOptions(program.command("get"))
    .description("Print the record of one entry, exactly as it is stored.")
    .argument("<entry-id>", "the entry's id")
    .action(async (entryId: string, options: LogOptions) => {
      const log = await openToRead(host, options);
      try {
        const line = await log.line(entryId);
        if (line === undefined) {
          throw new CliError(
            `Cannot get the entry: no entry of the log has the id ${JSON.stringify(entryId)}`,
          );
        }
        await host.stdout.write(`${host.stdout.isTerminal ? visibleJson(line) : line}\n`);
      } finally {
        await log.close();
      }
    });
}

import type { Command } from "commander";
import { gathered, readSigningKeys } from "./key_files.ts";
import type { Host } from "./host.ts";
import { addLogOptions, type LogOptions, openToSign } from "./log_options.ts";
import { makeFiles } from "./new_files.ts";
import { printText } from "./printer.ts";

interface CheckpointOptions extends LogOptions {
  readonly key: readonly string[];
  readonly out?: string;
}

/** Adds `audit-log checkpoint`. */
export function addCheckpoint(program: Command, host: Host): void {
  addLogOptions(program.command("checkpoint"))
    .description("Sign what a log has now, keep the checkpoint in it, and print it.")
    .requiredOption(
      "--key <file>",
      "the file of the private key; repeated with an old and a new one, the key changes",
      gathered,
    )
    .option("--out <file>", "a new file for the checkpoint, in place of standard output")
    .addHelpText("after", DETAILS)
    .action(async (options: CheckpointOptions) => {
      const { out } = options;
      const keys = await readSigningKeys(host, options.key);
      // The file comes first: a name that cannot be used makes no checkpoint.
      await makeFiles(host, out === undefined ? [] : [out], async ([file]) => {
        const log = await openToSign(host, options, keys);
        try {
          const note = await log.checkpoint();
          await (file?.write(note) ?? printText(host.stdout, note));
        } finally {
          await log.close();
        }
      });
    });
}

const DETAILS = `
Keep the checkpoint where whoever can change the log cannot change it: audit-log verify --checkpoint FILE then
shows whether anything that it covers was altered or removed since.

Examples:
  audit-log checkpoint --log audit.db --key audit.key --out /mnt/elsewhere/2026-01-31.txt
  audit-log checkpoint --log audit.db --key old.key --key new.key    the key changes`;

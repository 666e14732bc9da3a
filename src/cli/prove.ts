import type { Command } from "commander";
import type { AuditLog } from "../audit_log.ts";
import { AuditLogError } from "../errors.ts";
import { CliError, noEntry } from "./cli_error.ts";
import type { Host } from "./host.ts";
import { gathered, readSigningKeys } from "./key_files.ts";
import { addLogOptions, type LogOptions, openToRead, openToSign } from "./log_options.ts";
import { makeFiles } from "./new_files.ts";
import { printText } from "./printer.ts";

interface ProveOptions extends LogOptions {
  readonly key?: readonly string[];
  readonly out?: string;
  readonly record?: string;
}

/** Adds `audit-log prove`. */
export function addProve(program: Command, host: Host): void {
  addLogOptions(program.command("prove"))
    .description(
      "Print a proof that an entry is in a log, for somebody who has the entry's line and no log.",
    )
    .argument("<entry-id>", "the entry's id")
    .option(
      "--key <file>",
      "the file of the private key, to sign a checkpoint if none covers the entry yet",
      gathered,
    )
    .option("--out <file>", "a new file for the proof, in place of standard output")
    .option("--record <file>", "a new file for the entry's line, which goes with the proof")
    .addHelpText("after", DETAILS)
    .action(async (entryId: string, options: ProveOptions) => {
      const { key, out, record } = options;
      const keys = await readSigningKeys(host, key ?? []);
      const paths = [out, record].filter((path) => path !== undefined);
      await makeFiles(host, paths, async (files) => {
        const log = keys.length === 0
          ? await openToRead(host, options)
          : await openToSign(host, options, keys);
        try {
          const proof = await proofOf(log, entryId);
          // The line's own bytes, without a newline: these are what was hashed.
          if (record !== undefined) await files.at(-1)!.write((await log.line(entryId))!);
          await (out === undefined ? printText(host.stdout, proof) : files[0]!.write(proof));
        } finally {
          await log.close();
        }
      });
    });
}

const DETAILS = `
Whoever gets the proof needs the entry's line too, and the log's verifier key from a source that they trust:
audit-log verify-proof. The line holds the whole entry, the texts included.

Example:
  audit-log prove 01980c2e-7c2a-7d31-9f04-6b1d2a3c4e5f --log audit.db --record entry.json --out entry.tlog-proof`;

async function proofOf(log: AuditLog, entryId: string): Promise<string> {
  try {
    return await log.prove(entryId);
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error;
    if (error.code === "ENTRY_NOT_FOUND") throw noEntry("prove", entryId);
    if (error.code !== "NO_CHECKPOINT") throw error;
    throw new CliError(
      "Cannot prove the entry: no checkpoint covers it yet; make one with audit-log checkpoint, or give --key",
      { cause: error },
    );
  }
}

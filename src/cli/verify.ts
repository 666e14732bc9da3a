import type { Command } from "commander";
import type { AuditLog } from "../audit_log.ts";
import type { VerificationReport } from "../transparency/report.ts";
import { type KeptNote, readCheckpoints } from "./checkpoint_files.ts";
import { CliError } from "./cli_error.ts";
import { visibleJson } from "./display.ts";
import { DONE, FAULTY, type Host } from "./host.ts";
import { gathered, readVerifierKeys } from "./key_files.ts";
import { addLogOptions, type LogOptions, openToRead } from "./log_options.ts";
import { startProgress } from "./progress.ts";
import { styleOf } from "./style.ts";
import { reportOf } from "./verify_report.ts";

interface VerifyOptions extends LogOptions {
  readonly verifierKey?: readonly string[];
  readonly checkpoint?: readonly string[];
  readonly strict?: boolean;
  readonly json?: boolean;
}

/** Adds `audit-log verify`. */
export function addVerify(program: Command, host: Host): void {
  addLogOptions(program.command("verify"))
    .description(
      "Verify a log: read it whole, and compare it with what was signed and remembered of it.",
    )
    .option(
      "--verifier-key <key>",
      "the log's verifier key, or a file that holds it; repeated if the key was changed",
      gathered,
    )
    .option(
      "--checkpoint <file...>",
      "checkpoints that were kept elsewhere: in each file one, or many with an empty line after each",
    )
    .option(
      "--strict",
      "for scripts: refuse to verify without a verifier key and a checkpoint that was kept elsewhere",
    )
    .option("--json", "print the report as JSON, on one line")
    .addHelpText("after", DETAILS)
    .action(async (options: VerifyOptions) => {
      // First, so that nobody waits for the log to learn of a misspelt name.
      const keys = await readVerifierKeys(host, options.verifierKey ?? []);
      const kept = await readCheckpoints(host, options.checkpoint ?? [], keys);
      if (options.strict) checkGiven(keys, kept);
      const log = await openToRead(host, options);
      try {
        if (options.strict) checkCovering(kept, log.size);
        const report = await verified(host, log, keys, kept.map(({ note }) => note));
        // Before anything is printed: a reader that goes away shall not turn faults into success.
        host.end(report.ok ? DONE : FAULTY);
        await host.stdout.write(
          options.json ? asJson(report, host.stdout.isTerminal) : reportOf(report, {
            path: options.log,
            keys: keys.length,
            kept: kept.map(({ place }) => place),
            columns: host.stdout.columns,
            style: styleOf(host.stdout),
          }),
        );
      } finally {
        await log.close();
      }
    });
}

const DETAILS = `
Without a verifier key, signatures are not verified. Without a checkpoint that was kept elsewhere, nobody can see
that the end was cut off, or that all was replaced. The report says what could not be known. With --strict, neither
may be missing, nor may all of those checkpoints be of a log that was empty: then the status 0 means that all up to
the newest of them is as it was signed.

Exit status: 0 no fault found, 1 faults found, 2 could not verify.

Examples:
  audit-log verify --log audit.db --verifier-key acme.example/chat+6d21c6f1+Aaz... --checkpoint kept.txt
  audit-log verify --log audit.db --verifier-key log.pub --checkpoint kept/*.txt --strict
  audit-log verify --log audit.db --json | jq '.faults[].message'`;

/**
 * Makes sure that there is what a log can be held against: without it, one passes that was cut, or rewritten.
 *
 * @throws {CliError}
 */
function checkGiven(keys: readonly string[], kept: readonly KeptNote[]): void {
  const missing = [
    ...keys.length === 0 ? ["the log's verifier key, by --verifier-key"] : [],
    ...kept.length === 0 ? ["a checkpoint that was kept elsewhere, by --checkpoint"] : [],
  ];
  if (missing.length === 0) return;
  throw new CliError(`Cannot verify as --strict demands: give ${missing.join(", and ")}`);
}

/**
 * Makes sure that not all checkpoints are of a log without entries, with which any log agrees.
 *
 * @throws {CliError}
 */
function checkCovering(kept: readonly KeptNote[], size: number): void {
  if (size === 0 || kept.some((one) => one.size > 0)) return;
  throw new CliError(
    `Cannot verify as --strict demands: no checkpoint that was given covers an entry, and the log has ${size}; give a ` +
      "newer one",
  );
}

async function verified(
  host: Host,
  log: AuditLog,
  verifierKey: readonly string[],
  checkpoint: readonly string[],
): Promise<VerificationReport> {
  const progress = startProgress(host, "verifying", log.size);
  try {
    return await log.verify({
      verifierKey,
      checkpoint,
      onProgress: (done) => progress.update(done, done),
    });
  } finally {
    progress.stop();
  }
}

function asJson(report: VerificationReport, onTerminal: boolean): string {
  const json = JSON.stringify(report);
  return `${onTerminal ? visibleJson(json) : json}\n`;
}

import type { Command } from "commander";
import { AuditLogError } from "../errors.ts";
import { verifyProof } from "../transparency/verify_proof.ts";
import { visible } from "./display.ts";
import { FAULTY, type Host } from "./host.ts";
import { gathered, readVerifierKeys } from "./key_files.ts";
import { readText, readWhole } from "./source.ts";

/** The largest proof, bytes: its checkpoint has at most a million. */
const MOST_PROOF_BYTES = 1024 * 1024;
/** The largest record of a log, bytes. */
const MOST_RECORD_BYTES = 256 * 1024 * 1024;

interface VerifyProofOptions {
  readonly record: string;
  readonly verifierKey: readonly string[];
}

/** Adds `audit-log verify-proof`. */
export function addVerifyProof(program: Command, host: Host): void {
  program.command("verify-proof")
    .description(
      "Verify that a log has an entry, with its line, a proof and the log's verifier key; needs no log.",
    )
    .argument("<proof>", "the file of the proof; - for standard input")
    .requiredOption("--record <file>", "the file of the entry's line, without a newline at its end")
    .requiredOption(
      "--verifier-key <key>",
      "the log's verifier key, or a file that holds it; from a source that is trusted",
      gathered,
    )
    .addHelpText("after", DETAILS)
    .action(async (path: string, options: VerifyProofOptions) => {
      const verifierKey = await readVerifierKeys(host, options.verifierKey);
      const proof = await readText(host, path, MOST_PROOF_BYTES);
      const record = await readWhole(host, options.record, MOST_RECORD_BYTES);
      try {
        const { origin, index, size } = await verifyProof({ record, proof, verifierKey });
        await host.stdout.write(`verified: entry ${index} of ${size}, ${visible(origin)}\n`);
      } catch (error) {
        if (!(error instanceof AuditLogError) || error.code !== "NOT_VERIFIED") throw error;
        host.end(FAULTY);
        await host.stderr.write(`audit-log: ${visible(error.message)}\n`);
      }
    });
}

const DETAILS = `
Exit status: 0 verified, 1 not verified, 2 could not verify: something is malformed or cannot be read.

Examples:
  audit-log verify-proof entry.tlog-proof --record entry.json --verifier-key log.pub
  audit-log get ID --log audit.db | tr -d '\\n' | audit-log verify-proof entry.tlog-proof --record - ...`;

import type { Command } from "commander";
import { signerFrom } from "../transparency/keys.ts";
import type { Host } from "./host.ts";
import { readSigningKeys } from "./key_files.ts";

/** Adds `audit-log verifier-key`. */
export function addVerifierKey(program: Command, host: Host): void {
  program.command("verifier-key")
    .description("Print the key that verifies what a private key signs.")
    .argument("<key-file>", "the file of the private key, or - for standard input")
    .addHelpText("after", DETAILS)
    .action(async (path: string) => {
      const [signingKey] = await readSigningKeys(host, [path]);
      const { verifierKey } = await signerFrom(signingKey!);
      await host.stdout.write(`${verifierKey}\n`);
    });
}

const DETAILS = `
The verifier key is public: whoever is to check the log needs it. keygen prints it, too, when it makes the key.

Example:
  audit-log verifier-key audit.key > audit.pub`;

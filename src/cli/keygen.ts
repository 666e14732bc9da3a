import type { Command } from "commander";
import { generateSigningKey } from "../transparency/keys.ts";
import { visible } from "./display.ts";
import { DONE, FAILED, type Host } from "./host.ts";
import { makeFiles } from "./new_files.ts";

/** Adds `audit-log keygen`. */
export function addKeygen(program: Command, host: Host): void {
  program.command("keygen")
    .description(
      "Make a key to sign a log's checkpoints with, and print the key that verifies them.",
    )
    .argument(
      "<name>",
      "the key's name, and the log's: a URL without its scheme, below a domain of yours",
    )
    .requiredOption(
      "--out <file>",
      "a new file for the private key, for its owner alone; on Windows, for all who may read its folder",
    )
    .option("--public <file>", "a new file for the verifier key, which is printed otherwise")
    .addHelpText("after", DETAILS)
    .action(async (name: string, files: KeyFiles) => {
      const { out, public: kept } = files;
      const { signingKey, verifierKey } = await generateSigningKey(name);
      const paths = kept === undefined ? [out] : [out, kept];
      await makeFiles(host, paths, async ([file, verifierFile]) => {
        await file!.write(`${signingKey}\n`);
        // A private key whose verifier key nobody got is of no use; the file goes, also when a reader has gone away.
        host.end(FAILED);
        await (verifierFile ?? host.stdout).write(`${verifierKey}\n`);
      });
      host.end(DONE);
      if (host.stderr.isTerminal) await host.stderr.write(adviceOn(name, files));
    });
}

/** Where the keys go. */
interface KeyFiles {
  readonly out: string;
  readonly public?: string;
}

const DETAILS = `
The private key is never printed. The verifier key is public: whoever is to check the log needs it. verifier-key
prints it again.

Example:
  audit-log keygen acme.example/chat --out audit.key --public audit.pub`;

function adviceOn(name: string, { out, public: kept }: KeyFiles): string {
  const verifierKey = kept === undefined
    ? "The line above is the verifier key"
    : `The verifier key is in ${kept}`;
  return visible(
    `${verifierKey}: give it to whoever is to check the log. The private key is in ${out}: ` +
      `whoever has it can sign as ${name}; keep it, and a copy of it, where the log is not.`,
  ) + "\n";
}

/**
 * The command `audit-log`.
 *
 * A new command is one file that adds itself to the program, and one line in `COMMANDS`.
 *
 * @module
 */
import { Command, CommanderError } from "commander";
import { AuditLogError } from "../errors.ts";
import { addCheckpoint } from "./checkpoint.ts";
import { CliError } from "./cli_error.ts";
import { visible, visiblePage } from "./display.ts";
import { addGet } from "./get.ts";
import { DONE, FAILED, type Host } from "./host.ts";
import { addImport } from "./import.ts";
import { addInfo } from "./info.ts";
import { gathered } from "./key_files.ts";
import { addKeygen } from "./keygen.ts";
import { addProve } from "./prove.ts";
import { addQuery } from "./query.ts";
import { parseMetadata } from "./query_options.ts";
import { addStats } from "./stats.ts";
import { addUnfinished } from "./unfinished.ts";
import { addVerifierKey } from "./verifier_key.ts";
import { addVerify } from "./verify.ts";
import { addVerifyProof } from "./verify_proof.ts";
import { VERSION } from "../version.ts";

/** Adds one command to the program. */
export type AddCommand = (program: Command, host: Host) => void;

const COMMANDS: readonly AddCommand[] = [
  addImport,
  addQuery,
  addGet,
  addUnfinished,
  addStats,
  addInfo,
  addKeygen,
  addVerifierKey,
  addCheckpoint,
  addVerify,
  addProve,
  addVerifyProof,
];

/**
 * Runs the command and sets the exit status: 0, all was done, and what was checked is intact; 1, a part was done, or
 * what was checked is not intact; 2, it could not be done or checked, or was not understood.
 */
export async function main(host: Host): Promise<void> {
  try {
    await run(host);
  } catch (error) {
    // Whoever reads our output has seen enough, as in `audit-log query ... | head`.
    if (isBrokenPipe(error)) return;
    host.end(FAILED);
    // Nobody is left to be told when this fails too.
    await host.stderr.write(`audit-log: ${withoutSecrets(messageOf(error))}\n`).catch(() => {});
  }
}

async function run(host: Host): Promise<void> {
  let out = "";
  let err = "";
  const program = new Command("audit-log")
    .description("Import, query, sign and verify an append-only log of LLM interactions.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this help")
    .helpCommand("help [command]", "print the help of a command")
    .exitOverride()
    .showHelpAfterError("(--help tells more)")
    .configureOutput({
      writeOut: (text) => out += text,
      writeErr: (text) => err += text,
      outputError: (text, write) => write(`audit-log: ${withHint(text.replace(/^error: /, ""))}`),
      getOutHelpWidth: () => host.stdout.columns ?? 100,
      getErrHelpWidth: () => host.stderr.columns ?? 100,
    })
    .addHelpText("after", EPILOGUE);
  for (const add of COMMANDS) add(program, host);
  program.commands.forEach(requireLast);
  program.commands.forEach(refuseRepeated);
  try {
    await program.parseAsync([...host.args], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    host.end(error.exitCode === 0 ? DONE : FAILED);
  }
  if (err !== "") await host.stderr.write(withoutSecrets(visiblePage(err)));
  if (out !== "") await host.stdout.write(out);
}

const EPILOGUE = `
Examples:
  audit-log import interactions.jsonl --log audit.db
  audit-log query --log audit.db --user alice --since 2h
  audit-log query --log audit.db --json | jq .model
  audit-log stats --log audit.db --by user --since 1d
  audit-log keygen acme.example/chat --out audit.key
  audit-log checkpoint --log audit.db --key audit.key --out kept.txt
  audit-log verify --log audit.db --verifier-key KEY --checkpoint kept.txt

Exit status: 0 done, and what was checked is intact; 1 done in part, or not intact; 2 not done.`;

/** Has what is missing told after what is not known: an option that is needed may just be misspelt. */
function requireLast(command: Command): void {
  const required = command.options.filter(({ mandatory }) => mandatory);
  for (const option of required) option.mandatory = false;
  command.hook("preAction", () => {
    const missing = required.find((option) =>
      command.getOptionValue(option.attributeName()) === undefined
    );
    if (missing === undefined) return;
    command.error(`error: required option '${missing.flags}' not specified`);
  });
}

/** What reads the options that may be repeated. */
const REPEATED: ReadonlySet<unknown> = new Set<unknown>([gathered, parseMetadata]);

/** Refuses an option that is given twice, of which the last would count: who sums two users must not get the sum of one. */
function refuseRepeated(command: Command): void {
  const single = command.options.filter(({ required, variadic, parseArg }) =>
    required && !variadic && !REPEATED.has(parseArg)
  );
  for (const option of single) {
    let isGiven = false;
    command.on(`option:${option.name()}`, () => {
      if (isGiven) {
        command.error(`error: option '${option.flags}' is given twice, and takes one value`);
      }
      isGiven = true;
    });
  }
}

/** How to give what a command needs. */
const HINTS: Readonly<Record<string, string>> = {
  "entry-id": "audit-log query --json tells the ids",
  "key-file": "give the file that audit-log keygen made",
  "file": "give a file with one JSON object a line, or - for standard input",
  "name": "give the log's name, as in acme.example/chat",
  "proof": "give the file that audit-log prove made",
  "--key <file>": "give the file that audit-log keygen made",
  "--log <path>": "give the log's file, as in --log audit.db",
  "--out <file>": "name a new file, as in --out audit.key",
  "--record <file>": "give the file that audit-log prove --record made",
  "--verifier-key <key>": "give the key that audit-log keygen printed",
};

/** Whoever leaves out what is needed learns how it is given. */
function withHint(text: string): string {
  return text.replace(
    /^(?:missing required argument|required option) '([^']+)'(?: not specified)?/,
    (what, name: string) => HINTS[name] === undefined ? what : `${what}; ${HINTS[name]}`,
  );
}

/** What people get to read. A stack is for errors that nobody foresaw. */
function messageOf(error: unknown): string {
  if (error instanceof AuditLogError || error instanceof CliError) return visible(error.message);
  const stack = error instanceof Error ? error.stack ?? error.message : String(error);
  return visiblePage(`unexpected error, please report it: ${stack}`);
}

/** An argument that a message repeats may be a signing key, which somebody gave where it does not belong. */
function withoutSecrets(text: string): string {
  return text.replace(/PRIVATE\+KEY\+(?:[^\s;]|;\S)\S*/g, "PRIVATE+KEY+…");
}

function isBrokenPipe(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === "EPIPE";
}

/**
 * Keys that are given on the command line.
 *
 * No message here shows anything of a signing key, whatever it was given for.
 *
 * @module
 */
import { stateOf } from "../transparency/failure.ts";
import { readVerifierKey, signerFrom } from "../transparency/keys.ts";
import { CliError } from "./cli_error.ts";
import type { Host } from "./host.ts";
import { nameOf, readText } from "./source.ts";

/** The largest file of a key, bytes: one with the longest name has some 330. */
const MOST_BYTES = 4096;
const PRIVATE = "PRIVATE+KEY+";
/** What is meant as a verifier key, and not as the name of a file. */
const VERIFIER_KEY = /^[^+]+\+[0-9a-fA-F]{8}\+[\w+/=-]+$/;

/** For options that may be repeated. */
export function gathered(value: string, others: readonly string[] = []): readonly string[] {
  return [...others, value];
}

/**
 * Reads the files of signing keys.
 *
 * @throws {CliError} When one cannot be read or is none.
 */
export async function readSigningKeys(
  host: Host,
  paths: readonly string[],
): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const path of paths) {
    if (path.includes(PRIVATE)) {
      throw new CliError(
        "Cannot use the signing key: give the name of a file that holds it, not the key itself. " +
          "Arguments can be seen by others on this machine: take the key for known to them",
      );
    }
    keys.push(await readKey(host, path, "signing key", signerFrom));
  }
  return unlike(keys);
}

/**
 * Reads verifier keys: each is given itself, or as the name of a file that holds it.
 *
 * @throws {CliError} When one is none.
 */
export async function readVerifierKeys(
  host: Host,
  given: readonly string[],
): Promise<readonly string[]> {
  const keys: string[] = [];
  for (const text of given) keys.push(await verifierKeyOf(host, text));
  return unlike(keys);
}

async function verifierKeyOf(host: Host, text: string): Promise<string> {
  if (text.includes(PRIVATE)) {
    throw new CliError(
      "Cannot use the verifier key: it is a signing key, which is a secret; give the verifier key that " +
        "belongs to it. Arguments can be seen by others on this machine: take the key for known to them",
    );
  }
  // As of a variable that is not set.
  if (text === "") throw new CliError("Cannot use the verifier key: it is empty");
  // First of all, so that nobody can put a file in a key's place.
  if (VERIFIER_KEY.test(text)) return await checked(text, "verifier key", "", readVerifierKey);
  if (text === "-" || !await isMissing(host, text)) {
    return await readKey(host, text, "verifier key", readVerifierKey);
  }
  // It was meant as a key, and the library says what is wrong with it.
  if (text.includes("+")) return await checked(text, "verifier key", "", readVerifierKey);
  throw new CliError(
    `Cannot use the verifier key ${text}: it is neither a key, name+id+base64, nor a file that is there`,
  );
}

/** Reads a key from its file, in which a newline may follow it. */
async function readKey(
  host: Host,
  path: string,
  kind: string,
  check: (key: string) => Promise<unknown>,
): Promise<string> {
  const key = (await readText(host, path, MOST_BYTES)).replace(/\r?\n$/, "");
  return await checked(key, kind, ` in ${nameOf(path)}`, check);
}

async function checked(
  key: string,
  kind: string,
  where: string,
  check: (key: string) => Promise<unknown>,
): Promise<string> {
  try {
    await check(key);
    return key;
  } catch (error) {
    const state = stateOf(error);
    if (state === undefined) throw error;
    throw new CliError(`Cannot use the ${kind}${where}: ${state}`, { cause: error });
  }
}

/** A path that may not be looked at is left to be read, which tells why. */
async function isMissing(host: Host, path: string): Promise<boolean> {
  try {
    return await host.runtime.file.stat(path) === undefined;
  } catch {
    return false;
  }
}

/** The library refuses a key that is given twice; here it may stand in two files. */
function unlike(keys: readonly string[]): readonly string[] {
  return [...new Set(keys)];
}

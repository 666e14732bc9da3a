/**
 * The programs that are not ours: which are missing, building those in Go, and running them.
 *
 * @module
 */

import { mustRun, run, type RunOptions } from "../../lib/process.ts";
import { pathOf } from "../../lib/project.ts";

/** What is needed beside the runtimes, in Debian's packages. */
const PACKAGES = "golang-go golang-golang-x-mod-dev openssl sqlite3";

/** As `tests/interop/README.md` says; whatever else is set for Go must not lead it onto the network. */
const GO_ENV = {
  GO111MODULE: "off",
  GOPATH: "/usr/share/gocode",
  GOFLAGS: "",
  GOTOOLCHAIN: "local",
  CGO_ENABLED: "0",
};
const GO_PACKAGES = ["golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"];

/** The programs in Go of `tests/interop/`, built. */
export interface GoPrograms {
  /** The path of the one that verifies. */
  verifier: string;
  /** The path of the one that makes keys and signs. */
  signer: string;
}

/** Why logs cannot be checked here, if so. */
export async function whatIsMissing(): Promise<string | undefined> {
  const succeeds = async (...command: string[]) => (await run(command, { env: GO_ENV })).code === 0;
  const missing: string[] = [];
  if (!await succeeds("go", "version")) missing.push("go");
  else if (!await succeeds("go", "list", ...GO_PACKAGES)) missing.push("golang.org/x/mod");
  // Before 3, and in LibreSSL, it cannot verify Ed25519.
  if (!/^OpenSSL ([3-9]|\d\d)/.test((await run(["openssl", "version"])).stdout)) {
    missing.push("openssl 3 or later");
  }
  if (!await succeeds("sqlite3", "--version")) missing.push("sqlite3");
  if (missing.length === 0) return undefined;
  return `missing are ${missing.join(", ")}; on Debian: apt-get install ${PACKAGES}`;
}

/** Builds the programs in Go into a folder. */
export async function buildGoPrograms(folder: string): Promise<GoPrograms> {
  const sources = ["./tests/interop/verifier", "./tests/interop/signer"];
  await mustRun(["go", "build", "-o", `${folder}/`, ...sources], { cwd: pathOf(""), env: GO_ENV });
  return { verifier: `${folder}/verifier`, signer: `${folder}/signer` };
}

/** Runs a program that must end with a code; returns what it printed. */
export async function runExpecting(
  expected: number,
  command: string[],
  options: RunOptions = {},
): Promise<{ stdout: string; output: string }> {
  const { code, stdout, output } = await run(command, options);
  if (code === expected) return { stdout, output };
  throw new Error(`${command.join(" ")}\nended with code ${code}, not ${expected}:\n${output}`);
}

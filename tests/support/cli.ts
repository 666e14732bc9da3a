/**
 * Running the command `audit-log`, on the runtime that the tests run on, from source or from the installed npm package:
 * as users do, as a process of its own, without and with a terminal; or within the process of the tests, which is many
 * times as fast.
 *
 * @module
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Host, Output } from "../../src/cli/host.ts";
import type { ChildResult } from "./child.ts";
import { Gathering } from "./notes.ts";
import { currentRuntime } from "./runtime.ts";

/** The folder that holds `tests/`. */
const root = new URL("../../", import.meta.url);

/** What the tests are about: the source, or the package in `node_modules`. */
function findCommand(): { module: string; version: string } {
  const read = (url: URL) => JSON.parse(readFileSync(url, "utf8"));
  const source = new URL("cli.ts", root);
  if (existsSync(source)) {
    const { version }: { version: string } = read(new URL("deno.json", root));
    return { module: fileURLToPath(source), version };
  }
  const folder = new URL("node_modules/@audit-log/llm/", root);
  const { version, bin }: { version: string; bin: Record<string, string> } = read(
    new URL("package.json", folder),
  );
  return { module: fileURLToPath(new URL(bin["audit-log"]!, folder)), version };
}

const { module, version } = findCommand();

/** The version that the package says it has. */
export const packageVersion: string = version;

/** The command line that runs `audit-log` with these arguments. */
export function cliCommand(...args: string[]): string[] {
  const run = "Deno" in globalThis ? ["run", "-A", "--quiet"] : [];
  return [process.execPath, ...run, module, ...args];
}

/** How to run it. */
export interface CliOptions {
  /** What it gets on standard input; nothing, unless given. */
  input?: string | Uint8Array;
  cwd?: string;
}

/** How to run it as a process of its own. */
export interface CliProcessOptions extends CliOptions {
  env?: Record<string, string>;
}

/** Runs `audit-log` without a terminal, as a process of its own. */
export function cliProcess(
  args: readonly string[],
  options: CliProcessOptions = {},
): Promise<ChildResult> {
  return run(cliCommand(...args), options);
}

const main = new URL(`src/cli/main.${module.endsWith(".ts") ? "ts" : "js"}`, pathToFileURL(module));

/** Runs `audit-log` without a terminal, within this process. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<ChildResult> {
  return runHere(args, options, {});
}

/** Starts `audit-log` without a terminal, within this process, to hear the lines that it prints before it ends. */
export function cliHere(
  args: readonly string[],
): { readonly lines: Gathering<string>; readonly ended: Promise<ChildResult> } {
  const lines = new Gathering<string>();
  let unfinished = "";
  const ended = runHere(args, {}, {
    onWritten(stream, text) {
      if (stream === "stderr") return;
      const complete = (unfinished + text).split("\n");
      unfinished = complete.pop()!;
      complete.forEach(lines.add);
    },
  });
  return { lines, ended };
}

/** What stands on a terminal, of 100 columns unless told and without styles, after `audit-log` ran within this process. */
export async function cliScreen(
  args: readonly string[],
  { columns = 100, redraws = true }: { columns?: number; redraws?: boolean } = {},
): Promise<{ code: number | null; screen: string }> {
  let screen = "";
  const { code } = await runHere(args, {}, {
    terminal: { isTerminal: true, redraws, styles: false, columns },
    onWritten: (_, text) => screen += text.replaceAll("\n", "\r\n"),
  });
  return { code, screen };
}

const NO_TERMINAL = { isTerminal: false, redraws: false, styles: false, columns: undefined };

async function runHere(
  args: readonly string[],
  { input = "", cwd = process.cwd() }: CliOptions,
  { terminal = NO_TERMINAL, onWritten = () => {} }: {
    readonly terminal?: Omit<Output, "write">;
    readonly onWritten?: (stream: "stdout" | "stderr", text: string) => void;
  },
): Promise<ChildResult> {
  const command: { main(host: Host): Promise<void> } = await import(main.href);
  const result = { code: 0, stdout: "", stderr: "" };
  const outputTo = (stream: "stdout" | "stderr"): Output => ({
    ...terminal,
    write(text): Promise<void> {
      result[stream] += text;
      onWritten(stream, text);
      return Promise.resolve();
    },
  });
  const before = process.cwd();
  process.chdir(cwd);
  try {
    await command.main({
      args,
      runtime: await currentRuntime(),
      stdout: outputTo("stdout"),
      stderr: outputTo("stderr"),
      async *stdin() {
        yield typeof input === "string" ? new TextEncoder().encode(input) : input;
      },
      end(status): void {
        result.code = status;
      },
    });
  } finally {
    process.chdir(before);
  }
  return result;
}

/** Runs `audit-log` and closes its standard output after the first bytes, as `| head -c 1` does; then tells that it did. */
export function cliCutShort(
  args: readonly string[],
  onCut: () => void = () => {},
): Promise<ChildResult> {
  return run(cliCommand(...args), {}, onCut);
}

function run(
  command: readonly string[],
  { input = "", cwd, env = {} }: CliProcessOptions,
  onCut?: () => void,
): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program!, args, { cwd, env: { ...process.env, ...env } });
    const result: ChildResult = { code: null, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      result.stdout += text;
      if (onCut !== undefined) {
        child.stdout.destroy();
        onCut();
      }
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => result.stderr += text);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...result, code }));
    // A program that stops early does not read it all.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** Why there can be no terminal here, if so: `script` of util-linux makes one. */
export const noTerminal: string | undefined = (() => {
  const { stdout } = spawnSync("script", ["--version"], { encoding: "utf8" });
  return stdout?.includes("util-linux") ? undefined : "the program script of util-linux is missing";
})();

/** The command line that runs `audit-log` on a terminal. What it gets on standard input is typed there. */
export function terminalCommand(args: readonly string[], columns = 100): string[] {
  const quoted = cliCommand(...args).map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["script", "-qec", `stty cols ${columns} rows 40; exec ${quoted}`, "/dev/null"];
}

/** What stands on a terminal, of 100 columns unless told, after `audit-log` ran on it, escape sequences included. */
export async function cliOnTerminal(
  args: readonly string[],
  { columns, ...options }: CliProcessOptions & { columns?: number } = {},
): Promise<{ code: number | null; screen: string }> {
  const env = { TERM: "xterm-256color", NO_COLOR: "", ...options.env };
  const { code, stdout } = await run(terminalCommand(args, columns), { ...options, env });
  return { code, screen: stdout };
}

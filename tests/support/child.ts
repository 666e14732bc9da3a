/**
 * Other processes of the runtime that the tests run on.
 *
 * @module
 */

import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** How a process ended. */
export interface ChildResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, with more in its environment. */
export function runProgram(
  command: readonly string[],
  env: Record<string, string> = {},
): Promise<ChildResult> {
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const result: ChildResult = { code: null, stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => result.stdout += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => result.stderr += text);
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...result, code }));
  });
}

/** The command that runs a script of this folder on the present runtime. */
export function scriptCommand(script: string, ...args: string[]): string[] {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const run = "Deno" in globalThis ? ["run", "-A", "--quiet"] : [];
  return [process.execPath, ...run, path, ...args];
}

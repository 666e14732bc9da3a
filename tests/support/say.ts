/**
 * What a child process tells its parent, and how the parent listens.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { writeSync } from "node:fs";
import { scriptCommand } from "./child.ts";
import { Gathering } from "./notes.ts";

/** Prints a line at once, past all buffers of the runtime, which a kill would take. */
export function say(line: string): void {
  const bytes = new TextEncoder().encode(`${line}\n`);
  for (let written = 0; written < bytes.length;) {
    try {
      written += writeSync(1, bytes, written);
    } catch (error) {
      if ((error as { code?: unknown }).code !== "EAGAIN") throw error;
      block(1); // the pipe is full, and does not wait by itself
    }
  }
}

/** Keeps the thread from doing anything, for ever or so many milliseconds. */
export function block(milliseconds?: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

/** A child process that is listened to. */
export interface Speaker {
  /** The complete lines that it printed. */
  readonly lines: Gathering<string>;
  /** Sends it a line. */
  tell(line: string): void;
  /** Kills it with SIGKILL, unless it has ended. */
  kill(): void;
  /** Sends it what Ctrl-C does. */
  interrupt(): void;
  /** Resolves when it has ended and all that it printed is there. */
  readonly ended: Promise<Ending>;
}

/** How a {@link Speaker} ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderr: string;
}

/** Starts a script of this folder on the present runtime. */
export function startSpeaker(script: string, ...args: string[]): Speaker {
  return listenTo(scriptCommand(script, ...args));
}

/** Starts a program. */
export function listenTo(command: readonly string[]): Speaker {
  const [program, ...rest] = command;
  const child = spawn(program!, rest, { stdio: ["pipe", "pipe", "pipe"] });
  const lines = new Gathering<string>();
  let unfinished = "";
  let stderr = "";
  child.stdin.on("error", () => {}); // it may have ended
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const complete = (unfinished + text).split("\n");
    unfinished = complete.pop()!;
    complete.forEach(lines.add);
  });
  return {
    lines,
    tell: (line) => child.stdin.write(`${line}\n`),
    kill: () => child.kill("SIGKILL"),
    interrupt: () => child.kill("SIGINT"),
    ended: new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => resolve({ code, signal, stderr }));
    }),
  };
}

#!/usr/bin/env -S deno run -A
/**
 * The command `audit-log`: what its code in `src/cli/` asks of a process, provided by this one.
 *
 * @module
 */
import process from "node:process";
import { fileError } from "./src/cli/file_error.ts";
import type { Host, Output } from "./src/cli/host.ts";
import { main } from "./src/cli/main.ts";
import type { Runtime } from "./src/ports.ts";

/** A reader that went away is reported to whom writes; nobody else needs to hear of it. */
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const host: Host = {
  args: process.argv.slice(2),
  runtime: await runtimeHere(),
  stdout: outputOf(process.stdout, "standard output"),
  stderr: outputOf(process.stderr, "standard error"),
  stdin: () => process.stdin,
  end: (status) => {
    process.exitCode = status;
  },
};

await main(host);

async function runtimeHere(): Promise<Runtime> {
  if ("Deno" in globalThis) return (await import("./adapters/deno/mod.ts")).runtime;
  if ("Bun" in globalThis) return (await import("./adapters/bun/mod.ts")).runtime;
  hideSqliteWarning();
  return (await import("./adapters/node/mod.ts")).runtime;
}

/** Node 22 and 24 warn, whenever it is loaded, that `node:sqlite` may still change. */
function hideSqliteWarning(): void {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]): void => {
    if (String(warning).startsWith("SQLite is an experimental feature")) return;
    Reflect.apply(emitWarning, process, [warning, ...rest]);
  };
}

function outputOf(stream: typeof process.stdout | typeof process.stderr, name: string): Output {
  const isTerminal = stream.isTTY === true;
  const redraws = isTerminal && process.env.TERM !== "dumb";
  return {
    isTerminal,
    redraws,
    styles: redraws && (process.env.NO_COLOR ?? "") === "",
    get columns() {
      return isTerminal ? stream.columns || undefined : undefined; // some terminals say 0
    },
    write: async (text) => {
      try {
        await new Promise<void>((resolve, reject) => {
          stream.write(text, (error) => error ? reject(error) : resolve());
        });
      } catch (error) {
        const { code } = error as { code?: unknown };
        // EOF is what Windows may say of a reader that went away.
        if (code !== "EPIPE" && code !== "EOF") throw fileError(`write to ${name}`, error);
        // That is for the command to know.
        throw Object.assign(new Error("nobody reads any longer"), { code: "EPIPE", cause: error });
      }
    },
  };
}

/**
 * Finding the runtimes: the one on the machine if it is new enough, else the one that npm serves.
 *
 * @module
 */

import { run } from "./process.ts";

/** A runtime that was found. */
export interface Runtime {
  name: "deno" | "bun" | "node";
  /** The path of its program. */
  program: string;
  version: string;
}

interface Wanted {
  /** The oldest version that can run the tests. */
  least: string;
  /** What npm installs in its place: package and version. */
  fromNpm: string;
  /** A program of one line that prints where the runtime lies and which version it is. */
  probe: string[];
}

const wanted: Record<"bun" | "node", Wanted> = {
  bun: {
    least: "1.4.0",
    fromNpm: "bun@1",
    probe: ["-e", "console.log(process.execPath + '\\n' + Bun.version)"],
  },
  node: {
    // The first version that runs TypeScript as it is, without a flag.
    least: "22.18.0",
    fromNpm: "node@26",
    probe: ["-p", "process.execPath + '\\n' + process.versions.node"],
  },
};

/**
 * Finds a runtime. A version (`"22"`, `"22.18.0"`) asks for exactly that one, from npm.
 * Throws with the reason if there is none.
 */
export async function findRuntime(name: Runtime["name"], version?: string): Promise<Runtime> {
  if (name === "deno") {
    return { name, program: Deno.execPath(), version: Deno.version.deno };
  }
  const { least, fromNpm, probe } = wanted[name];
  if (version === undefined) {
    const found = await ask(name, [name, ...probe]);
    if (typeof found !== "string" && isAtLeast(found.version, least)) return found;
  }
  const source = version === undefined ? fromNpm : `${name}@${version}`;
  // Asked for its own path, so that the tests run it directly, without npx in between.
  const found = await ask(name, ["npx", "-y", source, ...probe]);
  if (typeof found === "string") throw new Error(`cannot get ${source} from npm: ${found}`);
  return found;
}

/**
 * The command by which a runtime runs a script of the project.
 *
 * @param denoFlags Flags for Deno, before the script.
 */
export function scriptCommand({ name, program }: Runtime, denoFlags: readonly string[]): string[] {
  return name === "deno" ? [program, "run", "-A", "--quiet", ...denoFlags] : [program];
}

async function ask(name: "bun" | "node", command: string[]): Promise<Runtime | string> {
  const { code, stdout, output } = await run(command);
  const [program, version] = stdout.trim().split("\n").slice(-2);
  return code === 0 && version !== undefined ? { name, program, version } : output;
}

function isAtLeast(version: string, least: string): boolean {
  const [a, b] = [version, least].map((text) => text.split(".").map((part) => parseInt(part)));
  for (let i = 0; i < b.length; i++) {
    if (a[i] !== b[i]) return a[i] > b[i];
  }
  return true;
}

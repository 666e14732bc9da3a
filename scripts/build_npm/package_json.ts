/**
 * The content of the npm package's `package.json`, the same whichever way the package is built.
 *
 * @module
 */

import { mustRun } from "../lib/process.ts";
import { config, pathOf } from "../lib/project.ts";

/** The command's module. */
export const CLI = config.exports["./cli"];

/** The program of threads. */
export const WORKER = config.exports["./worker"];

/**
 * Entry points that npm users do not get. `./db-sqlite` loads an FFI driver for Deno from JSR, where
 * npm packages cannot depend on anything. `./cli` is a program, there to be run by Deno from an
 * address; npm has `bin` for that. `./deno` stays: Deno can also load this package from npm.
 */
const NOT_ON_NPM = ["./db-sqlite", "./cli"];

/** Folders whose modules only a left-out entry point uses. */
export const LEFT_OUT_FOLDERS = ["adapters/db_sqlite"];

/**
 * SDKs that only some entry points are for, whose users have them. No entry point imports one, so that each loads without;
 * what is said of them is the versions that it is tested with.
 */
const OPTIONAL_PEERS = [
  "openai",
  "@anthropic-ai/sdk",
  "@google/genai",
  "ai",
  "@langchain/core",
  "@opentelemetry/api-logs",
  "@opentelemetry/sdk-trace",
];

/** The entry points of the npm package: their names, and their TypeScript modules. */
export const npmExports: [name: string, module: string][] = Object.entries(config.exports)
  .filter(([name]) => !NOT_ON_NPM.includes(name));

/** Adapters of runtimes with modules of their own, which bundlers for browsers do not know, and are to leave out. */
const NOT_IN_BROWSERS = [
  "./adapters/bun/mod.ts",
  "./adapters/deno/mod.ts",
  "./adapters/node/mod.ts",
];

/** The oldest Node that the package is for: the first one with `node:sqlite` without a flag. */
export const OLDEST_NODE = "22.13.0";

/** Builds the content; `from` is where the compiled modules lie in the package, `./` for example. */
export async function packageJson(from: string): Promise<Record<string, unknown>> {
  const peerDependencies = npmImports((name) => OPTIONAL_PEERS.includes(name));
  const compiled = (module: string, ending: string) =>
    module.replace(/^\.\//, from).replace(/\.ts$/, ending);
  return {
    name: config.name,
    version: config.version,
    description: "An append-only audit log of large language model interactions, " +
      "on memory, SQLite and JSONL",
    keywords: ["llm", "audit", "audit-log", "append-only", "sqlite", "jsonl", "logging"],
    license: config.license,
    type: "module",
    // mod.js tells the core how to find the adapter of the runtime, which bundlers must not leave out.
    sideEffects: ["./mod.ts", CLI, WORKER].map((module) => compiled(module, ".js")),
    engines: { node: `>=${OLDEST_NODE}` },
    exports: Object.fromEntries(npmExports.map(([name, module]) => [name, {
      types: compiled(module, ".d.ts"),
      default: compiled(module, ".js"),
    }])),
    browser: Object.fromEntries(
      NOT_IN_BROWSERS.map((module) => [compiled(module, ".js"), false]),
    ),
    bin: { "audit-log": compiled(CLI, ".js") },
    dependencies: await shippedDependencies(),
    peerDependencies,
    peerDependenciesMeta: Object.fromEntries(
      Object.keys(peerDependencies).map((name) => [name, { optional: true }]),
    ),
  };
}

/** The npm packages that the shipped modules import, and their versions. */
async function shippedDependencies(): Promise<Record<string, string>> {
  const used = await packagesOf([CLI, ...npmExports.map(([, module]) => module)]);
  return npmImports((name) => used.has(name));
}

/** The packages that these modules, and all that they reach, import. */
async function packagesOf(modules: readonly string[]): Promise<Set<string>> {
  const used = new Set<string>();
  for (const module of modules) {
    const { stdout } = await mustRun([Deno.execPath(), "info", "--json", pathOf(module)], {
      cwd: pathOf(""),
    });
    const graph: { modules: { specifier: string; dependencies?: { specifier: string }[] }[] } = JSON
      .parse(stdout);
    for (const { dependencies = [] } of graph.modules) {
      // Of what lies deeper in a package ("openai/resources"), its name.
      for (const { specifier } of dependencies) used.add(/^(@[^/]+\/)?[^/]*/.exec(specifier)![0]);
    }
  }
  return used;
}

/** The npm packages that only tests and scripts import, and their versions. */
export async function testDependencies(): Promise<Record<string, string>> {
  const shipped = await shippedDependencies();
  return npmImports((name) => !(name in shipped));
}

function npmImports(isWanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config.imports)
      .filter(([name, address]) => address.startsWith("npm:") && isWanted(name))
      .map(([name, address]) => {
        const version = address.slice(address.lastIndexOf("@") + 1);
        return [name, version];
      }),
  );
}

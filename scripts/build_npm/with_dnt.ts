/**
 * Building with dnt, which comes from JSR.
 *
 * @module
 */

import { filesIn, pathOf } from "../lib/project.ts";
import { CLI, npmExports } from "./package_json.ts";

/**
 * The part of dnt's options that is used here. They are repeated because dnt is not imported but
 * loaded: with an import, nothing that reaches this module could be checked or run without JSR.
 */
interface DntOptions {
  entryPoints: { kind?: "export" | "bin"; name: string; path: string }[];
  outDir: string;
  shims: Record<string, never>;
  test: false;
  typeCheck: false;
  declaration: "inline";
  scriptModule: false;
  skipSourceOutput: true;
  mappings: Record<string, { name: string }>;
  compilerOptions: { target: "ES2023"; lib: string[] };
  package: Record<string, unknown>;
}

const DNT: string = "@deno/dnt";

/** Builds the modules into an empty folder; returns where they lie in it. */
export async function buildWithDnt(
  folder: string,
  content: Record<string, unknown>,
): Promise<string> {
  const { build }: { build: (options: DntOptions) => Promise<void> } = await import(DNT);
  await build({
    entryPoints: [
      ...npmExports.map(([name, path]) => ({ name, path: pathOf(path) })),
      { kind: "bin", name: "audit-log", path: pathOf(CLI) },
    ],
    outDir: folder,
    // The adapters are chosen when the program runs, so no global of Deno needs a shim.
    shims: {},
    test: false,
    // The adapters of Deno and Bun are part of the package and cannot be checked against Node's
    // types alone. `deno check` has checked them all, and the built types are checked afterwards.
    typeCheck: false,
    declaration: "inline",
    scriptModule: false,
    skipSourceOutput: true,
    mappings: bunModules(),
    compilerOptions: { target: "ES2023", lib: ["ESNext", "DOM"] },
    package: { ...content, devDependencies: { "@types/node": "^24" } },
  });
  // Made by dnt for compiling only.
  for (const made of ["node_modules", "package-lock.json"]) {
    await Deno.remove(`${folder}/${made}`, { recursive: true }).catch(ignoreMissing);
  }
  return "./esm/";
}

/**
 * Maps Bun's own modules to themselves: dnt takes what has no version for built in. It refuses a
 * mapping that nothing uses, so only those are given that an adapter imports.
 */
function bunModules(): DntOptions["mappings"] {
  const text = filesIn("adapters", ".ts").map((path) => Deno.readTextFileSync(pathOf(path))).join();
  const names = text.match(/(?<=")bun:\w+(?=")/g) ?? [];
  return Object.fromEntries(names.map((name) => [name, { name }]));
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

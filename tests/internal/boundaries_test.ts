// The layers of the project (see the design's "what may import what") are held by this test.

import { assertEquals, assertGreater } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { violations, withoutComments } from "../support/boundaries.ts";

const root = new URL("../../", import.meta.url);

function modulesIn(folder: string): [path: string, text: string][] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => [path, readFileSync(new URL(path, root), "utf8")]);
}

for (const folder of ["src", "adapters", "capture"]) {
  test(`${folder}/ imports only what its layer may import`, () => {
    const modules = modulesIn(folder);
    assertGreater(modules.length, 0);
    assertEquals(modules.flatMap(([path, text]) => violations(path, text)), []);
  });
}

test("no test skips itself while it runs, which Deno would count as passed", () => {
  const skipping = modulesIn("tests").filter(([, text]) =>
    /\bt\.(skip|todo)\(/.test(withoutComments(text))
  );
  assertEquals(skipping.map(([path]) => path), []);
});

const allowed: [path: string, text: string][] = [
  ["src/entry.ts", 'import { v7 } from "uuid";'],
  ["src/entry.ts", 'import type { Runtime } from "./ports.ts";'],
  ["src/stores/sqlite.ts", 'export { a } from "../entry.ts";'],
  ["src/entry.ts", '// Deno.open, import "node:fs"\n/* Bun.file\nprocess.env */'],
  ["src/entry.ts", 'const a = "in the process. See import(x)"; const b = "https://localhost/";'],
  ["src/entry.ts", "const processed = a.process; preprocess.run();"],
  ["src/cli/query.ts", 'import { Command } from "commander"; import { a } from "../entry.ts";'],
  ["adapters/node/file.ts", 'import { open } from "node:fs/promises";'],
  ["adapters/bun/mod.ts", 'import { file } from "../node/file.ts"; await import("bun:sqlite");'],
  ["adapters/deno/file.ts", 'import type { File } from "../../src/ports.ts"; Deno.openSync(a);'],
  ["capture/cost/prices.ts", 'import { calcPrice } from "@pydantic/genai-prices";'],
  ["capture/cost/tracker.ts", 'import type { Total } from "./totals.ts"; import "../../mod.ts";'],
  ["capture/context.ts", 'import { asyncStorage } from "../adapters/async_storage.ts";'],
  ["adapters/db_sqlite/mod.ts", 'const driver = "jsr:@db/sqlite"; await import(driver);'],
];

for (const [path, text] of allowed) {
  test(`the boundaries allow, in ${path}: ${text}`, () => {
    assertEquals(violations(path, text), []);
  });
}

const refused: [path: string, text: string, violation: string][] = [
  ["src/entry.ts", 'import { open } from "node:fs";', "import node:fs"],
  ["src/entry.ts", 'import { Command } from "commander";', "import commander"],
  ["src/entry.ts", 'import { main } from "./cli/main.ts";', "import ./cli/main.ts"],
  ["src/entry.ts", 'import { a } from "../mod.ts";', "import ../mod.ts"],
  [
    "src/entry.ts",
    'import {\n  a,\n} from "../adapters/node/mod.ts";',
    "import ../adapters/node/mod.ts",
  ],
  ["src/entry.ts", 'import "bun:sqlite";', "import bun:sqlite"],
  ["src/entry.ts", 'type A = import("node:fs").Stats;', "import node:fs"],
  ["src/entry.ts", 'export * from "jsr:@db/sqlite";', "import jsr:@db/sqlite"],
  ["src/entry.ts", "await import(name);", "import what it computes while running"],
  ["src/entry.ts", "/* a */ Deno.cwd(); // b", "use Deno"],
  ["src/entry.ts", 'const a = "//"; Bun.version;', "use Bun"],
  ["src/entry.ts", "const a = `${process.pid}`;", "use process"],
  ["src/entry.ts", "globalThis.Deno?.cwd();", "use Deno"],
  ["src/cli/query.ts", "process.exit(1);", "use process"],
  ["src/cli/query.ts", 'import { readFile } from "node:fs";', "import node:fs"],
  ["src/cli/query.ts", 'import fc from "fast-check";', "import fast-check"],
  [
    "adapters/node/file.ts",
    'import { a } from "../../src/writer.ts";',
    "import ../../src/writer.ts",
  ],
  ["adapters/node/file.ts", 'import { v7 } from "uuid";', "import uuid"],
  ["adapters/node/sqlite.ts", 'import "bun:sqlite";', "import bun:sqlite"],
  [
    "capture/cost/tracker.ts",
    'import { AuditLogError } from "../../src/errors.ts";',
    "import ../../src/errors.ts",
  ],
  ["capture/context.ts", 'import "node:async_hooks";', "import node:async_hooks"],
  ["capture/context.ts", "await import(name);", "import what it computes while running"],
  ["capture/context.ts", 'process.getBuiltinModule("node:fs");', "use process"],
  ["adapters/deno/mod.ts", 'import "jsr:@db/sqlite";', "import jsr:@db/sqlite"],
];

for (const [path, text, violation] of refused) {
  test(`the boundaries refuse, in ${path}: ${text}`, () => {
    assertEquals(violations(path, text), [`${path} must not ${violation}`]);
  });
}

/**
 * Looking at the npm package from outside: its metadata, its types as TypeScript users see them, its
 * command.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun, run } from "../lib/process.ts";
import { findRuntime } from "../lib/runtimes.ts";
import { config, filesIn } from "../lib/project.ts";
import { npmExports, OLDEST_NODE, WORKER } from "./package_json.ts";

/** A check, and what it found. */
export interface Check {
  name: string;
  /** What is wrong, if anything. */
  problem?: string;
}

const TYPESCRIPT = "typescript@5";

/** Checks a tarball of the package, one thing after the other. */
export async function* checkPackage(tarball: string): AsyncGenerator<Check> {
  yield command("publint finds nothing", ["npx", "-y", "publint@0.3", tarball, "--strict"]);
  yield command("attw finds no entry point whose types do not fit", [
    "npx",
    "-y",
    "@arethetypeswrong/cli@0.18",
    tarball,
    "--profile=esm-only",
  ]);
  const folder = await Deno.makeTempDir({ prefix: "audit-log-consumer-" });
  try {
    await makeConsumer(folder, tarball);
    const installed = `${folder}/node_modules/${config.name}`;
    yield checkLinks(installed);
    yield checkEngines(installed);
    for (const resolution of ["nodenext", "bundler"]) {
      const flags = ["--moduleResolution", resolution];
      if (resolution === "bundler") flags.push("--module", "preserve");
      yield command(
        `the types of every entry point resolve and check (moduleResolution ${resolution})`,
        ["npx", "tsc", "--project", ".", ...flags],
        folder,
      );
    }
    // Neither way of building rewrites syntax that is too new for it (`using`, say).
    const { program } = await findRuntime("node", OLDEST_NODE);
    for (const load of ["import", "require"]) {
      const entries = npmExports.map(([name]) => `${load}("${config.name}${name.slice(1)}")`);
      yield command(
        `every entry point loads by ${load}() on Node ${OLDEST_NODE}, with nothing else installed`,
        [program, "--eval", `Promise.all([${entries.join(", ")}])`],
        folder,
      );
    }
    yield* checkBundle(folder, program);
    yield checkBrowserBundle(folder, program);
    yield command(
      "who copies what an application needs, found by nft, as Next.js does, copies the threads' program",
      ["npx", "-y", "@vercel/nft@1", "print", "bundled.mjs"],
      folder,
      /\/audit_log_worker\.js$/m,
    );
    yield command(
      `the command explains itself on Node ${OLDEST_NODE}`,
      [program, "node_modules/.bin/audit-log", "--help"],
      folder,
      /audit-log/,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Servers and functions are often bundled into one file of CommonJS, where little tells where that is. */
async function* checkBundle(folder: string, node: string): AsyncGenerator<Check> {
  await Deno.writeTextFile(`${folder}/bundled.mjs`, BUNDLED);
  for (
    const [what, entry, printed] of [
      ["alone", [], /^1000 this thread: .*not bundled/m],
      [
        "with the threads' program",
        [`audit_log_worker=${config.name}/worker`],
        /^1000 another thread/m,
      ],
    ] as const
  ) {
    const name = `a log records on Node ${OLDEST_NODE}, bundled as CommonJS by esbuild ${what}`;
    const bundle = ["npx", "-y", "esbuild@0.28", "bundled=bundled.mjs", ...entry, "--bundle"];
    const options = ["--platform=node", "--outdir=bundled", "--out-extension:.js=.cjs"];
    const bundled = await command(name, [...bundle, ...options], folder);
    yield bundled.problem === undefined
      ? await command(name, [node, "bundled/bundled.cjs"], folder, printed)
      : bundled;
  }
}

/** What needs no files runs in a browser: nothing of a runtime is in the bundle. */
async function checkBrowserBundle(folder: string, node: string): Promise<Check> {
  const name = "a log in memory and its proofs work when esbuild has bundled them for browsers";
  await Deno.writeTextFile(`${folder}/page.mjs`, PAGE);
  const bundle = ["npx", "-y", "esbuild@0.28", "page.mjs", "--bundle", "--platform=browser"];
  const bundled = await command(name, [...bundle, "--outfile=bundled/page.cjs"], folder);
  if (bundled.problem !== undefined) return bundled;
  return await command(name, [node, "bundled/page.cjs"], folder, /^0 true UNSUPPORTED_RUNTIME$/m);
}

const PAGE = `
import { AuditLog, generateSigningKey, verifyProof } from "${config.name}";
async function main() {
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
  const log = await AuditLog.open({ signingKey });
  const { entryId } = await log.record({ model: "m", inputText: "in", outputText: "out" });
  const [proof, record] = [await log.prove(entryId), await log.line(entryId)];
  const { index } = await verifyProof({ record, proof, verifierKey });
  const { ok } = await log.verify({ verifierKey });
  const { code } = await AuditLog.open({ backend: "sqlite" }).catch((error) => error);
  console.log(index, ok, code);
}
main();
`;

/** So many records at once are worth a thread. */
const BUNDLED = `
import { AuditLog } from "${config.name}";
import { mkdtempSync } from "node:fs";
async function main() {
  const path = mkdtempSync("log-") + "/audit.db";
  const log = await AuditLog.open({ backend: "sqlite", path });
  const entry = { model: "m", inputText: "in", outputText: "out" };
  await Promise.all(Array.from({ length: 1000 }, () => log.record(entry)));
  console.log(log.size, (await log.info()).writing);
  await log.close();
}
main();
`;

/** Whoever reads the documents in `node_modules` can follow their links. */
function checkLinks(folder: string): Check {
  const broken: string[] = [];
  for (const document of filesIn(folder, ".md")) {
    const text = Deno.readTextFileSync(document);
    for (const [, target] of text.matchAll(/\]\((?!\w+:|#)([^)#]+)/g)) {
      if (!existsSync(join(dirname(document), target!))) broken.push(`${document}: ${target}`);
    }
  }
  const name = "every link of the documents leads to a file of the package";
  return broken.length === 0 ? { name } : { name, problem: broken.join("\n") };
}

/** npm warns whoever installs it on an older Node, where it would not load. */
function checkEngines(folder: string): Check {
  const name = `the package asks for Node ${OLDEST_NODE} or later`;
  const { engines } = JSON.parse(Deno.readTextFileSync(`${folder}/package.json`));
  const found = JSON.stringify(engines);
  const isSaid = found === JSON.stringify({ node: `>=${OLDEST_NODE}` });
  return isSaid ? { name } : { name, problem: `its engines are ${found}` };
}

async function command(
  name: string,
  line: string[],
  cwd?: string,
  mustPrint?: RegExp,
): Promise<Check> {
  const { code, output } = await run(line, { cwd });
  if (code !== 0) return { name, problem: `ended with code ${code}\n${output}` };
  if (mustPrint && !mustPrint.test(output)) return { name, problem: `printed: ${output}` };
  return { name };
}

/** A TypeScript project that imports every entry point, with no other package installed. */
async function makeConsumer(folder: string, tarball: string): Promise<void> {
  const write = (name: string, content: unknown) =>
    Deno.writeTextFile(
      `${folder}/${name}`,
      typeof content === "string" ? content : JSON.stringify(content),
    );
  await write("package.json", { private: true, type: "module" });
  await write("tsconfig.json", {
    compilerOptions: {
      strict: true,
      noEmit: true,
      // Our own declaration files are what is to be checked.
      skipLibCheck: false,
      target: "es2022",
      module: "nodenext",
      // Without Node's types, and with no newer library than most projects have: the package's must not need them.
      types: [],
      lib: ["es2022", "dom"],
    },
    files: ["consumer.ts"],
  });
  const imports = npmExports.map(([name, module], i) =>
    `import ${module === WORKER ? "" : `* as entry${i} from `}"${config.name}${name.slice(1)}";`
  );
  const uses = npmExports.flatMap(([, module], i) => module === WORKER ? [] : `entry${i}`).join();
  await write("consumer.ts", `${imports.join("\n")}\nvoid [${uses}];\n`);
  await mustRun(["npm", "install", "--no-audit", "--no-fund", tarball], { cwd: folder });
  await mustRun(["npm", "install", "--no-audit", "--no-fund", "-D", TYPESCRIPT], { cwd: folder });
}

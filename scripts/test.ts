/**
 * The whole suite on Deno, Bun and Node, from source and as the npm package.
 *
 * ```sh
 * deno task test                  # everything
 * deno task test node record      # on Node, files whose path contains "record", all output shown
 * deno task test node@22 bun      # on these two, Node from npm in that version
 * deno task test docs npm         # examples in comments and documents, the demo; the npm package
 * deno task test interop          # logs of every runtime, checked by Go and openssl
 * deno task test together         # one log that processes of all runtimes record into at once
 * ```
 *
 * The last line is `N passed, N failed, N skipped`. The exit code is 1 if anything failed or could
 * not be tested.
 *
 * @module
 */

import { jsrIsReachable, resolutionFlags } from "./lib/jsr.ts";
import { mustRun } from "./lib/process.ts";
import { filesIn, has, pathOf, root } from "./lib/project.ts";
import { findRuntime, type Runtime } from "./lib/runtimes.ts";
import { attempt, exitCode } from "./test/attempt.ts";
import { checkDemo } from "./test/demo.ts";
import { commandsOf, Interop, TYPED_DOCUMENTS } from "./test/interop.ts";
import { Checks } from "./test/interop/checks.ts";
import {
  buildTarball,
  installWithTests,
  testInstalled,
  testPackaging,
} from "./test/npm_package.ts";
import { printAccount, Progress } from "./test/print.ts";
import { type Outcome, runSuite } from "./test/suite.ts";
import { recordTogether } from "./test/together.ts";

const RUNTIMES = ["deno", "node", "bun"] as const;
/** How many of the parts run at once: each of them waits for disks and child processes now and then. */
const AT_ONCE = 3;
const PARTS: string[] = [...RUNTIMES, "docs", "interop", "npm", "together"];

const versions = new Map<string, string | undefined>();
const filters: string[] = [];
for (const argument of Deno.args) {
  const [name, version] = argument.split("@");
  if (PARTS.includes(name)) versions.set(name, version);
  else filters.push(argument);
}
// A filter alone names test files: they run from source on every runtime.
const parts: readonly string[] = versions.size > 0
  ? [...versions.keys()]
  : filters.length > 0
  ? RUNTIMES
  : PARTS;
const isWanted = (file: string) =>
  filters.length === 0 || filters.some((filter) => file.includes(filter));

const publicFiles = filesIn("tests/public", "_test.ts").filter(isWanted);
const sourceFiles = [...publicFiles, ...filesIn("tests/internal", "_test.ts").filter(isWanted)];
if (sourceFiles.length === 0) {
  // Without a file, the runtimes would run whatever they find.
  console.error(`No test file has ${filters.join(" or ")} in its path.`);
  Deno.exit(1);
}

/**
 * What is about what the code does, not about how it is packed: from the package, it would run the very code a fourth and a fifth time,
 * for minutes. Of the command and of each wrapper, the first tests are run there, too.
 */
const ABOUT_THE_SOURCE = new RegExp(
  "/(?:" + [
    "admission|alteration|append_|back_pressure|changed_layout|damage|error|injected_faults|opening_faults|property|readme|restored|tampering|usage_of|wire",
    "budget|capture_(?!test|types|wrapping)|cost_(?!tracker)|many_calls|messages|otel_(?!test)|redact_|responses|retried_end|stream_usage",
    "bad_path|copy|crash|disk_full|file_rights|files_beneath|half_indexed|idle_handles|jsonl_(?!test)|killed_holder|sync_failed|wal_sync",
    "format_|info|old_records|options|order|publish|python_class|real_data|refusals|signing|snapshot|transparency",
    "(?:ai_sdk|anthropic|cli|fetch|gemini|langchain|openai)_(?!test)",
  ].join("|") + ")",
);
const packageFiles = publicFiles.filter((file) => !ABOUT_THE_SOURCE.test(file));

const nodeHooks = new URL("tests/support/node_hooks.ts", root).href;
const folder = await Deno.makeTempDir({ prefix: "audit-log-test-" });
const progress = new Progress(filters.length > 0);

async function part(title: string, work: () => Promise<Outcome>): Promise<Outcome[]> {
  return [await attempt(title, work, progress)];
}

async function find(name: Runtime["name"]): Promise<Runtime> {
  return await findRuntime(name, versions.get(name));
}

let outcomes: Outcome[];
try {
  const denoFlags = await resolutionFlags(folder);
  console.log(
    await jsrIsReachable()
      ? "JSR is reachable."
      : "JSR cannot be reached: a stand-in takes the place of @std/assert.",
  );
  // Puts what is imported from npm into node_modules, where Bun and Node look for it.
  await mustRun([Deno.execPath(), "cache", ...denoFlags, ...entryPoints(), ...sourceFiles], {
    cwd: pathOf(""),
  });

  const jobs = RUNTIMES.filter((name) => parts.includes(name)).map((name) => () =>
    testSource(name, denoFlags)
  );
  // The longest first.
  if (parts.includes("npm")) jobs.unshift(testNpm);
  if (parts.includes("docs")) jobs.push(() => testDocs(denoFlags));
  if (parts.includes("interop")) jobs.push(() => testInterop(denoFlags));
  if (parts.includes("together")) jobs.push(() => testTogether(denoFlags));
  // Output that is shown line by line would get mixed.
  outcomes = (await inParallel(jobs, filters.length > 0 ? 1 : AT_ONCE)).flat();
} finally {
  await Deno.remove(folder, { recursive: true });
}

printAccount(outcomes);
Deno.exit(exitCode(outcomes));

/** Does jobs in their order, some at once, and gives their results in that order. */
async function inParallel<T>(jobs: readonly (() => Promise<T>)[], width: number): Promise<T[]> {
  const results: T[] = [];
  const waiting = [...jobs.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next[0]] = await next[1]();
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}

function entryPoints(): string[] {
  return ["mod.ts", "cli.ts", "audit_log_worker.ts"].filter(has);
}

function testSource(name: Runtime["name"], denoFlags: string[]): Promise<Outcome[]> {
  return part(`${name}, source`, async () => {
    const runtime = await find(name);
    const title = `${runtime.name} ${runtime.version}, source`;
    progress.start(title);
    return await runSuite(runtime, {
      title,
      cwd: pathOf(""),
      files: sourceFiles,
      // `deno task check` has looked at their types.
      denoFlags: ["--no-check", ...denoFlags],
      nodeHooks,
      onLine: progress.onLine,
    });
  });
}

function testDocs(denoFlags: string[]): Promise<Outcome[]> {
  return part("deno, examples in comments and documents", async () => {
    const deno = await find("deno");
    const title = `deno ${deno.version}, examples in comments and documents`;
    progress.start(title);
    const cwd = `${folder}/docs`;
    await Deno.mkdir(cwd);
    await leaveKeyAndLog(deno, cwd, denoFlags);
    const checks = new Checks(progress);
    await checkDemo(checks, deno, cwd);
    const outcome = await runSuite(deno, {
      title,
      // Examples open logs by relative paths; those shall not land in the project.
      cwd,
      files: [],
      denoFlags: [
        "--doc",
        ...denoFlags,
        ...[
          ...entryPoints(),
          ...["src", "adapters", "capture"].flatMap((folder) => filesIn(folder, ".ts")),
          ...["README.md"].filter(has),
          ...filesIn("docs", ".md"),
        ].map(pathOf).filter(hasExample),
      ],
      onLine: progress.onLine,
    });
    return { title, cases: [...checks.cases, ...outcome.cases] };
  });
}

/** Whether there is code in a file's comments. Deno loads each file that it is given, as one of tests: most have none. */
function hasExample(path: string): boolean {
  return Deno.readTextFileSync(path).includes("```");
}

/** Leaves what README's commands, and an earlier run of its examples, leave: a key, and a log that was signed with it. */
async function leaveKeyAndLog(deno: Runtime, cwd: string, denoFlags: string[]): Promise<void> {
  const config = `--config=${pathOf("deno.json")}`;
  const command = [deno.program, "run", "-A", config, ...denoFlags, pathOf("cli.ts")];
  const auditLog = async (...args: string[]) =>
    (await mustRun([...command, ...args], { cwd })).stdout;
  const verifierKey = await auditLog("keygen", "acme.example/chat", "--out", "audit.key");
  await Deno.writeTextFile(`${cwd}/audit.pub`, verifierKey);
  await auditLog("import", "-", "--log", "signed.db"); // nothing, into an empty log
  await auditLog("checkpoint", "--log", "signed.db", "--key", "audit.key", "--out", "first.txt");
}

async function testInterop(denoFlags: string[]): Promise<Outcome[]> {
  const missing = await Interop.missing();
  if (missing !== undefined) {
    progress.start(missing.title);
    return await part(missing.title, () => Promise.resolve(missing));
  }
  let prepared: Interop | undefined;
  const interop = async () =>
    prepared ??= await Interop.prepare(`${folder}/interop`, { denoFlags, nodeHooks, progress });
  const outcomes: Outcome[] = [];
  for (const name of RUNTIMES) {
    outcomes.push(
      ...await part(`${name}, logs checked by Go and openssl`, async () => {
        return await (await interop()).test(await find(name));
      }),
    );
  }
  for (const name of TYPED_DOCUMENTS) {
    outcomes.push(
      ...await part(commandsOf(name), async () => (await interop()).testDocument(name)),
    );
  }
  return outcomes;
}

function testTogether(denoFlags: string[]): Promise<Outcome[]> {
  const title = "one log, recorded into by processes of all runtimes";
  return part(title, async () => {
    const runtimes = await Promise.all(RUNTIMES.map(find));
    return await recordTogether(title, folder, runtimes, { denoFlags, nodeHooks, progress });
  });
}

async function testNpm(): Promise<Outcome[]> {
  const installed = `${folder}/installed`;
  let tarball: string | undefined;
  const outcomes = await part("npm package, packaging", async () => {
    tarball = await buildTarball(folder, progress);
    await installWithTests(tarball, installed);
    return await testPackaging(tarball, progress);
  });
  for (const name of ["node", "bun"] as const) {
    outcomes.push(
      ...await part(`${name}, npm package`, async () => {
        if (tarball === undefined) throw new Error("the package could not be built");
        if (packageFiles.length === 0) throw new Error("there is no public test to run");
        return await testInstalled(await find(name), installed, packageFiles, progress);
      }),
    );
  }
  return outcomes;
}

/**
 * Speed and memory, measured on Node, Deno and Bun against what the raw drivers can do.
 *
 * ```sh
 * deno task bench                          # about two minutes
 * deno task bench --full                   # all sizes, up to a million entries; needs 5 GB of disk
 * deno task bench --only sqlite,memory --runtime node --rounds 9
 * ```
 *
 * docs/benchmarks.md says how to read the figures.
 *
 * @module
 */
import { availableParallelism, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { mustRun, run } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import { findRuntime, type Runtime } from "../lib/runtimes.ts";
import { writeEntries } from "./entries.ts";
import type { Task } from "./measure.ts";
import { plotGrowth } from "./plot.ts";
import { markdown, text } from "./report.ts";
import type { Measurement } from "./rounds.ts";

const SUBJECTS = [
  "sqlite",
  "sqlite-single",
  "jsonl",
  "jsonl-single",
  "memory",
  "query",
  "open-jsonl",
  "signing",
  "verifying-sqlite",
  "verifying-jsonl",
  "recording-sqlite",
  "recording-sqlite-small",
  "recording-jsonl",
  "recording-jsonl-small",
  "queue",
  "growth",
  "capture",
  "capture-clients",
  "peers",
];
const RUNTIMES = ["node", "deno", "bun"] as const;
const PEERS = ["llm-audit-log@0.2", "pino@10"];
const MARK = "<!-- Below this line: written by deno task bench --markdown docs/benchmarks.md -->";
/** No measurement may take longer, milliseconds. */
const LONGEST = { quick: 5 * 60_000, full: 45 * 60_000 };

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    full: { type: "boolean", default: false },
    rounds: { type: "string", default: "5" },
    runtime: { type: "string", default: RUNTIMES.join() },
    only: { type: "string", default: SUBJECTS.join() },
    "non-latin": { type: "boolean", default: false },
    folder: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
    plot: { type: "string" },
  },
});
const rounds = Number(options.rounds);
if (!(Number.isInteger(rounds) && rounds > 0)) fail("--rounds takes a number of rounds");
const subjects = chosen("only", options.only, SUBJECTS);
const runtimes = chosen("runtime", options.runtime, RUNTIMES);

const folder = await Deno.makeTempDir({ prefix: "audit-log-bench-", dir: options.folder });
try {
  await measureAll();
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measureAll(): Promise<void> {
  const entriesPath = `${folder}/entries.jsonl`;
  writeEntries(entriesPath, options["non-latin"]);
  // Puts what the library imports from npm into node_modules, where Bun and Node look for it.
  await mustRun([Deno.execPath(), "cache", pathOf("scripts/bench/measure.ts")]);
  const python = await findPython();
  const peers = subjects.includes("peers") ? await installPeers() : undefined;
  const found = await Promise.all(runtimes.map((name) => findRuntime(name)));
  const { full } = options;
  const measured: Measurement[] = [];
  for (const subject of subjects) {
    if (subject === "peers" && peers === undefined) continue;
    for (const runtime of found) {
      const task: Task = { subject, folder, entriesPath, rounds, full, python, peers };
      const section = await measure(runtime, task);
      measured.push(section);
      console.log(text(section));
    }
  }
  const versions = found.map(({ name, version }) => `${name} ${version}`).join(", ");
  const load = loadavg()[1].toFixed(1);
  const conditions = `${versions}; ${availableParallelism()} cores, load ${load}; ${rounds} rounds`;
  console.log(conditions);
  if (options.json !== undefined) {
    await Deno.writeTextFile(options.json, `${JSON.stringify(measured, null, 2)}\n`);
  }
  if (options.plot !== undefined) {
    const grown = measured.filter(({ subject }) => subject === "growth");
    await Deno.writeTextFile(options.plot, await plotGrowth(grown, `${folder}/plot`));
  }
  if (options.markdown !== undefined) {
    const how = `${conditions}${full ? "" : "; a quick run"}.`;
    await fillIn(options.markdown, `${how}\n\n${markdown(measured)}`);
  }
}

async function measure({ name, program, version }: Runtime, task: Task): Promise<Measurement> {
  const flags = {
    node: ["--expose-gc"],
    deno: ["run", "-A", "--v8-flags=--expose-gc"],
    bun: [],
  }[name];
  const { stdout } = await mustRun(
    [program, ...flags, pathOf("scripts/bench/measure.ts"), JSON.stringify(task)],
    { cwd: pathOf(""), timeoutMs: task.full ? LONGEST.full : LONGEST.quick },
  );
  const section = JSON.parse(stdout.trimEnd().split("\n").at(-1)!);
  return { runtime: `${name} ${version}`, subject: task.subject, ...section };
}

/** Replaces what a document has below the line that says where figures go. */
async function fillIn(path: string, figures: string): Promise<void> {
  const document = await Deno.readTextFile(path).catch(() => MARK);
  const before = document.split(MARK)[0];
  await Deno.writeTextFile(path, `${before}${MARK}\n\n${figures}`);
}

async function findPython(): Promise<string | undefined> {
  const { code } = await run(["python3", "-c", "import sqlite3"]);
  if (code === 0) return "python3";
  console.log("There is no python3 with sqlite3: the Python class is left out.");
}

/** Installs other packages for this run; the project does not depend on them. */
async function installPeers(): Promise<string | undefined> {
  const peers = `${folder}/peers`;
  await Deno.mkdir(peers);
  const { code, output } = await run(["npm", "install", "--prefix", peers, ...PEERS]);
  if (code === 0) return peers;
  console.log(`npm cannot install ${PEERS.join(", ")}: other packages are left out.\n${output}`);
}

function chosen<T extends string>(option: string, given: string, known: readonly T[]): T[] {
  const names = given.split(",");
  const unknown = names.find((name) => !known.includes(name as T));
  if (unknown !== undefined) fail(`--${option}: ${unknown} is none of ${known.join(", ")}`);
  return known.filter((name) => names.includes(name));
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(2);
}

/**
 * Running test files on one runtime and finding out what became of each test.
 *
 * @module
 */

import { run, type RunResult } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import type { Runtime } from "../lib/runtimes.ts";
import { writeGroups } from "./groups.ts";
import { readJUnit, type TestCase } from "./junit.ts";

/** The outcome of one run: a runtime, and what it was to test. */
export interface Outcome {
  /** For example `node 26.1.0, source`. */
  title: string;
  cases: TestCase[];
  /** How long it took; set at its end. */
  seconds?: number;
}

/** What to run, and where. */
export interface Suite {
  title: string;
  /** The folder to run in; the files are relative to it. */
  cwd: string;
  files: string[];
  /** Flags for Deno, before the files. */
  denoFlags?: string[];
  /** A module that Node loads first, as a URL. */
  nodeHooks?: string;
  /** It is ended when it tells nothing for so long, which counts as a failed test; five minutes by default. */
  silenceMs?: number;
  onLine: (line: string) => void;
}

/** Longest time for one test. Bun's own default, five seconds, is too short for a slow disk. */
const TEST_TIMEOUT_MS = 120_000;
/**
 * Longest time without a word from a runtime. Its own limit does not end a test that never gives the thread back, nor on Node a file
 * that something keeps alive after its tests; Deno has none.
 */
const SILENCE_MS = 300_000;

/** Runs test files on a runtime. Whatever goes wrong becomes a failed test of the outcome. */
export async function runSuite(runtime: Runtime, suite: Suite): Promise<Outcome> {
  const scratch = await Deno.makeTempDir();
  const report = `${scratch}/report.xml`;
  try {
    await Deno.writeTextFile(report, "");
    const files = runtime.name === "deno"
      ? await writeGroups(suite.files, suite.cwd, scratch)
      : suite.files;
    const result = await run(commandFor(runtime, suite, files, { report, scratch }), {
      cwd: suite.cwd,
      // Through the environment, and so also in the processes and workers that a test starts.
      env: {
        ...(suite.nodeHooks ? { NODE_OPTIONS: `--import=${suite.nodeHooks}` } : {}),
        // Each command that a test runs is a process: they would strip the types again and again.
        ...(runtime.name === "node" ? { NODE_COMPILE_CACHE: `${scratch}/compiled` } : {}),
        AUDIT_LOG_TEST_DATA: pathOf("../shared/data"),
      },
      silenceMs: suite.silenceMs ?? SILENCE_MS,
      onLine: suite.onLine,
    });
    if (result.fellSilent) {
      return { title: suite.title, cases: silenced(runtime.name, suite, files, result) };
    }
    const cases = readJUnit(await Deno.readTextFile(report), runtime.name);
    return { title: suite.title, cases: withUnreported(runtime.name, cases, files, result) };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/**
 * The command that runs files.
 *
 * @param files As `suite.files`; on Deno the modules that import them, in the folder `scratch`.
 */
function commandFor(
  { name, program, version }: Runtime,
  { denoFlags = [] }: Suite,
  files: readonly string[],
  { report, scratch }: { report: string; scratch: string },
): string[] {
  switch (name) {
    case "deno":
      return [
        program,
        "test",
        "-A",
        `--config=${pathOf("deno.json")}`,
        ...denoFlags,
        `--junit-path=${report}`,
        ...files.map((file) => `${scratch}/${file}`),
      ];
    case "bun":
      return [
        program,
        "test",
        `--timeout=${TEST_TIMEOUT_MS}`,
        "--reporter=junit",
        `--reporter-outfile=${report}`,
        // Without the dot a path is a filter for names.
        ...files.map((file) => `./${file}`),
      ];
    case "node":
      return [
        program,
        "--test",
        // All files in one process, as on Bun: a third less work. Older Nodes cannot, or have another name for it.
        ...(parseInt(version) >= 24 ? ["--test-isolation=none"] : []),
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
        "--test-reporter=junit",
        `--test-reporter-destination=${report}`,
        ...files,
      ];
  }
}

/**
 * Adds what reports do not tell: files that did not get to run their tests, and an exit code that
 * says that something failed where no test did.
 */
function withUnreported(
  runtime: Runtime["name"],
  reported: TestCase[],
  files: string[],
  result: RunResult,
): TestCase[] {
  // Node reports such a file as a test with the file's name, which passes if the file has no test.
  const namedAfter = (file: string) => reported.some(({ name }) => isFile(name, file));
  // Deno and Bun leave it out. (Older Nodes do not tell which file a test is in.) Deno's report
  // names the module that calls test(), not the file that was run; what it prints names that.
  const missing = (file: string) =>
    !reported.some((test) => isFile(test.file, file)) &&
    !(runtime === "deno" && announced(result.output).some((path) => isFile(path, file)));
  const cases = reported
    .filter(({ name }) => !files.some((file) => isFile(name, file)))
    .map((test) => ({ ...test, file: files.find((file) => isFile(test.file, file)) ?? test.file }));
  for (const file of files.filter(runtime === "node" ? namedAfter : missing)) {
    cases.push({
      name: "the file cannot be loaded, has no test, or ended the process",
      file,
      outcome: "failed",
      detail: linesAbout(file, result.output),
    });
  }
  if (result.code !== 0 && !cases.some(({ outcome }) => outcome === "failed")) {
    cases.push({
      name: `the run ended with code ${result.code} although no test failed`,
      file: "",
      outcome: "failed",
      detail: tail(result.output),
    });
  }
  return cases;
}

/** A run that was ended leaves no report, or half of one: the files under way count as failed, each as one test. */
function silenced(
  runtime: Runtime["name"],
  suite: Suite,
  files: string[],
  { output }: RunResult,
): TestCase[] {
  const seconds = (suite.silenceMs ?? SILENCE_MS) / 1000;
  const found = underWay(runtime, files, output);
  return (found.length > 0 ? found : [""]).map((file) => ({
    name: `the run was ended, for it told nothing for ${seconds} s`,
    file,
    outcome: "failed",
    detail: tail(output),
  }));
}

/** The files that were not yet through when a run was ended: the last that was named, but for Nodes that run several at once. */
function underWay(runtime: Runtime["name"], files: string[], output: string): string[] {
  const named = namedIn(runtime, output);
  const found = named.flatMap((path) => files.find((file) => isFile(path, file)) ?? []);
  return runtime === "node" ? found : found.slice(-1);
}

/** What in the output of a run may be the names of its files. */
function namedIn(runtime: Runtime["name"], output: string): string[] {
  const lines = output.split("\n");
  switch (runtime) {
    case "deno":
      return announced(output);
    case "bun":
      return lines.flatMap((line) => /^(\S+):$/.exec(line)?.[1] ?? []);
    case "node": {
      // Node lists those under way when it is told to end.
      const interrupted = lines.indexOf("Interrupted while running:");
      const listed = interrupted < 0 ? [] : lines.slice(interrupted);
      return listed.flatMap((line) => /^⚠ .*\((\S+):\d+:\d+\)$/u.exec(line)?.[1] ?? []);
    }
  }
}

/** The files that Deno says to have found tests in. */
function announced(output: string): string[] {
  return [...output.matchAll(/^running [1-9]\d* tests? from (.+)$/gm)].map(([, path]) => path);
}

function isFile(reported: string, file: string): boolean {
  return reported === file || reported.endsWith(`/${file}`);
}

const TAIL_LINES = 60;

function tail(text: string): string {
  return text.trimEnd().split("\n").slice(-TAIL_LINES).join("\n");
}

/** The part of a run's output from where it first names the file, or the end of the output. */
function linesAbout(file: string, output: string): string {
  const lines = output.split("\n");
  const first = lines.findIndex((line) => line.includes(file) && !/^Check |^running /.test(line));
  return first < 0 ? tail(output) : lines.slice(first, first + TAIL_LINES).join("\n");
}

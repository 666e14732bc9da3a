/**
 * Threads and processes that record numbered entries, and what must come of it when they do so at once.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { KnownLog } from "./known_log.ts";
import { LogWatcher } from "./log_watcher.ts";
import { Gathering } from "./notes.ts";
import { saysAside } from "./numbered.ts";
import type { NumberedWriter } from "./numbered_writer.ts";
import { listenTo } from "./say.ts";

const PROGRAM = new URL("numbered_writer.ts", import.meta.url);

/** A thread or a process that records. */
export interface Writing {
  /** What it told. */
  readonly lines: Gathering<string>;
  /** Resolves when it is done; rejects with what went wrong. */
  readonly ended: Promise<void>;
}

/** Starts a {@link NumberedWriter}. */
export type StartWriter = (given: NumberedWriter) => Writing;

/** Starts it in a thread. */
export function startThread(given: NumberedWriter): Writing {
  const lines = new Gathering<string>();
  const worker = new Worker(PROGRAM, { workerData: JSON.stringify(given) });
  const ended = new Promise<void>((resolve, reject) => {
    worker.on("message", (line: string) => {
      lines.add(line);
      if (line === "done") resolve();
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the thread ended with code ${code}`)));
  });
  return { lines, ended: ended.finally(() => worker.terminate()) };
}

/** Starts it in a process, by a command that takes a script. */
export function startProcess(command: readonly string[], given: NumberedWriter): Writing {
  const { lines, ended } = listenTo([...command, fileURLToPath(PROGRAM), JSON.stringify(given)]);
  return {
    lines,
    ended: ended.then(({ code, stderr }) =>
      assertEquals([code, stderr, lines.all.at(-1)], [0, "", "done"])
    ),
  };
}

/** What is recorded at once. */
export interface AtOnce {
  readonly backend: "sqlite" | "jsonl";
  /** Where the log is made. */
  readonly path: string;
  /** A writer each. */
  readonly writers: readonly StartWriter[];
  /** How many entries each of a writer's two callers records. */
  readonly each: number;
  /** How many are recorded together, one of these each time. */
  readonly groups: readonly number[];
}

/**
 * Has writers record at once, every other of which signs, and makes sure that all is there, once, in order.
 *
 * @returns How many of them wrote large batches: by another thread, or two at once.
 */
export async function recordAtOnce({ writers, ...plan }: AtOnce): Promise<number> {
  const { backend, path, each } = plan;
  const key = await generateSigningKey("acme.example/at-once");
  const known = new KnownLog(backend, path, key);
  const writing = start({ writers, ...plan }, key.signingKey);
  await Promise.all(writing.map(({ ended }) => ended));
  writing.forEach(({ lines }, n) => known.hear(`${n}`, lines.all));
  assertEquals(known.acknowledged, writers.length * 2 * each);
  for (let readers = 0; readers < 2; readers++) {
    const { log, findings } = await known.check();
    await log.close();
    const { unacknowledged, unreadable, halfGroups, warnings } = findings;
    assertEquals([unacknowledged, unreadable, halfGroups], [0, 0, 0]);
    assertEquals(warnings, ["NOT_SIGNED"]);
  }
  return asideAmong(writing, backend);
}

/**
 * Reads a log while it is recorded to, through two handles, and makes sure that it is always whole.
 *
 * @returns As {@link recordAtOnce}.
 */
export async function readMeanwhile(plan: AtOnce): Promise<number> {
  const { backend, path } = plan;
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/at-once");
  const logs = [
    await AuditLog.open({ backend, path }),
    await AuditLog.open({ backend, path, readOnly: true }),
  ];
  try {
    const watchers = logs.map((log) => new LogWatcher(log, verifierKey));
    const writing = start(plan, signingKey);
    let running = true;
    const ending = Promise.all(writing.map(({ ended }) => ended)).finally(() => running = false);
    ending.catch(() => {}); // it is awaited below, maybe after something else has failed
    for (let n = 0; running; n++) {
      await Promise.all(
        watchers.map((watcher, at) => watcher.look(`${(n + at) % writing.length}`)),
      );
    }
    await ending;
    for (const watcher of watchers) await watcher.finish();
    return asideAmong(writing, backend);
  } finally {
    for (const log of logs) await log.close();
  }
}

function asideAmong(writing: readonly Writing[], backend: AtOnce["backend"]): number {
  return writing.filter(({ lines }) => saysAside(backend, lines.all)).length;
}

function start({ writers, ...plan }: AtOnce, signingKey: string): Writing[] {
  return writers.map((start, n) =>
    start({
      ...plan,
      writer: `${n}`,
      callers: 2,
      durability: n % 4 < 2 ? "full" : "relaxed",
      seed: n * 1000,
      ...(n % 2 === 0 ? { signing: { signingKey, everyEntries: 40 } } : {}),
    })
  );
}

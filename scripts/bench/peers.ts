/**
 * Other packages writing the same data, for scale. They promise less; the names of the rows say what.
 *
 * @module
 */
import { createRequire } from "node:module";
import { AuditLog, type NewEntry } from "../../mod.ts";
import { CALLERS, recordBy } from "./callers.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { type Contender, interleave, perSecond, rowsOf, type Section } from "./rounds.ts";

// What is used of the peers. They are installed when this is run and so have no types here.
interface LlmAuditLog {
  log(entry: object): Promise<unknown>;
  close(): Promise<void>;
}
interface Pino {
  (options: object, destination: PinoDestination): { info(object: object): void };
  destination(options: object): PinoDestination;
}
interface PinoDestination {
  on(event: "close", listener: () => void): void;
  end(): void;
}

/** All write JSON lines to a file. */
export async function measurePeers(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  const count = task.full ? 20_000 : 4000;
  const require = createRequire(`${task.peers}/`);
  const inFile = (name: string, work: (path: string) => Promise<number>): Contender => ({
    name,
    run: () => inNewFolder(task.folder, work),
  });
  const figures = await interleave([
    inFile("record(), 1,024 callers, on disk", (path) => ours(path, entries, count)),
    inFile(
      "llm-audit-log, HMAC chain, not synced",
      (path) => llmAuditLog(require("llm-audit-log"), path, entries, count),
    ),
    ...[true, false].map((sync) =>
      inFile(
        sync ? "pino, not synced" : "pino asynchronous, some in memory",
        (path) => pino(require("pino"), { dest: path, sync }, entries, count),
      )
    ),
  ], task.rounds);
  return {
    title: "JSON lines, other packages for scale",
    note: `${count} records a round; until all is written`,
    rows: rowsOf(figures, "records/s"),
  };
}

async function ours(
  path: string,
  entries: readonly NewEntry[],
  count: number,
): Promise<number> {
  const log = await AuditLog.open({ backend: "jsonl", path });
  const speed = await recordBy(CALLERS, log, entries, count);
  await log.close();
  return speed;
}

async function llmAuditLog(
  { createAuditLog }: { createAuditLog: (options: object) => LlmAuditLog },
  storagePath: string,
  entries: readonly NewEntry[],
  count: number,
): Promise<number> {
  const log = createAuditLog({ storagePath, hmacSecret: "secret" });
  const start = performance.now();
  for (let index = 0; index < count; index++) {
    const entry = entries[index % entries.length];
    await log.log({
      model: entry.model,
      provider: "openai",
      input: entry.inputText,
      output: entry.outputText,
      tokens: { input: 100, output: 500 },
      latencyMs: entry.latencyMs,
      cost: entry.costUsd,
      actor: entry.user,
      metadata: entry.metadata,
    });
  }
  await log.close();
  return perSecond(count, start);
}

async function pino(
  pino: Pino,
  options: { dest: string; sync: boolean },
  entries: readonly NewEntry[],
  count: number,
): Promise<number> {
  // Pino's manual gives this size for asynchronous logging.
  const destination = pino.destination({ ...options, minLength: options.sync ? 0 : 4096 });
  const logger = pino({}, destination);
  const start = performance.now();
  for (let index = 0; index < count; index++) logger.info(entries[index % entries.length]);
  const closed = new Promise<void>((resolve) => destination.on("close", resolve));
  destination.end();
  await closed;
  return perSecond(count, start);
}

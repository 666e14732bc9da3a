/**
 * Run as a process of its own: records as fast as `log.ready` lets it, awaits no record, and prints by how many megabytes its
 * memory grew at most.
 *
 * @module
 */
import process from "node:process";
import { AuditLog, type LogRecord, type LogStore } from "../../mod.ts";
import { collectGarbage } from "./rounds.ts";

/** What a producer is told, as JSON. */
export interface ProducerTask {
  /** `nothing` is a store that throws all away: what is left is what texts and the runtime's garbage take. */
  backend: "sqlite" | "jsonl" | "nothing";
  path: string;
  /** Whether all entries share the memory of one text, so that what waits takes next to none. */
  texts: "shared" | "own";
  count: number;
  textBytes: number;
}

/** How long it takes to throw a batch away: about as long as a disk takes to sync one, milliseconds. */
const NOTHING_MS = 5;

/** Makes the lines, as every store does, and keeps none. */
class Nothing implements LogStore {
  readonly kind = "nothing";
  size = 0;
  characters = 0;

  async append(records: readonly LogRecord[]): Promise<number> {
    for (const { line } of records) this.characters += line.length;
    await new Promise((resolve) => setTimeout(resolve, NOTHING_MS));
    this.size += records.length;
    return this.size - records.length;
  }

  indexOf(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  async *read(): AsyncGenerator<readonly LogRecord[]> {}

  count(): Promise<number> {
    return Promise.resolve(this.size);
  }

  info(): Promise<Record<string, never>> {
    return Promise.resolve({});
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Makes the text of an entry. */
function textMaker({ texts, textBytes }: ProducerTask): (n: number) => string {
  const text = "x".repeat(textBytes);
  // Strings that are put together refer to their parts until somebody reads them.
  if (texts === "shared") return (n) => `${n} ${text}`;
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  return (n) => {
    new TextEncoder().encodeInto(`${n} `, bytes);
    return decoder.decode(bytes);
  };
}

/** Bytes. */
async function growth(task: ProducerTask): Promise<number> {
  const { backend, path, count } = task;
  const log = await AuditLog.open(
    backend === "nothing" ? { backend: new Nothing() } : { backend, path },
  );
  const textOf = textMaker(task);
  collectGarbage();
  const before = process.memoryUsage.rss();
  let most = before;
  let failed: unknown;
  for (let n = 0; n < count; n++) {
    await log.ready;
    log.record({ model: "m", inputText: "", outputText: textOf(n) })
      .catch((error) => failed ??= error);
    if (n % 64 === 0) most = Math.max(most, process.memoryUsage.rss());
  }
  await log.close();
  if (failed !== undefined) throw failed;
  return Math.max(most, process.memoryUsage.rss()) - before;
}

console.log(await growth(JSON.parse(process.argv[2])) / 1e6);

/**
 * Opens a JSONL log and prints what that took. Arguments: the path, the number of entries expected.
 *
 * @module
 */
import process from "node:process";
import { AuditLog, type FileAdapter, type OpenFile, type Runtime } from "../../mod.ts";

/** What opening took. */
export interface Opened {
  seconds: number;
  /** How much larger the process became at most, 10^6 bytes. */
  memoryMb: number;
  /** How much of the log's file was read, 10^6 bytes. */
  readMb: number;
}

const [path, size] = process.argv.slice(2);
const name = "Deno" in globalThis ? "deno" : "Bun" in globalThis ? "bun" : "node";
const { runtime }: { runtime: Runtime } = await import(`../../adapters/${name}/mod.ts`);

let bytesRead = 0;
let highest = 0;

/** Passes everything on, and looks at the memory at each read. */
function watched(file: OpenFile): OpenFile {
  return {
    stat: () => file.stat(),
    append: (bytes) => file.append(bytes),
    sync: () => file.sync(),
    close: () => file.close(),
    async read(buffer, position) {
      const read = await file.read(buffer, position);
      bytesRead += read;
      highest = Math.max(highest, memory());
      return read;
    },
  };
}

function memory(): number {
  return process.memoryUsage().rss;
}

const file: FileAdapter = {
  ...runtime.file,
  open: async (path, mode) => watched(await runtime.file.open(path, mode)),
};

const before = memory();
const start = performance.now();
const log = await AuditLog.open({ backend: "jsonl", path, runtime: { ...runtime, file } });
const seconds = (performance.now() - start) / 1000;
highest = Math.max(highest, memory());
if (log.size !== Number(size)) throw new Error(`the log has ${log.size} entries, not ${size}`);
await log.close();
const opened: Opened = {
  seconds,
  memoryMb: (highest - before) / 1e6,
  readMb: bytesRead / 1e6,
};
console.log(JSON.stringify(opened));

/**
 * The program of the threads that a log starts, put together from the core and an adapter. It is not there to be
 * imported: `adapters/worker_thread.ts` starts it.
 *
 * @module
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { HashReply, HashRequest } from "./adapters/hash_thread.ts";
import { CLOSE, type WriteRequest } from "./adapters/row_writer.ts";
import type { ThreadJob } from "./adapters/worker_thread.ts";
import type { RowsWritten, RowWriterSettings, Runtime } from "./src/ports.ts";
import { RowThread } from "./src/stores/row_thread.ts";
import { LeafHasher } from "./src/transparency/leaf_hasher.ts";

async function currentRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/mod.ts")).runtime;
  if ("Deno" in globalThis) return (await import("./adapters/deno/mod.ts")).runtime;
  return (await import("./adapters/node/mod.ts")).runtime;
}

/** Hashes leaves. */
function hash(port: MessagePort, { sha256 }: Runtime): void {
  const hasher = new LeafHasher(sha256);
  port.on("message", ({ slab, bounds, start, claims }: HashRequest) => {
    const hashed = hasher.hash({
      slab,
      bounds: new Uint32Array(bounds),
      ...(start === undefined ? {} : { start: new Uint8Array(start) }),
      ...(claims === undefined ? {} : { claims: new Uint8Array(claims) }),
    });
    const buffers = [hashed.leaves, hashed.roots, hashed.plain].map(({ buffer }) => buffer);
    const [leaves, roots, plain] = buffers as ArrayBuffer[];
    const reply: HashReply = { leaves: leaves!, roots: roots!, plain: plain!, slab };
    port.postMessage(reply, Object.values(reply));
  });
}

/** Writes rows, until it is asked to end. */
async function write(port: MessagePort, runtime: Runtime, settings: RowWriterSettings) {
  const thread = await RowThread.open(runtime, settings);
  port.on("message", async (request: WriteRequest | typeof CLOSE) => {
    if (request === CLOSE) {
      await thread.close();
      return port.postMessage(CLOSE);
    }
    const { slab, bounds, texts, numbers, then } = request;
    const written: RowsWritten = await thread.write({
      slab,
      bounds: new Uint32Array(bounds),
      texts: new Uint8Array(texts),
      numbers: new Float64Array(numbers),
      then,
    });
    port.postMessage(written, [slab]);
  });
}

if (parentPort !== null) {
  const [job, runtime] = [workerData as ThreadJob, await currentRuntime()];
  if (job.does === "hash") hash(parentPort, runtime);
  else await write(parentPort, runtime, job.settings);
  parentPort.postMessage(undefined); // it is ready
}

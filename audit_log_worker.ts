/**
 * The program of the threads that a log starts, put together from the core and an adapter. It is not there to be
 * imported: `adapters/worker_thread.ts` starts it.
 *
 * Each thread imports what it needs for its job alone: most of the time that its start takes goes there.
 *
 * @module
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { HashReply, HashRequest } from "./adapters/hash_thread.ts";
import type { CLOSE, WriteRequest } from "./adapters/row_writer.ts";
import type { ThreadJob } from "./adapters/worker_thread.ts";
import type { RowsWritten, RowWriterSettings, Runtime, Sha256 } from "./src/ports.ts";

async function currentRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/mod.ts")).runtime;
  if ("Deno" in globalThis) return (await import("./adapters/deno/mod.ts")).runtime;
  return (await import("./adapters/node/mod.ts")).runtime;
}

async function currentSha256(): Promise<Sha256> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/sha256.ts")).sha256;
  return (await import("./adapters/node/sha256.ts")).sha256;
}

/** Hashes leaves. */
async function hash(port: MessagePort): Promise<void> {
  const { LeafHasher } = await import("./src/transparency/leaf_hasher.ts");
  const hasher = new LeafHasher(await currentSha256());
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
async function write(port: MessagePort, settings: RowWriterSettings): Promise<void> {
  const { RowThread } = await import("./src/stores/row_thread.ts");
  const thread = await RowThread.open(await currentRuntime(), settings);
  port.on("message", async (request: WriteRequest | typeof CLOSE) => {
    if (request === "close") {
      await thread.close();
      return port.postMessage(request);
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
  const job = workerData as ThreadJob;
  if (job.does === "hash") await hash(parentPort);
  else await write(parentPort, job.settings);
  parentPort.postMessage(undefined); // it is ready
}

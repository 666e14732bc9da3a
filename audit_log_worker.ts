/**
 * The program of the threads that a log starts, put together from the core and an adapter. It is not there to be
 * imported: `adapters/hash_thread.ts` starts it.
 *
 * @module
 */
import { type MessagePort, parentPort } from "node:worker_threads";
import type { HashReply, HashRequest } from "./adapters/hash_thread.ts";
import type { Sha256 } from "./src/ports.ts";
import { LeafHasher } from "./src/transparency/leaf_hasher.ts";

async function runtimesSha256(): Promise<Sha256> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/sha256.ts")).sha256;
  if ("Deno" in globalThis) return (await import("./adapters/deno/sha256.ts")).sha256;
  return (await import("./adapters/node/sha256.ts")).sha256;
}

/** Answers requests. */
function serve(port: MessagePort, sha256: Sha256): void {
  const hasher = new LeafHasher(sha256);
  port.on("message", ({ slab, bounds, start, claims }: HashRequest) => {
    const { leaves, roots, plain } = hasher.hash({
      slab,
      bounds: new Uint32Array(bounds),
      ...(start === undefined ? {} : { start: new Uint8Array(start) }),
      ...(claims === undefined ? {} : { claims: new Uint8Array(claims) }),
    });
    reply(leaves.buffer, roots.buffer, plain.buffer, slab);
  });
  const none = () => new ArrayBuffer(0);
  reply(none(), none(), none(), none());

  function reply(...buffers: ArrayBufferLike[]): void {
    const [leaves, roots, plain, slab] = buffers as ArrayBuffer[];
    const content = { leaves: leaves!, roots: roots!, plain: plain!, slab: slab! };
    port.postMessage(content satisfies HashReply, buffers as ArrayBuffer[]);
  }
}

if (parentPort !== null) serve(parentPort, await runtimesSha256());

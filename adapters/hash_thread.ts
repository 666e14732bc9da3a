/**
 * A thread for hashing.
 *
 * @module
 */
import type { HashedLeaves, HashThread, Leaves } from "../src/ports.ts";
import { ownBuffer, WorkerThread } from "./worker_thread.ts";

/** What is sent to the thread. Buffers and nothing else: Deno looks at every element of a typed array that it sends. */
export interface HashRequest {
  /** The leaves. */
  readonly slab: ArrayBuffer;
  /** Where they are, as 32-bit numbers. */
  readonly bounds: ArrayBuffer;
  /** The hashes that they follow on, when the thread begins anew. */
  readonly start: ArrayBuffer | undefined;
}

/** What is sent back. */
export interface HashReply {
  /** The hashes of the leaves. */
  readonly leaves: ArrayBuffer;
  /** The roots of tiles. */
  readonly roots: ArrayBuffer;
  /** The leaves, for other ones. */
  readonly slab: ArrayBuffer;
}

/** Starts a thread, and resolves when it is ready. */
export async function startHashThread(): Promise<HashThread> {
  const thread = new WorkerThread<HashRequest, HashReply>({ does: "hash" });
  await thread.ready;
  return {
    async hash({ slab, bounds, start }: Leaves): Promise<HashedLeaves> {
      const request: HashRequest = {
        slab,
        bounds: ownBuffer(bounds),
        start: start && ownBuffer(start.slice()),
      };
      const buffers = [request.slab, request.bounds, request.start];
      const reply = await thread.ask(request, buffers.filter((buffer) => buffer !== undefined));
      return {
        leaves: new Uint8Array(reply.leaves),
        roots: new Uint8Array(reply.roots),
        slab: reply.slab,
      };
    },
    close: () => void thread.close(),
  };
}

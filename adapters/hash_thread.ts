/**
 * A thread for hashing by way of `node:worker_threads`, which Node, Deno and Bun have alike.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import type { HashedLeaves, HashThread, Leaves } from "../src/ports.ts";

/** What is sent to the thread. Buffers and nothing else: Deno looks at every element of a typed array that it sends. */
export interface HashRequest {
  /** The leaves. */
  readonly slab: ArrayBuffer;
  /** Where they are, as 32-bit numbers. */
  readonly bounds: ArrayBuffer;
  /** The hashes that they follow on, when the thread begins anew. */
  readonly start: ArrayBuffer | undefined;
  /** What is claimed of them. */
  readonly claims: ArrayBuffer | undefined;
}

/** What is sent back, in the order of the requests; before them one without anything, when the program runs. */
export interface HashReply {
  /** The hashes of the leaves. */
  readonly leaves: ArrayBuffer;
  /** The roots of tiles. */
  readonly roots: ArrayBuffer;
  /** Which leaves plainly say what is claimed of them. */
  readonly plain: ArrayBuffer;
  /** The leaves, for other ones. */
  readonly slab: ArrayBuffer;
}

/** The thread's program. Compiled, it has another ending; the name is one that nobody else has where all is bundled. */
const PROGRAM = new URL(
  `../audit_log_worker.${import.meta.url.endsWith(".ts") ? "ts" : "js"}`,
  import.meta.url,
);

interface Waiting {
  readonly resolve: (hashed: HashedLeaves) => void;
  readonly reject: (reason: Error) => void;
}

/** Starts a thread, and resolves when it is ready. */
export async function startHashThread(): Promise<HashThread> {
  const thread = new WorkerThread();
  await thread.ready;
  return thread;
}

/** What Deno tells of permissions. */
interface DenoPermissions {
  querySync(descriptor: { name: "read"; path: URL }): { state: string };
}

/**
 * @throws {Error} Where Deno would ask on the terminal for a permission that the user did not give: there is another way.
 */
function programUrl(): URL {
  // Deno's `Worker` takes no program from the net, as those of JSR are, but one that imports it.
  if (PROGRAM.protocol !== "file:") {
    return new URL(`data:text/javascript,import ${encodeURIComponent(JSON.stringify(PROGRAM))};`);
  }
  const { Deno } = globalThis as { Deno?: { permissions: DenoPermissions } };
  const state = Deno?.permissions.querySync({ name: "read", path: PROGRAM }).state ?? "granted";
  if (state === "granted") return PROGRAM;
  throw new Error(
    `the thread's program may not be read; --allow-read=${PROGRAM.pathname} allows it`,
  );
}

class WorkerThread implements HashThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;
  /** Resolves when the program runs. */
  readonly ready: Promise<unknown>;

  constructor() {
    // Without the flags of the process: what they load first is not meant for this thread.
    this.#worker = new Worker(programUrl(), { execArgv: [] });
    this.ready = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#worker.on("message", (reply: HashReply) => this.#answer(reply));
    this.#worker.on("error", (reason: unknown) => {
      this.#fail(reason instanceof Error ? reason : new Error(String(reason)));
    });
    this.#worker.on("exit", () => this.#fail(new Error("the thread has ended")));
  }

  hash({ slab, bounds, start, claims }: Leaves): Promise<HashedLeaves> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref();
      const buffers = [slab, bounds, start?.slice(), claims].map(ownBuffer);
      const request = { slab, bounds: buffers[1]!, start: buffers[2], claims: buffers[3] };
      const given = buffers.filter((buffer) => buffer !== undefined);
      this.#worker.postMessage(request satisfies HashRequest, given);
    });
  }

  close(): void {
    this.#fail(new Error("the thread was closed"));
    void this.#worker.terminate();
  }

  #answer({ leaves, roots, plain, slab }: HashReply): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    waiting?.resolve({
      leaves: new Uint8Array(leaves),
      roots: new Uint8Array(roots),
      plain: new Uint8Array(plain),
      slab,
    });
  }

  #fail(reason: Error): void {
    this.#failure ??= reason;
    this.#worker.unref();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** A buffer to be given away: that of a view which has one for itself, or else a copy. */
function ownBuffer(
  data: ArrayBuffer | ArrayBufferView<ArrayBuffer> | undefined,
): ArrayBuffer | undefined {
  if (data === undefined || data instanceof ArrayBuffer) return data;
  const { buffer, byteOffset, byteLength } = data;
  return byteLength === buffer.byteLength
    ? buffer
    : buffer.slice(byteOffset, byteOffset + byteLength);
}

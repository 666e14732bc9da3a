/**
 * Threads by way of `node:worker_threads`, which Node, Deno and Bun have alike.
 *
 * @module
 */
import { Worker } from "node:worker_threads";
import type { RowWriterSettings } from "../src/ports.ts";
import { isPermitted } from "./deno_permissions.ts";

/** What a thread is for; it gets this when it starts. */
export type ThreadJob =
  | { readonly does: "hash" }
  | { readonly does: "write"; readonly settings: RowWriterSettings };

/** Where this module is: nothing, where a bundler has made CommonJS of it. */
const here: string | undefined = import.meta.url;

/**
 * The threads' program. Compiled, it has another ending; the name is one that nobody else has where all is bundled.
 *
 * @throws {Error} Where it cannot be found, or Deno would ask on the terminal for a permission that the user did not
 * give: there is another way.
 */
function programUrl(): URL {
  if (here === undefined) throw new Error("the thread's program was not bundled with this one");
  const program = new URL(`../audit_log_worker.${here.endsWith(".ts") ? "ts" : "js"}`, here);
  // Deno's `Worker` takes no program from the net, as those of JSR are, but one that imports it.
  if (program.protocol !== "file:") {
    return new URL(`data:text/javascript,import ${encodeURIComponent(JSON.stringify(program))};`);
  }
  if (isPermitted(program, "read")) return program;
  throw new Error(
    `the thread's program may not be read; --allow-read=${program.pathname} allows it`,
  );
}

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: Error) => void;
}

/** A thread that answers requests in their order. It keeps no process alive unless an answer is awaited. */
export class WorkerThread<Request, Reply> {
  readonly #worker: Worker;
  readonly #waiting: Waiting<Reply>[] = [];
  #failure: Error | undefined;
  #ended: Promise<unknown> | undefined;
  /** Resolves when the thread has said that it is ready. */
  readonly ready: Promise<unknown>;

  /** Starts a thread. */
  constructor(job: ThreadJob) {
    // Without the flags of the process: what they load first is not meant for this thread.
    this.#worker = new Worker(programUrl(), { execArgv: [], workerData: job });
    this.ready = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#worker.on("message", (reply: Reply) => this.#answer(reply));
    this.#worker.on("error", (reason: unknown) => {
      void this.#fail(reason instanceof Error ? reason : new Error(String(reason)));
    });
    this.#worker.on("exit", () => void this.#fail(new Error("the thread has ended")));
  }

  /**
   * Asks for something.
   *
   * @param given Buffers that belong to the thread from then on.
   * @throws {Error} Why the thread cannot be used any more. It has ended then.
   */
  ask(request: Request, given: ArrayBuffer[]): Promise<Reply> {
    if (this.#failure !== undefined) return this.#refuse(this.#failure);
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ resolve, reject }) === 1) this.#worker.ref();
      this.#worker.postMessage(request, given);
    });
  }

  /** Ends the thread; what is still awaited is rejected. */
  async close(): Promise<void> {
    await this.#fail(new Error("the thread was closed"));
  }

  async #refuse(reason: Error): Promise<never> {
    await this.#ended;
    throw reason;
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    waiting?.resolve(reply);
  }

  async #fail(reason: Error): Promise<void> {
    const failure = this.#failure ??= reason;
    this.#worker.unref();
    await (this.#ended ??= Promise.resolve(this.#worker.terminate()).catch(() => {}));
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }
}

/** A buffer to be given away: that of a view which has one for itself, or else a copy. */
export function ownBuffer(data: ArrayBufferView<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = data;
  return byteLength === buffer.byteLength
    ? buffer
    : buffer.slice(byteOffset, byteOffset + byteLength);
}

/**
 * Threads by way of `node:worker_threads`, which Node, Deno and Bun have alike.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { RecordCheckerSettings, RowWriterSettings } from "../src/ports.ts";
import { VERSION } from "../src/version.ts";
import { isPermitted } from "./deno_permissions.ts";

/** Asks a thread to close the database that it has open. */
export const CLOSE = "close";

/** What a thread is for. */
export type ThreadJob =
  | { readonly does: "hash" }
  | { readonly does: "write"; readonly settings: RowWriterSettings }
  | { readonly does: "check"; readonly settings: RecordCheckerSettings };

/** What a thread gets when it starts. */
export interface ThreadStart {
  readonly job: ThreadJob;
  /** Which version starts it: a bundle may find the program of another, as a package may that was replaced since. */
  readonly version: string;
}

/** What the thread's program posts. Messages of others are not: `node --watch` posts in each thread what that imports. */
export interface ThreadReply<Reply> {
  readonly auditLogReply: Reply;
}

/** What the thread's program posts where it cannot do its job. It has done nothing then. */
export interface ThreadFailure {
  readonly auditLogFailure: string;
}

declare const __filename: string | undefined;

/** Where this module is. A bundler that makes CommonJS of it may know no more than what CommonJS has. */
const here: string | undefined = import.meta.url ??
  (typeof __filename === "string" ? pathToFileURL(__filename).href : undefined);

/**
 * The threads' program. Compiled, it has another ending.
 *
 * @throws {Error} Where it cannot be found, or Deno would ask on the terminal for a permission that the user did not
 * give: there is another way.
 */
function programUrl(): URL {
  if (here === undefined || !/\/adapters\/worker_thread\.[jt]s$/.test(here)) {
    return bundledProgram();
  }
  // Said so that tools see it that look for the files of an application: Next.js copies those to where it is to run.
  const program = new URL(
    `../audit_log_worker.${here.endsWith(".ts") ? "ts" : "js"}`,
    import.meta.url,
  );
  // Deno's `Worker` takes no program from the net, as those of JSR are, but one that imports it.
  if (program.protocol !== "file:") {
    return new URL(`data:text/javascript,import ${encodeURIComponent(JSON.stringify(program))};`);
  }
  if (isPermitted(program, "read")) return program;
  throw new Error(
    `the thread's program may not be read; --allow-read=${fileURLToPath(program)} allows it`,
  );
}

/** The program where all is bundled: beside the bundle, under a name that nobody else has, or above its folder of parts. */
function bundledProgram(): URL {
  for (const path of here === undefined ? [] : BUNDLED) {
    const program = new URL(path, here);
    if (isPermitted(program, "read") && existsSync(program)) return program;
  }
  throw new Error("the thread's program was not bundled beside this one, as audit_log_worker.js");
}

const BUNDLED = ["./", "../"].flatMap((folder) =>
  ["js", "mjs", "cjs"].map((ending) => `${folder}audit_log_worker.${ending}`)
);

/** How long a thread may take to say that it is ready, milliseconds. All that it was to do can be done without it. */
const PATIENCE_MS = 30_000;

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
  readonly #patience: ReturnType<typeof setTimeout>;
  /** Resolves when the thread has said that it is ready. */
  readonly ready: Promise<unknown>;

  /**
   * Starts a thread.
   *
   * @param program What it runs: ours, which is found as long as nobody has put another in its place.
   * @param patienceMs How long it may take to be ready, milliseconds.
   */
  constructor(job: ThreadJob, program: URL = programUrl(), patienceMs = PATIENCE_MS) {
    // Without the flags of the process: what they load first is not meant for this thread.
    const workerData: ThreadStart = { job, version: VERSION };
    this.#worker = new Worker(program, { execArgv: [], workerData });
    this.ready = new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.#patience = setTimeout(() => {
      void this.#fail(new Error(`it was not ready after ${patienceMs / 1000} seconds`));
    }, patienceMs);
    this.#worker.on("message", (message: unknown) => {
      if (isReply<Reply>(message)) this.#answer(message.auditLogReply);
      else if (isFailure(message)) void this.#fail(new Error(message.auditLogFailure));
    });
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

  /** Has the thread answer what it was asked for and close its database, and ends it. Requests may be {@link CLOSE}. */
  async closeAfterAll(): Promise<void> {
    await this.ask(CLOSE as Request, []).catch(() => {}); // it has ended, and its database with it
    await this.close();
  }

  async #refuse(reason: Error): Promise<never> {
    await this.#ended;
    throw reason;
  }

  #answer(reply: Reply): void {
    clearTimeout(this.#patience);
    const waiting = this.#waiting.shift();
    if (this.#waiting.length === 0) this.#worker.unref();
    waiting?.resolve(reply);
  }

  async #fail(reason: Error): Promise<void> {
    const failure = this.#failure ??= reason;
    clearTimeout(this.#patience);
    this.#worker.unref();
    await (this.#ended ??= Promise.resolve(this.#worker.terminate()).catch(() => {}));
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
  }
}

function isReply<Reply>(message: unknown): message is ThreadReply<Reply> {
  return typeof message === "object" && message !== null && "auditLogReply" in message;
}

function isFailure(message: unknown): message is ThreadFailure {
  return typeof message === "object" && message !== null && "auditLogFailure" in message;
}

/** A buffer to be given away: that of a view which has one for itself, or else a copy. */
export function ownBuffer(data: ArrayBufferView<ArrayBuffer>): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = data;
  return byteLength === buffer.byteLength
    ? buffer
    : buffer.slice(byteOffset, byteOffset + byteLength);
}

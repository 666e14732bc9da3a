/**
 * The program of the threads that a log starts, put together from the core and an adapter. It is there to be bundled
 * beside an application, as `audit_log_worker.js`, so that its log can start threads. Otherwise `adapters/worker_thread.ts`
 * finds it by itself.
 *
 * Each thread imports what it needs for its job alone: most of the time that its start takes goes there.
 *
 * @module
 */
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { HashReply, HashRequest } from "./adapters/hash_thread.ts";
import type { CheckReply, CheckRequest } from "./adapters/record_checker.ts";
import type { WriteRequest } from "./adapters/row_writer.ts";
import type {
  CLOSE,
  ThreadFailure,
  ThreadJob,
  ThreadReply,
  ThreadStart,
} from "./adapters/worker_thread.ts";
import type {
  RecordCheckerSettings,
  RowsWritten,
  RowWriterSettings,
  Runtime,
  Sha256,
} from "./src/ports.ts";
import { VERSION } from "./src/version.ts";

async function currentRuntime(): Promise<Runtime> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/mod.ts")).runtime;
  if ("Deno" in globalThis) return (await import("./adapters/deno/mod.ts")).runtime;
  return (await import("./adapters/node/mod.ts")).runtime;
}

async function currentSha256(): Promise<Sha256> {
  if ("Bun" in globalThis) return (await import("./adapters/bun/sha256.ts")).sha256;
  return (await import("./adapters/node/sha256.ts")).sha256;
}

function post<Reply>(port: MessagePort, reply: Reply, given: ArrayBuffer[] = []): void {
  const message: ThreadReply<Reply> = { auditLogReply: reply };
  port.postMessage(message, given);
}

/** Answers requests, until one asks the thread to close what it has open. */
function answer<Request>(
  port: MessagePort,
  thread: { close(): Promise<void> },
  to: (request: Request) => Promise<void>,
): void {
  port.on("message", async (request: Request | typeof CLOSE) => {
    if (request !== "close") return await to(request);
    await thread.close();
    post(port, request);
  });
}

/** Hashes leaves. */
async function hash(port: MessagePort): Promise<void> {
  const { LeafHasher } = await import("./src/transparency/leaf_hasher.ts");
  const hasher = new LeafHasher(await currentSha256());
  port.on("message", ({ slab, bounds, start }: HashRequest) => {
    const hashed = hasher.hash({
      slab,
      bounds: new Uint32Array(bounds),
      ...(start === undefined ? {} : { start: new Uint8Array(start) }),
    });
    const [leaves, roots] = [hashed.leaves.buffer, hashed.roots.buffer] as ArrayBuffer[];
    const reply: HashReply = { leaves: leaves!, roots: roots!, slab };
    post(port, reply, Object.values(reply));
  });
}

/** Writes rows, until it is asked to end. */
async function write(port: MessagePort, settings: RowWriterSettings): Promise<void> {
  const { RowThread } = await import("./src/stores/row_thread.ts");
  const thread = await RowThread.open(await currentRuntime(), settings);
  answer(port, thread, async ({ slab, bounds, texts, numbers, then }: WriteRequest) => {
    const written: RowsWritten = await thread.write({
      slab,
      bounds: new Uint32Array(bounds),
      texts: new Uint8Array(texts),
      numbers: new Float64Array(numbers),
      then,
    });
    post(port, written, [slab]);
  });
}

/** Checks records. */
async function check(port: MessagePort, settings: RecordCheckerSettings): Promise<void> {
  const { RecordCheckThread } = await import("./src/stores/record_check_thread.ts");
  const thread = await RecordCheckThread.open(await currentRuntime(), settings);
  answer(port, thread, async ({ from, to }: CheckRequest) => {
    const checked = await thread.check(from, to);
    if (checked === undefined) return post<CheckReply>(port, checked);
    const [leaves, roots] = [checked.leaves.buffer, checked.roots.buffer];
    post<CheckReply>(port, { ...checked, leaves, roots }, [leaves, roots]);
  });
}

async function start(port: MessagePort, job: ThreadJob): Promise<void> {
  switch (job.does) {
    case "hash":
      await hash(port);
      break;
    case "write":
      await write(port, job.settings);
      break;
    case "check":
      await check(port, job.settings);
  }
  post(port, undefined); // it is ready
}

function tellFailure(port: MessagePort, error: unknown): void {
  const failure: ThreadFailure = {
    auditLogFailure: error instanceof Error ? error.message : String(error),
  };
  port.postMessage(failure);
}

// No top-level await, for what is bundled as CommonJS has none.
const given = workerData as Partial<ThreadStart> | null | undefined;
if (parentPort !== null && given?.job !== undefined) {
  const { job, version } = given as ThreadStart;
  // Thrown, for another version may not know what is posted where something fails. Deno prints what a thread throws.
  if (version !== VERSION) {
    throw new Error(`the thread's program is that of version ${VERSION}, not ${version}`);
  }
  const port = parentPort;
  start(port, job).catch((error) => tellFailure(port, error));
}

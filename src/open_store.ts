import { AuditLogError } from "./errors.ts";
import type { Settings } from "./options.ts";
import type { Runtime } from "./ports.ts";
import { faultOf } from "./stores/faults.ts";
import { openJsonlStore } from "./stores/jsonl.ts";
import { MemoryStore } from "./stores/memory.ts";
import { openSqliteStore } from "./stores/sqlite.ts";
import type { LogStore } from "./stores/store.ts";
import { sha256 } from "./transparency/sha256.ts";

/** Opens the store that the options of a log name, whose path is in full. */
export async function openStore(settings: Settings): Promise<LogStore> {
  const { backend } = settings;
  if (typeof backend === "object") return backend;
  if (backend === "memory") return new MemoryStore();
  const runtime = settings.runtime ?? await currentRuntime();
  const open = backend === "sqlite" ? openSqliteStore : openJsonlStore;
  // The adapter knows which names its system takes for others.
  return await open(runtime, { ...settings, path: runtime.file.absolute(settings.path) });
}

let findRuntime: (() => Promise<Runtime>) | undefined;
let absolute = (path: string): string => path;

/**
 * Tells how to find the adapter of the runtime; `mod.ts` does, so that the core names no runtime.
 *
 * @param finder Finds it.
 * @param absolutely Gives a path in full, at once: to find the adapter takes a while.
 */
export function setRuntimeFinder(
  finder: () => Promise<Runtime>,
  absolutely: (path: string) => string,
): void {
  findRuntime = finder;
  absolute = absolutely;
}

/**
 * A path in full. It is asked for before anything is awaited, so that the path leads to the same file when the current folder changes.
 *
 * @param runtime The adapter, if one was given.
 * @throws {AuditLogError} `PATH_NOT_FOUND` when the path is relative, and the current folder is gone.
 */
export function inFull(path: string, runtime?: Runtime): string {
  try {
    return runtime === undefined ? absolute(path) : runtime.file.absolute(path);
  } catch (error) {
    throw faultOf(`open ${path}`, error, "READ_FAILED");
  }
}

/**
 * The adapter of the runtime that this runs on.
 *
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME`.
 */
export async function currentRuntime(): Promise<Runtime> {
  if (findRuntime !== undefined) return await findRuntime();
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot open the log: no adapter for this runtime; give one as the option runtime",
    { path: "runtime" },
  );
}

/**
 * What the runtime that this runs on hashes with. Where there is none, as in a browser, it is a SHA-256 in plain TypeScript: a log in
 * memory asks nothing of a runtime.
 */
export async function currentHashing(): Promise<Pick<Runtime, "sha256" | "startHashThread">> {
  try {
    return await currentRuntime();
  } catch (error) {
    if (error instanceof AuditLogError && error.code === "UNSUPPORTED_RUNTIME") return { sha256 };
    throw error;
  }
}

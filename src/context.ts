import type { JsonObject } from "./json.ts";
import { AuditLogError } from "./errors.ts";
import { nameFault } from "./entry.ts";
import { describe } from "./refusal.ts";
import { isPlainObject, snapshot } from "./snapshot.ts";

/** What is recorded of everything that happens within {@link withAuditContext}, unless an entry says otherwise. */
export interface AuditContext {
  /** Who asks: 1 to 256 characters, no control characters. */
  readonly user?: string | undefined;
  /** Metadata, as plain JSON. What an entry has of its own goes before. */
  readonly metadata?: object | undefined;
}

/** A context that was checked and copied. */
export interface CheckedContext {
  readonly user: string | undefined;
  readonly metadata: JsonObject;
}

/** Holds a value for everything that a function does, also after it has returned. */
interface Storage {
  run<R>(value: CheckedContext, fn: () => R): R;
  getStore(): CheckedContext | undefined;
}

let makeStorage: (() => Storage) | undefined;
let storage: Storage | undefined;

/** Says how to make a storage; the runtime's part of this. */
export function setContextStorage(make: () => Storage): void {
  makeStorage = make;
}

/** The context that this is called in, if there is one. */
export function presentContext(): CheckedContext | undefined {
  return storage?.getStore();
}

/**
 * Calls a function, and has what is recorded within it, and in whatever it starts, carry a user and metadata: through awaits,
 * timers and streams, in every log. Contexts nest: an inner one goes before, metadata key by key.
 *
 * @param context The user, metadata, or both.
 * @param fn What to call.
 * @returns What it returns.
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the field at fault; `UNSUPPORTED_RUNTIME` where the runtime has no
 *   `AsyncLocalStorage`.
 *
 * @example
 * ```ts
 * import { AuditLog, withAuditContext } from "@audit-log/llm";
 *
 * const log = await AuditLog.open();
 * await withAuditContext({ user: "alice", metadata: { request: "r-17" } }, async () => {
 *   await log.record({ model: "gpt-4o", inputText: "Hi", outputText: "Hello!" });
 * });
 * console.log((await log.query({ user: "alice" })).length); // 1
 * await log.close();
 * ```
 */
export function withAuditContext<R>(context: AuditContext, fn: () => R): R {
  const { user, metadata } = checkContext(context);
  if (typeof fn !== "function") throw invalid("", `must be given a function, not ${describe(fn)}`);
  if (storage === undefined) {
    if (makeStorage === undefined) {
      throw new AuditLogError(
        "UNSUPPORTED_RUNTIME",
        "Cannot set the context: this runtime has no AsyncLocalStorage",
      );
    }
    storage = makeStorage();
  }
  const outer = storage.getStore();
  return storage.run({
    user: user ?? outer?.user,
    metadata: outer === undefined ? metadata : { ...outer.metadata, ...metadata },
  }, fn);
}

function checkContext(context: AuditContext): CheckedContext {
  if (typeof context !== "object" || context === null || !isPlainObject(context)) {
    throw invalid("", `must be an object, not ${describe(context)}`);
  }
  for (const key of Reflect.ownKeys(context)) {
    if (key !== "user" && key !== "metadata") {
      throw invalid(String(key), "is not part of a context; known are user, metadata");
    }
  }
  const { user, metadata = {} } = context;
  const fault = user === undefined ? undefined : nameFault(user);
  if (fault !== undefined) throw invalid("user", fault);
  try {
    const copied = snapshot(metadata, "metadata");
    if (typeof copied !== "object" || copied === null || Array.isArray(copied)) {
      throw invalid("metadata", `must be an object, not ${describe(metadata)}`);
    }
    for (const key in copied) {
      if (key.startsWith("audit.")) {
        throw invalid(
          `metadata[${JSON.stringify(key)}]`,
          "keys that start with audit. are reserved",
        );
      }
    }
    return { user, metadata: copied as JsonObject };
  } catch (error) {
    if (!(error instanceof AuditLogError) || error.code === "INVALID_OPTION") throw error;
    const path = error.path ?? "metadata";
    throw invalid(path, "must be plain JSON", error);
  }
}

function invalid(path: string, state: string, cause?: unknown): AuditLogError {
  const message = `Cannot set the context: ${path === "" ? "it" : path} ${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path, cause });
}

import type { JsonObject } from "./json.ts";
import { AuditLogError } from "./errors.ts";
import { admitMetadata, nameFault } from "./entry.ts";
import { checkFields } from "./known_fields.ts";
import type { AsyncStorage } from "./ports.ts";
import { describe } from "./refusal.ts";

/** What entries within {@link withAuditContext} carry, unless they say otherwise. */
export interface AuditContext {
  /** Who asks: 1 to 256 characters, no control characters. */
  readonly user?: string | undefined;
  /** Metadata, as plain JSON. An entry's own metadata takes precedence. */
  readonly metadata?: object | undefined;
}

/** A context that was checked and copied. */
export interface CheckedContext {
  readonly user: string | undefined;
  readonly metadata: JsonObject;
}

type Storage = AsyncStorage<CheckedContext>;

let makeStorage: (<T>() => AsyncStorage<T>) | undefined;
let storage: Storage | undefined;

/** Says how to make a storage; the runtime's part of this. */
export function setContextStorage(make: <T>() => AsyncStorage<T>): void {
  makeStorage = make;
}

/** A storage of its own, where the runtime has any. */
export function storageIfAny<T>(): AsyncStorage<T> | undefined {
  try {
    return makeStorage<T>?.();
  } catch {
    return undefined; // the runtime has none
  }
}

/** The context that this is called in, if there is one. */
export function presentContext(): CheckedContext | undefined {
  return storage?.getStore();
}

/**
 * Calls a function. All that is recorded within it, and in whatever it starts, carries a user and metadata: through awaits,
 * timers and streams, in every log. Contexts nest: an inner one takes precedence, metadata key by key.
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
  checkFields(context, ["user", "metadata"], "part of a context", invalid);
  const { user, metadata = {} } = context;
  const fault = user === undefined ? undefined : nameFault(user);
  if (fault !== undefined) throw invalid("user", fault);
  try {
    return { user, metadata: admitMetadata(metadata) };
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error;
    const { path = "metadata", message } = error;
    throw invalid(path, message.slice(message.indexOf(path) + path.length + 1), error);
  }
}

function invalid(path: string, state: string, cause?: unknown): AuditLogError {
  const message = `Cannot set the context: ${path === "" ? "it" : path} ${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path, cause });
}

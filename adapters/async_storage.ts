/**
 * Values that follow a call through awaits, timers and streams, by way of `AsyncLocalStorage`, which Node, Deno and Bun
 * have alike. It is asked for, and not imported: what imports this loads in a browser, too.
 *
 * @module
 */
import { AuditLogError } from "../src/errors.ts";
import type { AsyncStorage } from "../src/ports.ts";

export type { AsyncStorage };

interface AsyncLocalStorageClass {
  new <T>(): AsyncStorage<T>;
  bind<Args extends unknown[], R>(fn: (...args: Args) => R): (...args: Args) => R;
  snapshot(): <R>(fn: () => R) => R;
}

/** Calls a function in the context that this module was loaded in: before any storage of this package had a value. */
const atLoad = foundHooks()?.AsyncLocalStorage.snapshot();

/**
 * Makes a storage.
 *
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME` where the runtime has none.
 */
export function asyncStorage<T>(): AsyncStorage<T> {
  const { AsyncLocalStorage } = asyncHooks();
  return new AsyncLocalStorage<T>();
}

/**
 * A function that, whoever calls it, sees the values of all storages as they are now: for what is called at the end of a
 * stream, which somebody else may read than who asked for it.
 *
 * @throws {AuditLogError} `UNSUPPORTED_RUNTIME` where the runtime has no storages.
 */
export function inPresentContext<Args extends unknown[], R>(
  fn: (...args: Args) => R,
): (...args: Args) => R {
  return asyncHooks().AsyncLocalStorage.bind(fn);
}

/**
 * Calls a function so that it, and whatever it starts, sees no value of a storage: for work that is nobody's, whoever happens
 * to start it.
 *
 * @param fn What to call.
 * @returns What it returns.
 */
export function outOfContext<R>(fn: () => R): R {
  return atLoad === undefined ? fn() : atLoad(fn);
}

interface AsyncHooks {
  readonly AsyncLocalStorage: AsyncLocalStorageClass;
}

function foundHooks(): AsyncHooks | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  return process?.getBuiltinModule?.("node:async_hooks") as AsyncHooks | undefined;
}

function asyncHooks(): AsyncHooks {
  const hooks = foundHooks();
  if (hooks !== undefined) return hooks;
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot follow the call: this runtime has no AsyncLocalStorage",
  );
}

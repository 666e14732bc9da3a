/**
 * Values that follow a call through awaits, timers and streams, by way of `AsyncLocalStorage`, which Node, Deno and Bun
 * have alike. It is asked for when it is first needed, and not imported: what imports this loads in a browser, too.
 *
 * @module
 */
import { AuditLogError } from "../src/errors.ts";
import type { AsyncStorage } from "../src/ports.ts";

export type { AsyncStorage };

interface AsyncLocalStorageClass {
  new <T>(): AsyncStorage<T>;
  bind<Args extends unknown[], R>(fn: (...args: Args) => R): (...args: Args) => R;
}

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

function asyncHooks(): { AsyncLocalStorage: AsyncLocalStorageClass } {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  const hooks = process?.getBuiltinModule?.("node:async_hooks");
  if (hooks !== undefined) return hooks as { AsyncLocalStorage: AsyncLocalStorageClass };
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot follow the call: this runtime has no AsyncLocalStorage",
  );
}

/**
 * The adapter of the runtime that the tests run on, through its public entry point.
 *
 * @module
 */

import type { Runtime } from "@audit-log/llm";

/** The name of the runtime. */
export const runtimeName: "bun" | "deno" | "node" = "Bun" in globalThis
  ? "bun"
  : "Deno" in globalThis
  ? "deno"
  : "node";

/** Its adapter. */
export async function currentRuntime(): Promise<Runtime> {
  switch (runtimeName) {
    case "bun":
      return (await import("@audit-log/llm/bun")).runtime;
    case "deno":
      return (await import("@audit-log/llm/deno")).runtime;
    case "node":
      return (await import("@audit-log/llm/node")).runtime;
  }
}

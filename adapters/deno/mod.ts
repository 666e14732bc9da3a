/**
 * The adapter for Deno: its built-in `node:fs` and `node:sqlite`.
 *
 * `AuditLog.open()` finds it by itself on Deno; import it to inject it, or to build another from its parts.
 *
 * @example
 * ```ts ignore
 * import { AuditLog } from "@audit-log/llm";
 * import { runtime } from "@audit-log/llm/deno";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db", runtime });
 * await log.close();
 * ```
 *
 * @module
 */
import type { Runtime } from "../../src/ports.ts";
import { startHashThread } from "../hash_thread.ts";
import { file } from "./file.ts";
import { sha256 } from "../node/sha256.ts";
import { sqlite } from "./sqlite.ts";

/** Deno's files, SQLite driver and SHA-256. */
export const runtime: Runtime = { name: "deno", file, sqlite, sha256, startHashThread };

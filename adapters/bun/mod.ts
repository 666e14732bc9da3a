/**
 * The adapter for Bun: `node:fs` and `bun:sqlite`.
 *
 * `AuditLog.open()` finds it by itself on Bun; import it to inject it, or to build another from its parts.
 *
 * @example
 * ```ts ignore
 * import { AuditLog } from "@audit-log/llm";
 * import { runtime } from "@audit-log/llm/bun";
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
import { sha256 } from "./sha256.ts";
import { sqlite } from "./sqlite.ts";

/** Bun's files, SQLite driver and SHA-256. */
export const runtime: Runtime = { name: "bun", file, sqlite, sha256, startHashThread };

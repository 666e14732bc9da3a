/**
 * The adapter for Node: `node:fs` and `node:sqlite`.
 *
 * `AuditLog.open()` finds it by itself on Node; import it to inject it, or to build another from its parts.
 *
 * @example
 * ```ts ignore
 * import { AuditLog } from "@audit-log/llm";
 * import { runtime } from "@audit-log/llm/node";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db", runtime });
 * await log.close();
 * ```
 *
 * @module
 */
import type { Runtime } from "../../src/ports.ts";
import { file } from "./file.ts";
import { sqlite } from "./sqlite.ts";

/** Node's files and SQLite driver. */
export const runtime: Runtime = { name: "node", file, sqlite };

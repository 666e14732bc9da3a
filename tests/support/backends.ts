/**
 * The backends, for tests that are about what all of them have in common.
 *
 * @module
 */

import { AuditLog, type CommonOptions, type FileOptions } from "@audit-log/llm";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { atEnd, tempFolder } from "./temp.ts";

/** Where one log is: each `open()` opens the same one, except in memory. */
export interface LogPlace {
  /** Opens the log; it is closed when the test ends. */
  open(options?: CommonOptions): Promise<AuditLog>;
}

/** Makes a place for a new log, for the time of a test. */
export type MakePlace = (t: TestContext) => LogPlace;

/** The backends that keep a log in a file. */
export const FILE_BACKENDS = ["sqlite", "jsonl"] as const;

/** All backends. */
export const BACKENDS = ["memory", ...FILE_BACKENDS] as const;

/** A place for a log of this backend. */
export function placeFor(backend: typeof BACKENDS[number]): MakePlace {
  return (t) => {
    if (backend === "memory") return { open: (options = {}) => opened(t, AuditLog.open(options)) };
    const path = join(tempFolder(t), "log");
    return { open: (options = {}) => openFile(t, { backend, path, ...options }) };
  };
}

/** Opens a log in a file; it is closed when the test ends. */
export function openFile(t: TestContext, options: FileOptions): Promise<AuditLog> {
  return opened(t, AuditLog.open(options));
}

async function opened(t: TestContext, opening: Promise<AuditLog>): Promise<AuditLog> {
  const log = await opening;
  atEnd(t, () => log.close());
  return log;
}

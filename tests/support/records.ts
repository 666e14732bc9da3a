/**
 * Records as a store gets them, made the only way that the public API has: by a log whose store
 * keeps what it is given.
 *
 * @module
 */

import { AuditLog, type LogRecord, type LogStore, type NewEntry } from "@audit-log/llm";

/** What to make records of: entries, then lines to adopt. */
export interface RecordSource {
  entries?: readonly NewEntry[];
  lines?: readonly string[];
  clock?: () => number;
}

/** The records of entries and lines, in their order. */
export async function recordsOf(source: RecordSource): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  const backend: LogStore = {
    kind: "keeps what it is given",
    size: 0,
    append: (appended) => Promise.resolve(records.push(...appended) - appended.length),
    indexOf: () => Promise.resolve(undefined),
    async *read() {},
    count: () => Promise.resolve(0),
    info: () => Promise.resolve({}),
    close: () => Promise.resolve(),
  };
  const log = await AuditLog.open({ backend, clock: source.clock });
  await log.recordAll(source.entries ?? []);
  await log.adopt(source.lines ?? []);
  await log.close();
  return records;
}

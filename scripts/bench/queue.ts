/**
 * How much memory a producer takes that is far faster than the disk and awaits no record, only `log.ready`.
 *
 * @module
 */
import process from "node:process";
import { AuditLog } from "../../mod.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { collectGarbage, type Row, type Section } from "./rounds.ts";

/** Bytes of a text; each entry has one of its own. */
const TEXT_BYTES = 20_000;
// Each entry's is this and its number: what the producer itself leaves behind shall not count.
const TEXT = "x".repeat(TEXT_BYTES);
/** What may wait by default, and what else a process may take: megabytes. */
const QUEUE_MB = 67;
const BESIDE_MB = 100;

/** Both backends. */
export async function measureQueue(task: Task): Promise<Section> {
  const megabytes = task.full ? 2000 : 300;
  const rows: Row[] = [];
  for (const backend of ["sqlite", "jsonl"] as const) {
    const most = await inNewFolder(task.folder, async (path) => {
      const log = await AuditLog.open({ backend, path });
      collectGarbage();
      const before = process.memoryUsage.rss();
      let most = before;
      let failed: unknown;
      for (let n = 0; n < megabytes * 1e6 / TEXT_BYTES; n++) {
        await log.ready;
        log.record({ model: "m", inputText: "", outputText: `${n} ${TEXT}` })
          .catch((error) => failed ??= error);
        if (n % 64 === 0) most = Math.max(most, process.memoryUsage.rss());
      }
      await log.close();
      if (failed !== undefined) throw failed;
      return (most - before) / 1e6;
    });
    rows.push({
      name: `${backend}, memory grows by`,
      unit: "MB",
      values: [most],
      atMost: QUEUE_MB + BESIDE_MB,
    });
  }
  return {
    title: "A producer that awaits no record",
    note: `${megabytes} MB of entries of ${TEXT_BYTES / 1000} KB; ${QUEUE_MB} MB may wait`,
    rows,
  };
}

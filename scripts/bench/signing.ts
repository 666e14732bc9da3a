/**
 * What it costs to sign: recording with the tree and checkpoints, against recording without.
 *
 * @module
 */
import { AuditLog, generateSigningKey, type NewEntry } from "../../mod.ts";
import { CALLERS, recordBy } from "./callers.ts";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import { interleave, perSecond, ratio, rowsOf, type Section } from "./rounds.ts";

/** Both backends that keep a log, many callers at once. */
export async function measureSigning(
  task: Task,
  entries: readonly NewEntry[],
): Promise<Section> {
  // So many that the start of threads is a small part.
  const counts = { sqlite: task.full ? 163_840 : 61_440, jsonl: 163_840 };
  const { signingKey } = await generateSigningKey("bench.example/log");
  const contender = (backend: "sqlite" | "jsonl", signed: boolean) => ({
    name: `${backend}, ${signed ? "signed" : "not signed"}`,
    run: () =>
      inNewFolder(task.folder, async (path) => {
        const log = await AuditLog.open({ backend, path, ...(signed ? { signingKey } : {}) });
        const start = performance.now();
        await recordBy(CALLERS, log, entries, counts[backend]);
        // The index beside a JSONL file and the last checkpoint are part of what is compared, whenever they are written.
        await log.close();
        return perSecond(counts[backend], start);
      }),
  });
  const figures = await interleave([
    contender("sqlite", false),
    contender("sqlite", true),
    contender("jsonl", false),
    contender("jsonl", true),
  ], task.rounds);
  return {
    title: "Recording with tree and checkpoints, 1,024 callers, durable",
    note:
      `${counts.sqlite} and ${counts.jsonl} records a round, until the log is closed; a checkpoint after every 10,000`,
    rows: [
      ...rowsOf(figures, "records/s"),
      ratio(figures, "sqlite, signed", "sqlite, not signed", { atLeast: 0.85 }),
      ratio(figures, "jsonl, signed", "jsonl, not signed", { atLeast: 0.85 }),
    ],
  };
}

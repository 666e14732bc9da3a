/**
 * How much memory a producer takes that is far faster than the disk and awaits no record, only `log.ready`.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import type { ProducerTask } from "./produce_once.ts";
import type { Row, Section } from "./rounds.ts";

/** Bytes of a text. */
const TEXT_BYTES = 20_000;
/** What may wait by default, and what else a process may take: megabytes. */
const QUEUE_MB = 67;
const BESIDE_MB = 100;

const SCRIPT = fileURLToPath(new URL("produce_once.ts", import.meta.url));

/** Both backends and none, each in a process of its own: none has the memory that another one left. */
export async function measureQueue(task: Task): Promise<Section> {
  const megabytes = task.full ? 2000 : 300;
  const count = megabytes * 1e6 / TEXT_BYTES;
  const rows: Row[] = [];
  for (const texts of ["shared", "own"] as const) {
    for (const backend of ["sqlite", "jsonl", "nothing"] as const) {
      const grown = await inNewFolder(
        task.folder,
        (path) => produce({ backend, path, texts, count, textBytes: TEXT_BYTES }),
      );
      rows.push({
        name: `${texts} texts: ${backend}, memory grows by`,
        unit: "MB",
        values: [grown],
        ...(backend === "nothing" ? {} : { atMost: QUEUE_MB + BESIDE_MB }),
      });
    }
  }
  return {
    title: "A producer that awaits no record",
    note: `${megabytes} MB of entries of ${TEXT_BYTES / 1000} KB; ${QUEUE_MB} MB may wait`,
    rows,
  };
}

function produce(task: ProducerTask): number {
  const flags = "Deno" in globalThis ? ["run", "-A"] : [];
  const output = execFileSync(process.execPath, [...flags, SCRIPT, JSON.stringify(task)]);
  return Number(output);
}

/**
 * Several processes that record into one log at the same time.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { perSecond } from "./rounds.ts";

/** A backend that has a file. */
export type FileBackend = "sqlite" | "jsonl";

/** What a process is told, as JSON. */
export interface ProcessTask {
  backend: FileBackend;
  path: string;
  size: "real" | "small";
  entriesPath: string;
}

const SCRIPT = fileURLToPath(new URL("record_once.ts", import.meta.url));

/** Records per second, from when all processes have the log open until the last has recorded its part. */
export async function recordInProcesses(
  processes: number,
  task: ProcessTask,
  count: number,
): Promise<number> {
  const flags = "Deno" in globalThis ? ["run", "-A"] : [];
  const args = [...flags, SCRIPT, JSON.stringify(task), String(count / processes)];
  const children = Array.from({ length: processes }, () => {
    const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = { seen: 0, wanted: 0, told: () => {} };
    child.stdout.on("data", (bytes: Uint8Array) => {
      lines.seen += bytes.filter((byte) => byte === 0x0a).length;
      if (lines.seen >= lines.wanted) lines.told();
    });
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    /** Resolves when it has printed so many lines. */
    const printed = (wanted: number) =>
      new Promise<void>((resolve, reject) => {
        Object.assign(lines, { wanted, told: resolve });
        if (lines.seen >= wanted) resolve();
        void ended.then((code) => reject(new Error(`a process ended early, with ${code}`)));
      });
    return { child, printed, ended };
  });
  await Promise.all(children.map(({ printed }) => printed(1)));
  const start = performance.now();
  for (const { child } of children) child.stdin.end("go\n");
  await Promise.all(children.map(({ printed }) => printed(2)));
  const speed = perSecond(count, start);
  await Promise.all(children.map(({ ended }) => ended));
  return speed;
}

/**
 * The Python class, as a contender: a process of its own that prints its speed.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Task } from "./measure.ts";
import { inNewFolder } from "./new_folder.ts";
import type { Contender } from "./rounds.ts";

const SCRIPT = fileURLToPath(new URL("python_class.py", import.meta.url));

/** The Python class on one of its backends; nothing where there is no Python. */
export function pythonClass(
  { python, folder, entriesPath }: Task,
  backend: "memory" | "sqlite" | "jsonl",
  count: number,
): Contender[] {
  if (python === undefined) return [];
  const run = (path: string) =>
    Number(execFileSync(python, [SCRIPT, backend, entriesPath, path, String(count)]));
  return [{ name: "Python class", run: () => inNewFolder(folder, run) }];
}

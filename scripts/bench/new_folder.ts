import { mkdtempSync, rmSync } from "node:fs";

/** Does something with the path of a file in a folder of its own, and removes the folder. */
export async function inNewFolder<T>(
  parent: string,
  work: (path: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(`${parent}/run-`);
  try {
    return await work(`${folder}/log`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

import { spawnSync } from "node:child_process";

/** Why the program `sqlite3` cannot be used in a test; `undefined` if it can. */
export const noShell: string | undefined = spawnSync("sqlite3", ["--version"]).status === 0
  ? undefined
  : "there is no sqlite3 program";

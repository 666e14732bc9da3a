// Runs a program whose standard output cannot be written to: CODE PROGRAM ARGUMENTS.

import process from "node:process";
import { pathToFileURL } from "node:url";

const [code, program] = process.argv.splice(2, 2);

process.stdout.write = (_: unknown, done: unknown): boolean => {
  (done as (error: Error) => void)(Object.assign(new Error(code), { code }));
  return false;
};

await import(pathToFileURL(program!).href);

/**
 * Has processes of all runtimes record into one log at the same time, and makes sure that each entry is there once, and each
 * caller's in order.
 *
 * Arguments: the backend; the log's path; as JSON the commands by which each runtime runs a script.
 *
 * @module
 */

import process from "node:process";
import { recordAtOnce, startProcess } from "./writing.ts";

const [backend, path, commands] = process.argv.slice(2) as ["sqlite" | "jsonl", string, string];
const runtimes: readonly (readonly string[])[] = JSON.parse(commands);
const writers = runtimes.map((command) => startProcess.bind(undefined, command));

await recordAtOnce({ backend, path, writers, each: 50, groups: [1, 2, 3, 7, 20] });

/**
 * Measures one thing on the runtime that runs this, and prints the result as one line of JSON.
 * `main.ts` starts it; it runs on Deno, Bun and Node.
 *
 * @module
 */
import process from "node:process";
import type { NewEntry } from "../../mod.ts";
import { measureCapture } from "./capture.ts";
import { measureClients } from "./capture_clients.ts";
import { readEntries } from "./entries.ts";
import { measureGrowth } from "./growth.ts";
import { measureJsonl, measureJsonlSingle } from "./jsonl.ts";
import { measureMemory } from "./memory.ts";
import { measureOpenJsonl } from "./open_jsonl.ts";
import { measurePeers } from "./peers.ts";
import { measureQuery } from "./query.ts";
import { measureQueue } from "./queue.ts";
import { measureRecording } from "./recording.ts";
import type { Section } from "./rounds.ts";
import { measureSigning } from "./signing.ts";
import { measureSqlite, measureSqliteSingle } from "./sqlite.ts";
import { measureVerifying } from "./verifying.ts";

/** What a measuring function gets. */
export interface Task {
  subject: string;
  /** A folder of its own for what it writes. */
  folder: string;
  /** The file that `entries.ts` wrote. */
  entriesPath: string;
  rounds: number;
  /** Whether to take the time for logs of their full size. */
  full: boolean;
  /** The program of Python, or nothing where there is none. */
  python?: string;
  /** The folder where npm installed the peers, or nothing. */
  peers?: string;
}

/** A measuring function. */
export type Measure = (task: Task, entries: readonly NewEntry[]) => Promise<Section>;

/** What can be measured, in the order of the report. */
const measures: Record<string, Measure> = {
  "sqlite": measureSqlite,
  "sqlite-single": measureSqliteSingle,
  "jsonl": measureJsonl,
  "jsonl-single": measureJsonlSingle,
  "memory": measureMemory,
  "query": measureQuery,
  "open-jsonl": measureOpenJsonl,
  "signing": measureSigning,
  "verifying-sqlite": measureVerifying("sqlite"),
  "verifying-jsonl": measureVerifying("jsonl"),
  "recording-sqlite": measureRecording("sqlite", "real"),
  "recording-sqlite-small": measureRecording("sqlite", "small"),
  "recording-jsonl": measureRecording("jsonl", "real"),
  "recording-jsonl-small": measureRecording("jsonl", "small"),
  "queue": measureQueue,
  "growth": measureGrowth,
  "capture": measureCapture,
  "capture-clients": measureClients,
  "peers": measurePeers,
};

const task: Task = JSON.parse(process.argv[2]);
const section = await measures[task.subject](task, readEntries(task.entriesPath));
console.log(JSON.stringify(section));

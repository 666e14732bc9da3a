/**
 * Run as a process of its own: records on one or two handles at once in every way there is, signs, reads what it wrote,
 * closes and opens again. Its argument is a {@link WriterTask}.
 *
 * @module
 */

import process from "node:process";
import { Random } from "../../../tests/support/random.ts";
import { presentRuntime } from "./faulty_runtime.ts";
import { Journal } from "./journal.ts";
import { Lane } from "./lane.ts";
import type { WriterTask } from "./task.ts";
import { Teller } from "./teller.ts";

const task = JSON.parse(process.argv[2]!) as WriterTask;
const teller = new Teller(new Journal(task.journal), task.rates !== undefined);
const present = await presentRuntime();

process.on(
  "unhandledRejection",
  (error) => teller.fail(`unhandled: ${(error as Error)?.stack ?? error}`),
);
const random = new Random(task.seed);
const lanes = task.lanes.map((name) =>
  new Lane({ name, task, present, teller, seed: random.seed() })
);
console.log("ready");
await Promise.all(lanes.map((lane) => lane.work()));
teller.journal.tell({ do: "done" });

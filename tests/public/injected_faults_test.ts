// Whichever call to the system fails while a log is used, and however: what fails is told, what was acknowledged is
// there, and the log goes on when it is opened again.
//
// The calls are enumerated. Here some of them, taken at random, are made to fail; `deno task test:faults` takes all.

import { FILE_BACKENDS } from "../support/backends.ts";
import { type FaultCase, LARGE_BATCHES, testFaults } from "../support/fault_bench.ts";

const NEW = { state: "a new log", before: 0, signs: false, torn: "", some: 3 };
/** With the entries of the scenario a tile of the tree becomes full. */
const SIGNED = {
  state: "a signed log of 250 entries",
  before: 250,
  signs: true,
  torn: "",
  some: 2,
};
const TORN = {
  state: "a log with an unfinished line",
  before: 3,
  signs: false,
  torn: '{"cost',
  some: 3,
};
const CASES: readonly FaultCase[] = [
  ...FILE_BACKENDS.flatMap((backend) => [{ backend, ...NEW }, { backend, ...SIGNED }]),
  { backend: "jsonl", ...TORN },
  // Two batches at once; for SQLite see `injected_faults_aside_test.ts`.
  { backend: "jsonl", ...LARGE_BATCHES },
];

for (const one of CASES) testFaults(one);

/**
 * A long run that mixes everything at random: processes of all runtimes record, sign, read, prove and verify on one log at
 * the same time; some are killed, some have disks that fail; between rounds things are left lying about as crashes leave
 * them. After each round the log is compared with what was acknowledged, and verified with every checkpoint seen before.
 *
 * ```sh
 * deno task soak                               # three minutes
 * deno task soak --minutes=30 --backend=jsonl --runtime=node,bun
 * deno task soak --seed=1234                   # the same decisions again
 * ```
 *
 * All decisions follow from the seed. When a process is killed from outside, and how processes take turns, does not.
 *
 * @module
 */

import { mustRun } from "./lib/process.ts";
import { pathOf } from "./lib/project.ts";
import { findRuntime } from "./lib/runtimes.ts";
import { Figures } from "./soak/figures.ts";
import { LogRun } from "./soak/log_run.ts";
import { readOptions, type SoakOptions } from "./soak/options.ts";

const options = readOptions(Deno.args);
const end = Date.now() + options.minutes * 60_000;
// Puts what the library imports from npm into node_modules, where Bun and Node look for it.
await mustRun([Deno.execPath(), "cache", pathOf("scripts/soak/programs/writer.ts")]);
const found = await Promise.all(options.runtimes.map((name) => findRuntime(name)));
const runtimes = new Map(found.map((runtime) => [runtime.name, runtime]));
console.log(found.map(({ name, version }) => `${name} ${version}`).join(", "));

const figures = new Figures();
const folder = await Deno.makeTempDir({ prefix: "audit-log-soak-" });
let rounds = 0;
const isOver = () => Date.now() >= end || rounds >= options.rounds;
for (let index = 0; !isOver(); index++) {
  // Each log has a seed of its own, so that it can be had again without those before it.
  const seed = options.seed + index;
  const backend = options.backends[index % options.backends.length]!;
  const run = await newRun(seed, backend);
  let round = 0;
  try {
    for (; round < run.rounds && !isOver(); round++, rounds++) await run.round(round);
  } catch (error) {
    const { runtimes } = options;
    console.error(
      `FAILED: seed ${seed}, ${backend}, round ${round}: ${
        error instanceof Error ? error.stack : error
      }\n` +
        `The log and the journals are in ${folder}/${seed}. The same decisions again, though not the same moments:\n` +
        `deno task soak --seed=${seed} --backend=${backend} --runtime=${runtimes} --rounds=${
          round + 1
        }`,
    );
    console.log(figures.text());
    Deno.exit(1);
  }
  run.end();
  console.log(`seed ${seed}, ${backend}: ${round} rounds, all as it should be`);
  await Deno.remove(`${folder}/${seed}`, { recursive: true });
}
await Deno.remove(folder, { recursive: true });
console.log(figures.text());

async function newRun(seed: number, backend: SoakOptions["backends"][number]): Promise<LogRun> {
  const own = `${folder}/${seed}`;
  await Deno.mkdir(own);
  return new LogRun({ backend, folder: own, seed, runtimes, figures });
}

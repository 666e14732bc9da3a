/**
 * The main job on the embedded default: records some interactions in a SQLite log, asks about them, and
 * says how to look at them with other tools.
 *
 * ```sh
 * deno task demo
 * ```
 *
 * @module
 */

import { AuditLog, type NewEntry } from "../mod.ts";
import { DatabaseSync } from "node:sqlite";
import { pathOf } from "./lib/project.ts";

/** In the project, unless another path is given. */
const FILE = Deno.args[0] ?? "audit_demo.db";

/** Where the file is, as a shell finds it from the folder where the demo was started. */
const started = Deno.env.get("INIT_CWD") ?? Deno.cwd();
const inProject = started.replace(/\/?$/, "/") === pathOf("");
const shown = (name: string) => inProject ? name : `'${pathOf(name).replaceAll("'", `'\\''`)}'`;

const INTERACTIONS: NewEntry[] = [
  {
    user: "alice",
    model: "gpt-4o",
    inputText: "What is the capital of France?",
    outputText: "The capital of France is Paris.",
    costUsd: 0.003,
    latencyMs: 250,
    metadata: { session: "trip-42", "gen_ai.provider.name": "openai" },
  },
  {
    user: "alice",
    model: "gpt-4o",
    inputText: "And how long is the train from Berlin?",
    outputText: "About eight hours, with a change in Karlsruhe or Mannheim.",
    costUsd: 0.0042,
    latencyMs: 410,
    metadata: { session: "trip-42", "gen_ai.provider.name": "openai" },
  },
  {
    user: "bob",
    model: "claude-3-5-sonnet",
    inputText: "Summarise ticket 1871 for the customer.",
    outputText: "Your refund was approved today and arrives within five working days.",
    costUsd: 0.0061,
    latencyMs: 930,
    metadata: { session: "support-7", ticket: 1871 },
  },
  {
    user: "bob",
    model: "gpt-4o",
    inputText: "Übersetze: 領収書を再発行してください。",
    outputText: "Bitte stellen Sie die Quittung erneut aus.",
    costUsd: 0.0019,
    latencyMs: 305,
    metadata: { session: "support-7" },
  },
  {
    model: "llama-3.1-8b",
    inputText: "Is this message spam? 'You won a yacht!'",
    outputText: "Yes.",
    latencyMs: 38,
    metadata: { job: "spam-filter" },
  },
];

const log = await AuditLog.open({ backend: "sqlite", path: pathOf(FILE) });
const earlier = log.size;
console.log(
  earlier === 0
    ? `Opened a new log, ${shown(FILE)}.`
    : `Opened the log ${shown(FILE)}; it has ${earlier} entries from earlier runs, which stay.`,
);

const recorded = await Promise.all(INTERACTIONS.map((interaction) => log.record(interaction)));
const first = recorded[0]!;
console.log(`Recorded ${recorded.length} interactions; they are on the disk. The first one is`);
console.log(`  ${first.entryId}, ${first.timestamp}\n`);

const newest = await log.query({ order: "desc", limit: 2 });
console.log("The newest two:");
for (const { user, model, inputText } of newest) console.log(`  ${user}, ${model}: ${inputText}`);

const trip = await log.query({ user: "alice", metadata: { session: "trip-42" }, limit: 2 });
console.log("What alice asked first in the session trip-42:");
for (const { inputText, outputText } of trip) console.log(`  ${inputText}  ->  ${outputText}`);

console.log(`Entries with gpt-4o: ${await log.count({ model: "gpt-4o" })} of ${log.size}`);

const costs = new Map<string, number>();
for await (const { user, costUsd } of log.stream()) {
  if (costUsd !== null) costs.set(user, (costs.get(user) ?? 0) + costUsd);
}
const bill = [...costs].map(([user, cost]) => `${user} $${cost.toFixed(4)}`).join(", ");
console.log(`Known cost by user: ${bill}\n`);
await log.close();

console.log(`An UPDATE by another program is refused: ${refusalOfUpdate()}\n`);

console.log(`Look at it with sqlite3:
  sqlite3 -box ${shown(FILE)} "SELECT timestamp, user, model, cost_usd FROM audit_log"
  sqlite3 -box ${shown(FILE)} "SELECT user, count(*), sum(cost_usd) FROM audit_log GROUP BY user"
and with this project's own command:
  npx -y deno@2 run -A ${shown("cli.ts")} query --log ${shown(FILE)}
  npx -y deno@2 run -A ${shown("cli.ts")} query --log ${shown(FILE)} --user alice --full`);

/** Tries to change what was said, past the library, and returns what the database has to say to it. */
function refusalOfUpdate(): string {
  const database = new DatabaseSync(pathOf(FILE));
  try {
    database.exec("UPDATE audit_record SET record = replace(record, 'Paris', 'Lyon')");
  } catch (error) {
    return (error as Error).message;
  } finally {
    database.close();
  }
  throw new Error("the database accepted an UPDATE");
}

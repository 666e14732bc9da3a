/**
 * One log: rounds of processes that use it at the same time, and a look at it after each.
 *
 * @module
 */

import { AuditLog, generateSigningKey } from "../../mod.ts";
import type { Runtime } from "../lib/runtimes.ts";
import type { Figures } from "./figures.ts";
import { doMischief } from "./mischief.ts";
import { Broken, type FoundEntries } from "./found_entries.ts";
import { Model } from "./model.ts";
import type { Backend } from "./options.ts";
import { runProcess } from "./processes.ts";
import { readJournal } from "./programs/journal.ts";
import type { ReaderTask, WriterTask } from "./programs/task.ts";
import { Random } from "../../tests/support/random.ts";
import { planRound } from "./round.ts";

/** What a log is used with. */
export interface LogRunParts {
  readonly backend: Backend;
  /** A folder of its own. */
  readonly folder: string;
  readonly seed: number;
  readonly runtimes: ReadonlyMap<Runtime["name"], Runtime>;
  readonly figures: Figures;
}

/** One log and all that is known of it. */
export class LogRun {
  /** How many rounds it is used for. */
  readonly rounds: number;
  readonly #parts: LogRunParts;
  readonly #random: Random;
  readonly #path: string;
  readonly #model: Model;
  #found: FoundEntries | undefined;
  #keys: { signingKey: string; verifierKey: string } | undefined;

  /** @param parts The log. */
  constructor(parts: LogRunParts) {
    this.#parts = parts;
    this.#random = new Random(parts.seed);
    this.rounds = this.#random.integer(3, 10);
    this.#path = `${parts.folder}/log`;
    this.#model = new Model(parts.backend);
  }

  /**
   * Does one round.
   *
   * @throws {Broken} What must not be.
   */
  async round(number: number): Promise<void> {
    const { backend, folder, figures, runtimes } = this.#parts;
    const { signingKey, verifierKey } = this.#keys ??= await generateSigningKey("soak.example/log");
    const random = new Random(this.#random.seed());
    const path = this.#path;
    if (number === 0) await (await AuditLog.open({ backend, path })).close();
    else for (const what of doMischief(backend, path, random)) figures.add(`left behind: ${what}`);

    const notes = `${folder}/notes-${number}.json`;
    await Deno.writeTextFile(notes, JSON.stringify([...this.#model.notes]));
    const planned = planRound(random, number, [...runtimes.keys()]);
    const journals = planned.map((_, n) => `${folder}/journal-${number}-${n}.jsonl`);
    const ended = await Promise.allSettled(planned.map(async (process, n) => {
      const { program, runtime, seed, steps, lanes, rates } = process;
      const journal = journals[n]!;
      const task = { backend, path, journal, seed, steps, signingKey, verifierKey };
      const told: WriterTask | ReaderTask = program === "writer"
        ? { ...task, lanes, rates }
        : { ...task, notes };
      const { killed } = await runProcess(runtimes.get(runtime)!, process, told);
      figures.add(`processes: ${program} on ${runtime}`);
      if (killed) figures.add("processes killed");
    }));
    for (const journal of journals) {
      for (const event of readJournal(journal)) {
        this.#model.learn(event);
        if (event.do === "count") figures.add(event.what);
        if (event.do === "refused") figures.add(`refused: record, ${event.code}`);
        if (event.do === "checkpoint") figures.add("checkpoints asked for");
      }
    }
    for (const end of ended) if (end.status === "rejected") throw end.reason;
    await this.#look(random);
    figures.add("rounds");
  }

  /** Adds to the figures what the log has in the end. */
  end(): void {
    const { figures } = this.#parts;
    figures.add("logs");
    figures.add("entries acknowledged", this.#model.acknowledged);
    figures.add("entries there that were not acknowledged", this.#model.unacknowledged);
    figures.add("checkpoints kept", this.#model.notes.size);
    for (const [event, count] of this.#found?.counts ?? []) figures.add(`entries: ${event}`, count);
    figures.add("calls left unfinished", this.#found?.unfinished.size ?? 0);
  }

  /** Compares the log with what it must have, and verifies it with every checkpoint that was ever seen. */
  async #look(random: Random): Promise<void> {
    const { backend, figures } = this.#parts;
    const { signingKey, verifierKey } = this.#keys!;
    const path = this.#path;
    const signs = random.chance(50);
    const log = await AuditLog.open(
      signs ? { backend, path, signingKey } : { backend, path, readOnly: random.chance(50) },
    );
    try {
      const lines: string[] = [];
      for await (const line of log.lines()) lines.push(line);
      const found = this.#model.check(lines);
      this.#found = found;
      if (await log.count({ events: "all" }) !== lines.length) {
        throw new Broken("count() is not the number of lines");
      }
      await checkEvents(log, found);
      if (signs) this.#model.notes.add(await log.checkpoint());
      for await (const note of log.checkpoints()) this.#model.notes.add(note);
      const report = await log.verify({ verifierKey, checkpoint: [...this.#model.notes] });
      if (!report.ok) {
        throw new Broken(`verify() finds ${JSON.stringify(report.faults.slice(0, 9))}`);
      }
      if (report.size !== lines.length) throw new Broken("verify() has another number of entries");
      const missing = report.unknown.find((one) => one.includes("is not among those of the log"));
      if (missing !== undefined) throw new Broken(missing);
      figures.add("verifications");
    } finally {
      await log.close();
    }
  }
}

/** How many entries are asked for with what was said about them. */
const SOME = 200;

/** Compares what the log says of calls and annotations with what its lines say. */
async function checkEvents(log: AuditLog, found: FoundEntries): Promise<void> {
  same("query()", idsOf(await log.query()), found.interactions);
  same("count()", [`${await log.count()}`], [`${found.interactions.length}`]);
  const unfinished = await log.unfinished();
  same("unfinished()", unfinished.map(({ callId }) => callId), [...found.unfinished.keys()]);
  const [, lane] = [...found.unfinished].at(-1) ?? [];
  if (lane !== undefined) {
    const ofLane = [...found.unfinished].filter(([, user]) => user === lane).map(([id]) => id);
    const asked = await log.unfinished({ user: lane });
    same("unfinished() of a lane", asked.map(({ callId }) => callId), ofLane);
  }
  for (const [entryId, ids] of [...found.annotations].slice(-SOME)) {
    const entry = await log.get(entryId, { annotations: true });
    same(`annotations of ${entryId}`, idsOf(entry?.annotations ?? []), ids);
  }
  const annotated = await log.query({ annotations: true, order: "desc", limit: SOME });
  same("query() backwards", idsOf(annotated), found.interactions.slice(-SOME).reverse());
  for (const { entryId, annotations } of annotated) {
    same(`annotations of ${entryId}`, idsOf(annotations), found.annotations.get(entryId) ?? []);
  }
}

function idsOf(entries: readonly { readonly entryId: string }[]): string[] {
  return entries.map(({ entryId }) => entryId);
}

function same(what: string, actual: readonly string[], expected: readonly string[]): void {
  const other = expected.findIndex((one, position) => one !== actual[position]);
  if (other === -1 && actual.length === expected.length) return;
  const lengths = `${actual.length} of ${expected.length}`;
  throw new Broken(`${what}: ${lengths}, and ${other} is ${actual[other]}, not ${expected[other]}`);
}

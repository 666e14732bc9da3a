/**
 * Killing processes that record, again and again, and looking what is left.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { type AuditCall, type AuditLog, generateSigningKey } from "@audit-log/llm";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { KnownLog } from "./known_log.ts";
import {
  endNumbered,
  groupNumbers,
  numberedAnnotation,
  numberedEntry,
  numberOf,
  saysAside,
  singleNumber,
} from "./numbered.ts";
import type { NumberedWriter } from "./numbered_writer.ts";
import { Random } from "./random.ts";
import { assertRefused } from "./refused.ts";
import { startSpeaker } from "./say.ts";

/** One writer in so many records large groups, the second of a run and so on. */
const LARGE_EVERY = 4;
/** How many are recorded together. */
const GROUPS = [1, 1, 2, 3, 7, 20];
/** So many that SQLite has them written by another thread, and that of some two batches are under way. */
const LARGE_GROUPS = [1, 70, 600, 1100];

/** So many entries are enough of a writer that never says that its batches are written so. */
const MOST = 5000;

/** What to do. */
export interface CrashPlan {
  readonly backend: "sqlite" | "jsonl";
  /** Where the logs are made. */
  readonly folder: string;
  /** How many processes are killed. */
  readonly kills: number;
  readonly seed: number;
}

/** What was done, and what was found. */
export interface CrashAccount {
  kills: number;
  /** Kills before the log was open. */
  whileOpening: number;
  /** How many logs there were. */
  logs: number;
  acknowledged: number;
  /** In the log without anybody having been told. */
  unacknowledged: number;
  /** Checkpoints that were published. */
  published: number;
  /** Lines of JSONL that are no records. */
  unreadable: number;
  /** Groups of `recordAll()` whose last are missing; JSONL only. */
  halfGroups: number;
  /** Calls that began. */
  begun: number;
  /** Calls that ended, whoever ended them. */
  ended: number;
  /** Calls that a process began which was killed, and that were ended after it. */
  resumed: number;
  annotations: number;
  /** Kills of writers of large batches: another thread wrote for them, or two batches were under way at once. */
  aside: number;
}

/**
 * Kills so many processes, and makes sure each time that the log has all that was acknowledged, is in order, and can be
 * written to.
 *
 * @throws {Error} What is wrong, and the seed that repeats the plan; when exactly a kill comes, no seed can repeat.
 */
export async function crashRounds(plan: CrashPlan): Promise<CrashAccount> {
  const account: CrashAccount = {
    kills: 0,
    whileOpening: 0,
    logs: 0,
    acknowledged: 0,
    unacknowledged: 0,
    published: 0,
    unreadable: 0,
    halfGroups: 0,
    begun: 0,
    ended: 0,
    resumed: 0,
    annotations: 0,
    aside: 0,
  };
  try {
    const random = new Random(plan.seed);
    while (account.kills < plan.kills) await crashOneLog(plan, random, account);
  } catch (cause) {
    const { backend, seed } = plan;
    throw new Error(
      `${backend}, kill ${account.kills}, AUDIT_LOG_SEED=${seed}: ${(cause as Error).message}`,
      { cause },
    );
  }
  return account;
}

/** A new log, and some rounds that build on each other. */
async function crashOneLog(
  { backend, folder, kills }: CrashPlan,
  random: Random,
  account: CrashAccount,
): Promise<void> {
  const path = join(folder, `log ${backend} ${account.logs++}`);
  const key = random.chance(70) ? await generateSigningKey("acme.example/crash") : undefined;
  const known = new KnownLog(backend, path, key);
  const rounds = Math.min(random.integer(1, 12), kills - account.kills);
  let isNew = true;
  for (let round = 0; round < rounds; round++) {
    const isLarge = account.kills++ % LARGE_EVERY === 1;
    const { opened, aside } = await crash(known, `round ${round}`, random, isLarge);
    if (!opened) account.whileOpening++;
    if (aside) account.aside++;
    const { log, findings } = await known.check();
    try {
      // Only an index that was being made when its maker was killed is made anew.
      const usual = ["TORN_LINE", "UNREADABLE_LINES", "NOT_SIGNED"];
      if (isNew) usual.push("INDEX_REBUILT");
      const others = findings.warnings.filter((code) => !usual.includes(code));
      assertEquals(others, [], `warnings in round ${round}`);
      isNew &&= !opened && log.size === 0;
      const isLast = round === rounds - 1;
      if (isLast || random.chance(50)) {
        const writer = `after ${round}`;
        const numbers = [singleNumber(writer, 0, 0), ...groupNumbers(writer, 0, 1, 3)];
        const one = log.record(numberedEntry(numbers[0]!));
        const all = log.recordAll(numbers.slice(1).map(numberedEntry));
        const entries = [await one, ...await all];
        entries.forEach(({ entryId }, at) => known.acknowledge(numbers[at]!, entryId));
        const calls = findings.unfinished.filter(() => random.chance(30));
        await resume(log, known, `after ${round}`, calls);
        account.resumed += calls.length;
      }
    } finally {
      await log.close();
    }
  }
  const { log, findings } = await known.check();
  await log.close();
  account.acknowledged += known.acknowledged;
  account.published += known.published;
  account.unacknowledged += findings.unacknowledged;
  account.unreadable += findings.unreadable;
  account.halfGroups += findings.halfGroups;
  account.begun += findings.begun;
  account.ended += findings.ended;
  account.annotations += findings.annotations;
  for (const suffix of ["", "-wal", "-shm", "-index", "-index-wal", "-index-shm", "-lock"]) {
    rmSync(path + suffix, { force: true });
  }
}

/** Ends calls that were left unfinished, once each, and says something of their ends. */
async function resume(
  log: AuditLog,
  known: KnownLog,
  writer: string,
  calls: readonly AuditCall[],
): Promise<void> {
  let n = 0;
  for (const call of calls) {
    const end = singleNumber(writer, 1, n++);
    const { entryId } = await endNumbered(call, numberOf(call.entry!), end);
    known.acknowledge(end, entryId);
    await assertRefused(() => call.abort(), "CALL_ENDED");
    const number = singleNumber(writer, 1, n++);
    const annotation = await log.annotate(entryId, numberedAnnotation(end, number));
    known.acknowledge(number, annotation.entryId);
  }
}

/**
 * Has a process record, and kills it. One of large batches is killed when it has said that they are written as such: by
 * another thread, or two at once. Returns whether it had opened the log, and whether it had said that.
 */
async function crash(
  known: KnownLog,
  writer: string,
  random: Random,
  isLarge: boolean,
): Promise<{ opened: boolean; aside: boolean }> {
  const { backend, path, key } = known;
  const given: NumberedWriter = {
    backend,
    path,
    writer,
    callers: isLarge ? random.integer(2, 4) : random.integer(1, 6),
    groups: isLarge ? LARGE_GROUPS : GROUPS,
    // A log that does not wait for the disk has no two batches of JSONL under way.
    durability: isLarge && backend === "jsonl" ? "full" : random.pick(["full", "relaxed"]),
    seed: random.integer(0, 2 ** 31 - 1),
    resumes: random.chance(50),
    inPieces: backend === "jsonl" && random.chance(50),
    ...(key !== undefined && random.chance(80)
      ? { signing: { signingKey: key.signingKey, everyEntries: random.integer(1, 60) } }
      : {}),
  };
  const atOnce = !isLarge && random.chance(30);
  const [entries, delayMs] = [random.integer(1, 300), random.integer(0, atOnce ? 60 : 8)];

  const { lines, kill, ended } = startSpeaker("numbered_writer.ts", JSON.stringify(given));
  const isDue = (all: readonly string[]) => {
    if (atOnce) return all.length > 0;
    const told = all.filter((line) => line.startsWith("entry ")).length;
    // A quick disk may leave no time for a second batch of JSONL.
    return told >= entries && (!isLarge || saysAside(backend, all) || told >= MOST);
  };
  await Promise.race([lines.until(isDue), ended]);
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  kill();
  const { signal, stderr } = await ended;
  assertEquals([signal, stderr], ["SIGKILL", ""], "the writer ended by itself");
  known.hear(writer, lines.all);
  return { opened: lines.all.includes("open"), aside: saysAside(backend, lines.all) };
}

/**
 * One way of using a log, from opening to closing, while a call to the system fails; and what must hold of the log
 * then, whichever call it was.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertMatch } from "@std/assert";
import {
  type AuditCall,
  type AuditEntry,
  AuditLog,
  AuditLogError,
  type AuditLogErrorCode,
  type FileOptions,
  type Runtime,
} from "@audit-log/llm";
import type { FailingRuntime } from "./failing_runtime.ts";
import {
  callOf,
  entryOf,
  expectedOf,
  isInteraction,
  outcomeOf,
  textOf,
  unfinishedIn,
} from "./fault_entries.ts";

/** A log, the faults that it meets, and what these may lead to. */
export interface Scenario {
  /** How it is opened, but for the runtime. */
  readonly options: FileOptions & { readonly path: string };
  readonly failing: FailingRuntime;
  /** The runtime that meets them. */
  readonly runtime: Runtime;
  /** Whether large batches are written, two at once among them. */
  readonly isLarge: boolean;
  /** Where it signs. */
  readonly verifierKey: string | undefined;
  /** How many entries it has before. */
  readonly before: number;
  /** What calls may be rejected with, beside `LOG_FAILED`. */
  readonly codes: readonly AuditLogErrorCode[];
  /** What the message or that of a cause must say. */
  readonly reason: RegExp;
  /** Whether a part of what was written may be left in the file. */
  readonly mayTear: boolean;
  /** Whether calls go on failing after the first. */
  readonly persists: boolean;
}

/** Entries that were to be recorded in one call: their texts, and what became of it. */
interface Write {
  readonly texts: readonly string[];
  result: PromiseSettledResult<readonly AuditEntry[]>;
}

/** What was done with a log. */
interface Used {
  readonly writes: Write[];
  readonly checkpoints: string[];
}

/** Uses the log while calls fail, and makes sure that what fails is told, and nothing else fails. */
export async function useWhileFailing(scenario: Scenario): Promise<Used> {
  const { options, failing, runtime, verifierKey, before, persists, isLarge } = scenario;
  const used: Used = { writes: [], checkpoints: [] };
  let next = 0;
  const texts = (count: number) => Array.from({ length: count }, () => `${next++}`);
  let isUnsure = false;

  const step = async <T>(
    what: "open" | "write" | "write batches" | "read" | "sign" | "close",
    ...actions: readonly (() => Promise<T>)[]
  ): Promise<PromiseSettledResult<T>[]> => {
    const failed = failing.failed.length;
    const writes = what === "write" || what === "write batches";
    const results = await Promise.allSettled(actions.map((action) => action()));
    const mayFail = failing.failed.length > (persists ? 0 : failed) ||
      isUnsure && (writes || what === "sign");
    for (const result of results) {
      if (what !== "write batches") {
        assertEquals(result.status, results[0]!.status, `${what}: some failed and some did not`);
      }
      if (result.status === "fulfilled") {
        // Of several batches, this one may be behind one whose sync failed.
        assert(!(isUnsure && writes), `${what}: acknowledged although an earlier sync failed`);
        continue;
      }
      const error = checkError(result.reason, scenario);
      assert(mayFail, `${what}: failed although no call did: ${error.stack}`);
      if (["SYNC_FAILED", "LOG_FAILED"].includes(error.code)) isUnsure = true;
    }
    isUnsure ||= failing.failed.some(({ what, about }) =>
      what === "file.sync" && about === options.path
    );
    return results;
  };
  const write = async (
    groups: readonly (readonly string[])[],
    record: (texts: readonly string[]) => Promise<readonly AuditEntry[]>,
    what: "write" | "write batches" = "write",
  ) => {
    const results = await step(what, ...groups.map((texts) => () => record(texts)));
    const writes = groups.map((texts, position) => ({ texts, result: results[position]! }));
    used.writes.push(...writes);
    return writes;
  };

  const open = () => AuditLog.open({ ...options, runtime });
  let [opened] = await step("open", open);
  if (opened!.status === "rejected" && !persists) [opened] = await step("open", open);
  if (opened!.status === "rejected") return used;
  const log = opened!.value;
  const one = ([text]: readonly string[]) => log.record(entryOf(text!)).then((entry) => [entry]);
  const all = (texts: readonly string[]) => log.recordAll(texts.map(entryOf));
  try {
    await write([texts(1)], one);
    if (isLarge) {
      failing.stage = "batches";
      // SQLite has another thread write when so many come for the second time.
      for (let times = 0; times < 2; times++) await write([texts(64)], all);
      // One batch, in two parts, and another which is begun meanwhile.
      const batches = [texts(513), ...texts(512).map((text) => [text])];
      failing.holdSync(options.path);
      const either = (texts: readonly string[]) => texts.length > 1 ? all(texts) : one(texts);
      await write(batches, either, "write batches");
      failing.release();
      failing.stage = "";
      const [info] = await step("read", () => log.info());
      if (failing.failed.length === 0 && info!.status === "fulfilled") {
        if (options.backend === "sqlite") assertEquals(info!.value.writing, "another thread");
        else assertEquals(failing.overlaps, 1, "no batch was begun while the disk was at another");
      }
    }
    await write(texts(5).map((text) => [text]), one);
    await write([texts(3)], all);
    if (verifierKey !== undefined) {
      const [signed] = await step("sign", () => log.checkpoint());
      if (signed!.status === "fulfilled") used.checkpoints.push(signed!.value);
    }
    await write([texts(1)], one);

    const calls: AuditCall[] = [];
    await write(texts(4).map((text) => [text]), async ([text]) => {
      const call = await log.begin(callOf(text!));
      calls.push(call);
      return [call.entry!];
    });
    // All but the last, in one batch; what is refused is tried again.
    const ending = calls.slice(0, -1);
    const ends = texts(ending.length);
    const end = async ([text]: readonly string[]) => [
      await ending[ends.indexOf(text!)]!.complete(outcomeOf(text!)),
    ];
    const ended = await write(ends.map((text) => [text]), end);
    const refused = ended.filter(({ result }) => result.status === "rejected");
    // One after the other: each looks first whether it is in the log, and who looks at the same time ends in any order.
    for (const write of refused) {
      const [again] = await step("write", () => end(write.texts));
      write.result = again!;
    }
    const kept = acknowledgedEntries(used.writes);
    if (kept.length > 0) {
      const { entryId } = kept.at(-1)!;
      await write([texts(1)], async ([text]) => [
        await log.annotate(entryId, { name: "seen", metadata: { text } }),
      ]);
    }

    const [found] = await step("read", () => log.query({ events: "all" }));
    if (found!.status === "fulfilled") checkEntries(found!.value, scenario, used.writes);
    const [counted] = await step("read", () => log.count({ user: "anonymous", events: "all" }));
    if (counted!.status === "fulfilled") {
      assert(counted!.value >= before + acknowledged(used.writes).length);
    }
    const [left] = await step("read", () => log.unfinished());
    if (left!.status === "fulfilled" && found!.status === "fulfilled") {
      assertEquals(left!.value.map(({ callId }) => callId), unfinishedIn(found!.value));
    }
    await write([texts(1)], one);
  } finally {
    await step("close", () => log.close());
  }
  return used;
}

/** Makes sure that a log which is opened again has all that was acknowledged, is in order, and goes on. */
export async function checkReopened(scenario: Scenario, used: Used): Promise<void> {
  const { options, verifierKey, mayTear } = scenario;
  const verifyOptions = verifierKey === undefined ? {} : { verifierKey };
  for (const texts of [["further"], []]) {
    const log = await AuditLog.open({ ...options });
    try {
      const events = "all";
      const found = await log.query({ events });
      checkEntries(found, scenario, used.writes);
      const record = async (text: string, recording: Promise<AuditEntry>) => {
        const value = [await recording];
        used.writes.push({ texts: [text], result: { status: "fulfilled", value } });
      };
      for (const text of texts) await record(text, log.record(entryOf(text)));
      const unfinished = await log.unfinished();
      assertEquals(unfinished.map(({ callId }) => callId), unfinishedIn(found));
      for (const [n, call] of unfinished.entries()) {
        const text = `resumed ${n}`;
        await record(text, call.complete(outcomeOf(text)));
      }
      assertEquals(await log.unfinished(), []);
      const entries = await log.query({ events });
      checkEntries(entries, scenario, used.writes);
      assertEquals(await log.count({ events }), entries.length);
      assertEquals((await log.query({ user: "anonymous", events })).length, entries.length);
      const interactions = entries.filter(isInteraction);
      assertEquals(await log.query(), interactions);
      assertEquals(await log.count(), interactions.length);
      if (!mayTear) assertEquals((await log.info()).unreadable?.count ?? 0, 0);
      if (verifierKey !== undefined) used.checkpoints.push(await log.checkpoint());
      const report = await log.verify({ ...verifyOptions, checkpoint: used.checkpoints });
      assertEquals([report.ok, report.faults, report.size], [true, [], entries.length]);
      if (verifierKey !== undefined) {
        assertEquals(report.checked.remembered, used.checkpoints.length);
      }
    } finally {
      await log.close();
    }
  }
}

function acknowledgedEntries(writes: readonly Write[]): AuditEntry[] {
  return writes.flatMap(({ result }) => result.status === "fulfilled" ? result.value : []);
}

function acknowledged(writes: readonly Write[]): string[] {
  return writes.filter(({ result }) => result.status === "fulfilled").flatMap(({ texts }) => texts);
}

/** All that was acknowledged is there, once, in order; and nothing that was never recorded. */
function checkEntries(
  entries: readonly AuditEntry[],
  { options, before, mayTear }: Scenario,
  writes: readonly Write[],
): void {
  const texts = entries.slice(before).map(textOf);
  const there = new Set(texts);
  const expected = writes.flatMap(({ texts }) => texts).filter((text) => there.has(text));
  assertEquals(texts, expected); // each at most once, in the order of the calls
  assertEquals(acknowledged(writes).filter((text) => !there.has(text)), [], "lost");
  const byId = new Map(entries.map((entry) => [entry.entryId, entry]));
  for (const entry of entries.slice(before)) {
    const { model, inputText, outputText, metadata } = entry;
    const expected = expectedOf(entry, byId);
    assertEquals({ model, inputText, outputText, metadata }, expected);
  }
  for (const { texts, result } of writes) {
    if (options.backend === "sqlite" || !mayTear) {
      const kept = texts.filter((text) => there.has(text)).length;
      assert(kept === 0 || kept === texts.length, `${kept} of the ${texts.length} of one call`);
    }
    if (result.status === "rejected") continue;
    for (const entry of result.value) {
      assertEquals(byId.get(entry.entryId), entry);
    }
  }
}

function checkError(error: unknown, { codes, reason }: Scenario): AuditLogError {
  assertInstanceOf(error, AuditLogError, String((error as Error)?.stack ?? error));
  assertMatch(error.message, /^Cannot .+: .+/s);
  assert(error.code === "LOG_FAILED" || codes.includes(error.code), String(error.stack));
  let messages = "";
  for (let next: unknown = error; next instanceof Error; next = next.cause) {
    messages += `${next.message}\n`;
  }
  assertMatch(messages, reason);
  return error;
}

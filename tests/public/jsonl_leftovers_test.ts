// What a crash, or whoever restores a backup, leaves at the end of a JSONL file and in the index beside it: the log has its
// records and no others, and goes on.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, type AuditWarning, generateSigningKey } from "@audit-log/llm";
import { appendFileSync, copyFileSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openFile } from "../support/backends.ts";
import { inputs, interaction, interactions } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

/** Makes a log of so many entries, and closes it. */
async function closedLog(t: TestContext, count: number): Promise<string> {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.recordAll(interactions(count));
  await log.close();
  return path;
}

/** Opens a log; the codes of its warnings are told, too. */
async function watched(t: TestContext, path: string) {
  const warnings: AuditWarning["code"][] = [];
  const onWarning = ({ code }: AuditWarning) => warnings.push(code);
  return { log: await openFile(t, { backend: "jsonl", path, onWarning }), warnings };
}

for (const begun of ["", '{"cost']) {
  for (const zeros of [1, 4096, 2_000_000]) {
    for (const index of ["its index", "no index"]) {
      const tail = `${begun === "" ? "" : `${begun} and `}${zeros} zeros`;
      test(`jsonl: a file that ends in ${tail}, with ${index}, has its entries and goes on`, async (t) => {
        const path = await closedLog(t, 3);
        const end = statSync(path).size;
        appendFileSync(path, begun + "\0".repeat(zeros));
        if (index === "no index") rmSync(`${path}-index`);
        const before = readFileSync(path);
        const { log, warnings } = await watched(t, path);
        assertEquals(warnings, ["TORN_LINE"]);
        assertEquals(inputs(await log.query()), ["0", "1", "2"]);
        assertEquals((await log.info()).unreadable?.count, 1);
        const { entryId } = await log.record(interaction({ inputText: "next" }));
        assertEquals(inputs(await log.query()), ["0", "1", "2", "next"]);
        const { count, first } = (await log.info()).unreadable!;
        assertEquals([count, first[0]!.offset, first.length], [1, end, 1]);
        const { faults, size } = await log.verify();
        assertEquals([faults, size], [[], 4]);
        const line = await log.line(entryId);
        await log.close();
        const after = readFileSync(path);
        assert(before.equals(after.subarray(0, before.length)), "what was there was changed");
        assertEquals(after.subarray(before.length).toString(), `\n${line}\n`);
      });
    }
  }
}

test("jsonl: verify() tells of a torn line, which is no fault", async (t) => {
  const path = join(tempFolder(t), "log");
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/torn");
  const log = await openFile(t, { backend: "jsonl", path, signingKey });
  await log.recordAll(interactions(3));
  const checkpoint = await log.checkpoint();
  const { size } = statSync(path);
  appendFileSync(path, '{"cost');
  const check = async (why: string) => {
    const { ok, faults, unknown } = await log.verify({ verifierKey, checkpoint });
    assertEquals([ok, faults], [true, []]);
    const told = `1 line of the file is no record (the first at byte ${size}: it is ${why})`;
    assertEquals(unknown.filter((text) => text.startsWith(told)).length, 1, `${unknown}`);
  };
  await check("unfinished");
  await log.record(interaction());
  await check("not JSON");
});

/** An index that is put beside a log of 100 entries, and whether it can be brought up to date. */
const OUTDATED: readonly [what: string, fits: boolean, put: PutIndex][] = [
  ["was copied after 50 of 100 entries", true, async (t, path) => {
    const copy = join(tempFolder(t), "copy");
    await recordFirstHalf(path);
    copyFileSync(`${path}-index`, copy);
    await recordSecondHalf(path);
    copyFileSync(copy, `${path}-index`);
  }],
  ["is of another log", false, async (t, path) => {
    await recordFirstHalf(path);
    await recordSecondHalf(path);
    copyFileSync(`${await closedLog(t, 100)}-index`, `${path}-index`);
  }],
  ["is of a copy that went on otherwise", false, async (t, path) => {
    const other = join(tempFolder(t), "log");
    await recordFirstHalf(path);
    copyFileSync(path, other);
    await recordSecondHalf(path);
    const log = await AuditLog.open({ backend: "jsonl", path: other });
    await log.recordAll(interactions(40, { user: "other" }));
    await log.close();
    copyFileSync(`${other}-index`, `${path}-index`);
  }],
];

type PutIndex = (t: TestContext, path: string) => Promise<void>;

async function recordFirstHalf(path: string): Promise<void> {
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.recordAll(interactions(50));
  await log.close();
}

async function recordSecondHalf(path: string): Promise<void> {
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.recordAll(interactions(50, { user: "later" }));
  await log.close();
}

for (const [what, fits, put] of OUTDATED) {
  test(`jsonl: an index that ${what} is ${fits ? "brought up to date" : "made anew"}`, async (t) => {
    const path = join(tempFolder(t), "log");
    await put(t, path);
    const { log, warnings } = await watched(t, path);
    const [before, later] = [inputs(await log.query({ user: "anonymous" })), { user: "later" }];
    const texts = interactions(50).map(({ inputText }) => inputText);
    assertEquals(before, texts);
    assertEquals(inputs(await log.query(later)), texts);
    assertEquals([await log.count(), await log.count({ user: "other" })], [100, 0]);
    const { entryId } = await log.record(interaction({ user: "last" }));
    assertEquals((await log.query({ user: "last" })).map((entry) => entry.entryId), [entryId]);
    const { faults, size } = await log.verify();
    assertEquals([faults, size, (await log.info()).unreadable?.count], [[], 101, 0]);
    assertEquals(warnings, fits ? [] : ["INDEX_REBUILT"]);
  });
}

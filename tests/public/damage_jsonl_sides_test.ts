// Whatever becomes of the bytes of the files beside a JSONL log: what it shows is right, or it says that it is not.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, AuditLogError, generateSigningKey } from "@audit-log/llm";
import fc from "fast-check";
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { attempt, examine, type Known, known } from "../support/examined.ts";
import { foreignLine, interaction, START_MS } from "../support/interaction.ts";
import { mutations } from "../support/mutations.ts";
import { BY_HAND, checkpointsOf, partsOf } from "../support/notes.ts";
import { check, LONG_MS } from "../support/property.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { damagedDatabase, sqliteDamage } from "../support/sqlite_damage.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
const SUFFIXES = ["", "-index", "-index-wal", "-index-shm", "-lock", "-checkpoints"];

/** The files of a log, by what follows its path in their names, and what is in it. */
interface Sample extends Known {
  readonly files: ReadonlyMap<string, Uint8Array>;
}

function filesOf(path: string): ReadonlyMap<string, Uint8Array> {
  const there = SUFFIXES.filter((suffix) => existsSync(path + suffix));
  return new Map(there.map((suffix) => [suffix, new Uint8Array(readFileSync(path + suffix))]));
}

function writeFiles(path: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const [suffix, bytes] of files) writeFileSync(path + suffix, bytes);
}

function removeFiles(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true });
}

/** Logs of so many entries with checkpoints: as their files are while they are open, and when they are closed. */
async function samples(folder: string, count: number): Promise<Sample[]> {
  const path = join(folder, `${count}`);
  const options = { backend: "jsonl", path, signingKey, checkpoints: BY_HAND } as const;
  const log = await AuditLog.open({ ...options, clock: () => START_MS });
  for (const from of [0, 50, 280].filter((from) => from < count)) {
    await log.recordAll(
      Array.from({ length: Math.min(count, from + 230) - from }, (_, n) =>
        interaction({
          inputText: `${from + n}`,
          user: ["alice", "bob", "李雷"][n % 3]!,
          model: n % 7 === 0 ? "rare" : "m",
          outputText: n % 50 === 9 ? "long ".repeat(5000) : "out",
        })),
    );
    // An earlier time than that of the entries before it.
    const [entry_id, timestamp] = [`adopted ${from}`, "2026-01-01T00:00:00+00:00"];
    await log.adopt([foreignLine({ entry_id, timestamp, user: "alice" })]);
    await log.checkpoint();
  }
  const live = { ...await known(log, verifierKey), files: filesOf(path) };
  await log.close();
  return [live, { ...live, files: filesOf(path) }];
}

test(
  "jsonl: whatever is done to the index beside it, what a log shows is right, refused, or found at fault",
  { timeout: LONG_MS },
  async (t) => {
    const folder = tempFolder(t);
    const originals = [...await samples(folder, 0), ...await samples(folder, 300)];
    let run = 0;
    const damage = fc.record({
      file: fc.constantFrom("-index", "-index", "-index-wal", "-index-shm"),
      change: sqliteDamage,
    });
    const property = fc.asyncProperty(
      fc.nat(originals.length - 1),
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      fc.boolean(),
      async (index, damages, readOnly) => {
        const original = originals[index]!;
        const path = join(folder, `run ${run++}`);
        const files = new Map(original.files);
        for (const { file, change } of damages) {
          const suffix = files.has(file) ? file : "-index";
          files.set(suffix, damagedDatabase(files.get(suffix)!, change));
        }
        writeFiles(path, files);
        const options = { backend: "jsonl", path, durability: "relaxed" } as const;
        // The index is made anew where it cannot be used.
        const log = await AuditLog.open({ ...options, readOnly });
        await examine(log, original);
        if (!readOnly) await attempt(() => log.record(interaction({ inputText: "next" })));
        await attempt(() => log.close());
        // Nothing was written into the log but what was recorded, and with a new index it is as it was.
        const after = new Uint8Array(readFileSync(path));
        const before = original.files.get("")!;
        assertEquals(after.subarray(0, before.length), before);
        for (const side of ["", "-wal", "-shm"]) rmSync(`${path}-index${side}`, { force: true });
        const again = await AuditLog.open(options);
        const entries = await again.query();
        assert(entries.length <= original.entries.length + 1);
        assertEquals(entries.slice(0, original.entries.length), [...original.entries]);
        await again.close();
        removeFiles(path);
      },
    );
    await check(property, 12);
  },
);

test(
  "jsonl: whatever is done to the checkpoints beside it, none is shown for right that was not signed",
  { timeout: LONG_MS },
  async (t) => {
    const folder = tempFolder(t);
    const [, original] = await samples(folder, 300);
    const { files, notes } = original!;
    const text = new TextDecoder().decode(files.get("-checkpoints"));
    let run = 0;
    const property = fc.asyncProperty(mutations, fc.boolean(), async (mutate, signs) => {
      const path = join(folder, `run ${run++}`);
      writeFiles(path, files);
      writeFileSync(`${path}-checkpoints`, mutate(text));
      const options = { backend: "jsonl", path, durability: "relaxed" } as const;
      const opening = await attempt(() =>
        AuditLog.open(signs ? { ...options, signingKey, checkpoints: BY_HAND } : options)
      );
      if ("value" in opening) {
        const log = opening.value;
        // Records do not depend on it.
        assertEquals((await log.query()).length, original!.entries.length);
        await examine(log, original!);
        const report = await log.verify({ verifierKey });
        if (report.ok) {
          for (const note of await checkpointsOf(log)) {
            // What stands behind the text may have been altered where it is no signature of the log.
            const { size, root } = partsOf(note);
            assert(
              notes.some((kept) => partsOf(kept).size === size && partsOf(kept).root === root),
            );
          }
        }
        if (signs) {
          const made = await attempt(() => log.checkpoint());
          if ("value" in made) {
            assertEquals((await checkpointsOf(log)).at(-1), made.value);
            assertEquals(partsOf(made.value).root, partsOf(notes.at(-1)!).root);
          }
        }
        await log.close();
      } else {
        const codes = ["CHECKPOINT_CONFLICT", "KEY_MISMATCH", "DAMAGED"];
        assert(signs && codes.includes(opening.error.code), opening.error.message);
      }
      removeFiles(path);
    });
    await check(property, 12);
  },
);

test(
  "whatever is done to a checkpoint that is given, verify() refuses it, finds it at fault, or reads what it said",
  { timeout: LONG_MS },
  async (t) => {
    const folder = tempFolder(t);
    const [, original] = await samples(folder, 300);
    const path = join(folder, "300");
    const log = await AuditLog.open({ backend: "jsonl", path, readOnly: true });
    t.after(() => log.close());
    const property = fc.asyncProperty(
      fc.constantFrom(...original!.notes),
      mutations,
      fc.boolean(),
      async (note, mutate, hasKey) => {
        const checkpoint = new TextDecoder("utf-8", { ignoreBOM: true }).decode(mutate(note));
        const verifying = await attempt(() =>
          log.verify(hasKey ? { checkpoint, verifierKey } : { checkpoint })
        );
        if ("error" in verifying) {
          const { error } = verifying;
          assert(error instanceof AuditLogError);
          assert(["INVALID_NOTE", "NOT_VERIFIED"].includes(error.code), error.message);
        } else if (verifying.value.ok) {
          const [said, given] = [note, checkpoint].map((text) => text.split("\n").slice(0, 3));
          assertEquals(given, said);
        }
      },
    );
    await check(property, 100);
  },
);

test("jsonl: an index that proves to be damaged when a record is looked for behind a torn line makes none come twice", async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.recordAll([interaction(), interaction()]);
  await log.close();
  const raw = await openRaw(t, `${path}-index`);
  const [{ rootpage }] = raw.all(
    "SELECT rootpage FROM sqlite_schema WHERE name = 'line_entry_id'",
  ) as [{ rootpage: number }];
  const [{ page_size: size }] = raw.all("PRAGMA page_size") as [{ page_size: number }];
  raw.close();
  const bytes = readFileSync(`${path}-index`);
  bytes.fill(0xff, (rootpage - 1) * size, rootpage * size);
  writeFileSync(`${path}-index`, bytes);
  appendFileSync(path, '{"cost_usd"');
  const again = await AuditLog.open({ backend: "jsonl", path });
  const recorded = await again.record(interaction({ inputText: "next" }));
  assertEquals((await again.query()).at(-1), recorded);
  assertEquals(await again.count(), 3);
  await again.close();
  assertEquals(readFileSync(path, "utf8").split("\n").length, 5);
});

test("jsonl: a line that a damaged number in the index puts out of order is not shown where it is not", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "jsonl", path });
  await log.recordAll(Array.from({ length: 60 }, (_, n) => interaction({ inputText: `${n}` })));
  const entries = await log.query();
  await log.close();
  for (const order of ["asc", "desc"] as const) {
    for (const number of [60, 10_000, 2 ** 50]) {
      const raw = await openRaw(t, `${path}-index`);
      raw.exec(`UPDATE line SET seq = ${number} WHERE seq = 40`);
      raw.close();
      const again = await AuditLog.open({ backend: "jsonl", path });
      await assertRefused(() => again.query({ order }), "DAMAGED");
      // The index is made anew.
      assertEquals(await again.query(), entries);
      await again.close();
    }
  }
});

// Whatever becomes of the bytes of a SQLite log: it is refused, or read as far as it can be, and nothing is shown for
// right that is not.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import fc from "fast-check";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { attempt, examine, type Known, known } from "../support/examined.ts";
import { allLines, interaction, START_MS } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { check, LONG_MS } from "../support/property.ts";
import { damagedDatabase, sqliteDamage } from "../support/sqlite_damage.ts";
import { tempFolder } from "../support/temp.ts";

/** The files of a log, by what follows its path in their names, its own key, and what is in it. */
interface Sample extends Known {
  readonly signingKey: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const SUFFIXES = ["", "-wal", "-shm"] as const;

function filesOf(path: string): ReadonlyMap<string, Uint8Array> {
  const there = SUFFIXES.filter((suffix) => existsSync(path + suffix));
  return new Map(there.map((suffix) => [suffix, new Uint8Array(readFileSync(path + suffix))]));
}

/** A log of so many entries and a checkpoint; `live` is how its files are while it is open. */
async function sample(
  path: string,
  count: number,
): Promise<{ closed: Sample; live: Sample }> {
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
  // Times run backwards here and there.
  let asked = 0;
  const clock = () => START_MS + asked++ * 1000;
  const options = { backend: "sqlite", path, signingKey, checkpoints: BY_HAND, clock } as const;
  for (const [from, to] of [[0, count >> 1], [count >> 1, count]] as const) {
    const log = await AuditLog.open(options);
    const entries = Array.from({ length: to - from }, (_, n) =>
      interaction({
        inputText: `${from + n}`,
        user: ["alice", "bob", "李雷"][n % 3]!,
        model: n % 7 === 0 ? "rare" : "m",
        outputText: n % 50 === 9 ? "long ".repeat(5000) : "out",
        costUsd: n / 8,
      }));
    await log.recordAll(entries);
    await log.checkpoint();
    if (to < count) await log.close();
    else {
      const live = { ...await known(log, verifierKey), signingKey, files: filesOf(path) };
      await log.close();
      return { live, closed: { ...live, files: filesOf(path) } };
    }
    asked -= 60;
  }
  throw new Error("there is no last part");
}

async function samples(folder: string): Promise<Sample[]> {
  const empty = await sample(join(folder, "empty"), 0);
  const small = await sample(join(folder, "small"), 5);
  const large = await sample(join(folder, "large"), 300);
  assert(large.live.files.get("-wal")!.length > 100_000);
  return [empty.closed, empty.live, small.closed, small.live, large.closed, large.live];
}

const PYTHON = new Uint8Array(
  readFileSync(new URL("../testdata/python_class/audit.db", import.meta.url)),
);

const damage = fc.record({
  file: fc.constantFrom("", "", "", "-wal", "-shm"),
  change: sqliteDamage,
});
const damages = fc.array(damage, { minLength: 1, maxLength: 3 });

function writeDamaged(
  path: string,
  files: ReadonlyMap<string, Uint8Array>,
  damages: readonly { file: string; change: Parameters<typeof damagedDatabase>[1] }[],
): void {
  for (const suffix of SUFFIXES) {
    const bytes = files.get(suffix);
    if (bytes === undefined) continue;
    const own = damages.filter(({ file }) => (files.has(file) ? file : "") === suffix);
    writeFileSync(path + suffix, own.reduce((b, { change }) => damagedDatabase(b, change), bytes));
  }
}

function removeLog(path: string): void {
  for (const suffix of SUFFIXES) rmSync(path + suffix, { force: true });
}

test(
  "sqlite: a damaged file is refused or read, and all is as it was where verify() finds nothing",
  { timeout: LONG_MS },
  async (t) => {
    const folder = tempFolder(t);
    const originals = await samples(folder);
    const outcomes = { refused: 0, found: 0, same: 0 };
    const chosen = fc.nat(originals.length - 1);
    let run = 0;
    const property = fc.asyncProperty(
      chosen,
      damages,
      fc.option(chosen, { freq: 12 }),
      fc.boolean(),
      async (index, damages, foreign, readsFirst) => {
        const original = originals[index]!;
        const path = join(folder, `run ${run++}`);
        writeDamaged(path, original.files, damages);
        const wal = foreign === null ? undefined : originals[foreign]!.files.get("-wal");
        if (wal !== undefined) writeFileSync(`${path}-wal`, wal);

        const options = { backend: "sqlite", path, durability: "relaxed" } as const;
        if (readsFirst) {
          const reading = await attempt(() => AuditLog.open({ ...options, readOnly: true }));
          if ("value" in reading) {
            await examine(reading.value, original);
            await attempt(() => reading.value.close());
          }
        }
        const opening = await attempt(() => AuditLog.open(options));
        if ("error" in opening) outcomes.refused++;
        else {
          const log = opening.value;
          outcomes[await examine(log, original) ? "same" : "found"]++;
          const recorded = await attempt(() => log.record(interaction({ inputText: "next" })));
          if ("value" in recorded) {
            const line = await attempt(() => log.line(recorded.value.entryId));
            const entries = [...original.entries, recorded.value];
            const lines = [...original.lines, "value" in line ? line.value! : "none"];
            await examine(log, { ...original, entries, lines });
          }
          await attempt(() => log.close());
        }
        const { signingKey } = original;
        const signing = await attempt(() => AuditLog.open({ ...options, signingKey }));
        if ("value" in signing) {
          await attempt(() => signing.value.checkpoint());
          await attempt(() => signing.value.close());
        }
        removeLog(path);
      },
    );
    await check(property, 30);
    // Damage of each kind was done.
    for (const count of Object.values(outcomes)) assert(count > 0, JSON.stringify(outcomes));
  },
);

test(
  "sqlite: a damaged file of the Python class is refused, or becomes a log in which nothing is at fault",
  { timeout: LONG_MS },
  async (t) => {
    const folder = tempFolder(t);
    let [run, upgraded] = [0, 0];
    const property = fc.asyncProperty(damages, async (damages) => {
      const path = join(folder, `${run++}`);
      writeDamaged(path, new Map([["", PYTHON]]), damages);
      const before = new Uint8Array(readFileSync(path));
      const options = { backend: "sqlite", path, durability: "relaxed" } as const;
      const opening = await attempt(() => AuditLog.open(options));
      if ("error" in opening) {
        // What cannot be copied stays as it is.
        if (opening.error.code === "NOT_A_LOG") {
          assertEquals(new Uint8Array(readFileSync(path)), before);
        }
      } else {
        const log = opening.value;
        const lines = await attempt(() => allLines(log));
        const report = await attempt(() => log.verify());
        if ("value" in lines && "value" in report && report.value.ok) {
          upgraded++;
          assertEquals(await log.count(), lines.value.length);
        }
        await attempt(() => log.record(interaction()));
        await attempt(() => log.close());
        await attempt(() => AuditLog.open(options).then((log) => log.close()));
      }
      removeLog(path);
    });
    await check(property, 20);
    assert(upgraded > 0);
  },
);

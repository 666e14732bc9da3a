// What is asked of the disk before something is acknowledged or seen: docs/durability.md.

import { assertEquals } from "@std/assert";
import {
  type FileOptions,
  generateSigningKey,
  type Runtime,
  type SqliteDatabase,
} from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { aroundFiles } from "../support/around_files.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { openFile } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, Gate } from "../support/notes.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** The runtime, and the databases that it has opened, by their paths. */
function keepingDatabases(
  runtime: Runtime,
): { runtime: Runtime; kept: Map<string, SqliteDatabase> } {
  const kept = new Map<string, SqliteDatabase>();
  const { name, open } = runtime.sqlite;
  const sqlite: Runtime["sqlite"] = {
    name,
    open(path, options) {
      const database = open(path, options);
      kept.set(path, database);
      return database;
    },
  };
  return { runtime: { ...runtime, sqlite }, kept };
}

/** SQLite's numbers for what a commit waits for. */
const [NORMAL, FULL] = [1, 2];

const LEVELS: readonly [durability: FileOptions["durability"], synchronous: number][] = [
  [undefined, FULL],
  ["full", FULL],
  ["relaxed", NORMAL],
];
for (const [durability, synchronous] of LEVELS) {
  const given = durability === undefined ? "unless something else is asked for" : durability;
  test(`sqlite: synchronous is ${synchronous}, ${given}, and each sync reaches the disk itself`, async (t) => {
    const path = join(tempFolder(t), "log");
    const { runtime, kept } = keepingDatabases(await currentRuntime());
    const log = await openFile(t, { backend: "sqlite", path, runtime, durability });
    const database = kept.get(path)!;
    const settings = () =>
      ["synchronous", "fullfsync", "checkpoint_fullfsync"].map((name) =>
        Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]
      );
    assertEquals(settings(), [synchronous, 1, 1]);
    await log.record(interaction());
    assertEquals(settings(), [synchronous, 1, 1]);
  });
}

const { signingKey } = await generateSigningKey("acme.example/disk");

for (const durability of ["full", "relaxed"] as const) {
  test(`jsonl: with durability ${durability}, a checkpoint is out when the disk has its records, and then itself`, async (t) => {
    const path = join(tempFolder(t), "log");
    const steps = [path, `${path}-checkpoints`];
    /** What is told of each step when the disk is asked for it, and what the disk waits for. */
    const gates = new Map(steps.map((step) => [step, { reached: new Gate(), held: new Gate() }]));
    const asked: string[] = [];
    let isHeld = false;
    const runtime = aroundFiles(await currentRuntime(), (file, opened) => ({
      async sync() {
        const gate = isHeld ? gates.get(opened) : undefined;
        if (gate !== undefined) asked.push(opened);
        gate?.reached.open();
        await gate?.held.passed;
        await file.sync();
      },
    }));
    const published: string[] = [];
    const log = await openFile(t, {
      backend: "jsonl",
      path,
      runtime,
      durability,
      signingKey,
      checkpoints: { ...BY_HAND, publish: (note) => void published.push(note) },
    });
    atEnd(t, () => gates.forEach(({ held }) => held.open()));
    await log.recordAll(interactions(3));
    isHeld = true;
    let made: string | undefined;
    const making = log.checkpoint().then((note) => made = note);
    for (const [n, step] of steps.entries()) {
      // Where the disk is not asked for it, the next step is reached, or the checkpoint is made.
      const later = steps.slice(n).map((next) => gates.get(next)!.reached.passed);
      await Promise.race([...later, making]);
      assertEquals(asked, steps.slice(0, n + 1));
      assertEquals([made, published], [undefined, []]);
      if (step === path) assertEquals(await checkpointsOf(log), []);
      gates.get(step)!.held.open();
    }
    await making;
    await log.close();
    assertEquals(published, [made]);
  });

  test(`sqlite: with durability ${durability}, the commit of a checkpoint waits for the disk, and nobody sees it before`, async (t) => {
    const path = join(tempFolder(t), "log");
    const statements: string[] = [];
    const published: string[] = [];
    const seen: number[] = [];
    const runtime = aroundSqlite(await currentRuntime(), ({ sql, does }, action) => {
      const [told] =
        sql.match(/^(?:BEGIN|COMMIT|INSERT INTO audit_checkpoint|PRAGMA synchronous).*/s) ?? [];
      if (does !== "prepare" && told !== undefined) {
        statements.push(told.replace(/ \(.*/s, ""));
        seen.push(published.length);
      }
      return action();
    });
    const log = await openFile(t, {
      backend: "sqlite",
      path,
      runtime,
      durability,
      signingKey,
      checkpoints: { ...BY_HAND, publish: (note) => void published.push(note) },
    });
    await log.recordAll(interactions(3));
    statements.length = seen.length = 0;
    const note = await log.checkpoint();
    const kept = ["BEGIN IMMEDIATE", "INSERT INTO audit_checkpoint", "COMMIT"];
    assertEquals(
      statements,
      durability === "full"
        ? kept
        : ["PRAGMA synchronous = FULL", ...kept, "PRAGMA synchronous = NORMAL"],
    );
    assertEquals(seen.filter((count) => count > 0), []);
    await log.close();
    assertEquals(published, [note]);
  });
}

// What a signed log has hashed once is not read again to open it, to sign a further checkpoint or to prove an entry.

import { assert, assertEquals } from "@std/assert";
import { generateSigningKey, type Runtime } from "@audit-log/llm";
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aroundFiles } from "../support/around_files.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, partsOf } from "../support/notes.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const ENTRIES = 2000;
/** A tile has 256: of the last, which is not full, the records are read, and not more than a tile beside. */
const FEW = 512;

/** The runtime, which counts the records that are read out of a SQLite database. */
function countingRows(runtime: Runtime, count: (records: number) => void): Runtime {
  return aroundSqlite(runtime, ({ sql, does }, action) => {
    const result = action();
    if (/\baudit_record\b/.test(sql)) {
      if (does === "all") count((result as readonly unknown[]).length);
      if (does === "get" && result !== undefined) count(1);
    }
    return result;
  });
}

/** The runtime, which counts the bytes that are read out of a file. */
function countingBytes(runtime: Runtime, path: string, count: (bytes: number) => void): Runtime {
  return aroundFiles(runtime, (file, opened) => ({
    async read(buffer, position) {
      const bytes = await file.read(buffer, position);
      if (opened === path) count(bytes);
      return bytes;
    },
  }));
}

for (const backend of FILE_BACKENDS) {
  test(`${backend}: to open a log with its key, to sign and to prove, no records are read that tiles stand for`, async (t) => {
    const path = join(tempFolder(t), "log");
    const { signingKey, verifierKey } = await generateSigningKey("acme.example/old");
    const options = { backend, path, signingKey, checkpoints: BY_HAND } as const;
    const real = await currentRuntime();
    const first = await openFile(t, { ...options, runtime: real });
    const entries = await first.recordAll(interactions(ENTRIES));
    await first.checkpoint();
    await first.close();

    let read = 0;
    const count = (found: number) => read += found;
    const isSqlite = backend === "sqlite";
    const runtime = isSqlite ? countingRows(real, count) : countingBytes(real, path, count);
    const most = isSqlite ? FEW : FEW * statSync(path).size / ENTRIES;
    const few = async <T>(what: string, action: () => Promise<T>): Promise<T> => {
      read = 0;
      const result = await action();
      assert(read < most, `${what}: ${read} of ${isSqlite ? "records" : "bytes"}, at most ${most}`);
      return result;
    };
    const log = await few("open", () => openFile(t, { ...options, runtime }));
    await log.record(interaction());
    const note = await few("checkpoint", () => log.checkpoint());
    assertEquals(partsOf(note).size, ENTRIES + 1);
    await few("prove", () => log.prove(entries[3]!.entryId));
    // That reading is seen at all.
    assertEquals((await log.verify({ verifierKey })).ok, true);
    assert(read > most, `${read}`);
  });
}

// A runtime's thread for writing rows.

import { assertEquals, assertRejects } from "@std/assert";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { RowBatch, RowWriter } from "../../src/ports.ts";
import type { LogRecord } from "../../src/record.ts";
import { LineEncoder } from "../../src/stores/line_encoder.ts";
import { packColumns } from "../../src/stores/row_batch.ts";
import { openFile } from "../support/backends.ts";
import { foreignLine, interactions } from "../support/interaction.ts";
import { openRaw, type RawDatabase } from "../support/raw_sqlite.ts";
import { recordsOf } from "../support/records.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

interface Place {
  readonly path: string;
  readonly raw: RawDatabase;
  start(settings?: { identity?: string; busyTimeoutMs?: number }): Promise<RowWriter>;
}

async function placeFor(t: TestContext): Promise<Place> {
  const path = join(tempFolder(t), "log");
  await (await openFile(t, { backend: "sqlite", path })).close();
  const { file, sqlite } = await currentRuntime();
  const { identity } = (await file.stat(path))!;
  const usual = { path, identity, durability: "full", busyTimeoutMs: 5000 } as const;
  return {
    path,
    raw: await openRaw(t, path),
    async start(settings = {}) {
      const writer = await sqlite.startRowWriter!({ ...usual, ...settings });
      atEnd(t, () => writer.close());
      return writer;
    },
  };
}

function rowsFor(records: readonly LogRecord[], then: RowBatch["then"]): RowBatch {
  const { slab, bounds } = new LineEncoder().encode(records, false);
  return { slab, bounds, ...packColumns(records), then };
}

const records = await recordsOf({ entries: interactions(40) });

function idsIn(raw: RawDatabase): unknown[] {
  return raw.all("SELECT entry_id FROM audit_record ORDER BY seq").map(({ entry_id }) => entry_id);
}

test("a writer writes transactions in their order, some of them in parts, or none of one", async (t) => {
  const { raw, path, start } = await placeFor(t);
  const writer = await start();
  const plan = [[0, 3, "commit"], [3, 4, "more"], [4, 4, "more"], [4, 9, "commit"]] as const;
  const undone = [[9, 12, "more"], [12, 14, "abandon"], [9, 10, "abandon"], [
    9,
    40,
    "commit",
  ]] as const;
  const written = await Promise.all(
    [...plan, ...undone].map(([from, to, then]) =>
      writer.write(rowsFor(records.slice(from, to), then))
    ),
  );
  assertEquals(written.map(({ first }) => first), [0, -1, -1, 3, -1, -1, -1, 9]);
  assertEquals(written.filter(({ failure }) => failure !== undefined), []);
  assertEquals(idsIn(raw), records.map(({ entry }) => entry.entryId));
  raw.close();
  await writer.close();
  assertEquals(existsSync(`${path}-wal`), false);
});

test("a writer undoes a transaction of which a part fails, says why at its end, and goes on", async (t) => {
  const { raw, start } = await placeFor(t);
  const writer = await start();
  await writer.write(rowsFor(records.slice(0, 5), "commit"));
  const [begun, failed, more, ended, next] = await Promise.all([
    writer.write(rowsFor(records.slice(5, 10), "more")),
    writer.write(rowsFor(records.slice(4, 5), "more")),
    writer.write(rowsFor(records.slice(10, 12), "more")),
    writer.write(rowsFor(records.slice(12, 14), "commit")),
    writer.write(rowsFor(records.slice(20, 22), "commit")),
  ]);
  assertEquals([begun, failed, more].map(({ failure }) => failure), [
    undefined,
    undefined,
    undefined,
  ]);
  assertEquals([ended.first, ended.failure!.code], [-1, "DUPLICATE_ENTRY"]);
  assertEquals(typeof ended.failure!.cause!.resultCode, "number");
  assertEquals([next.first, next.failure], [5, undefined]);
  assertEquals(
    idsIn(raw),
    [...records.slice(0, 5), ...records.slice(20, 22)].map((r) => r.entry.entryId),
  );
});

for (const position of [0, 1]) {
  test(`a writer undoes a transaction whose part ${position} cannot be read, and keeps nobody out`, async (t) => {
    const { raw, start } = await placeFor(t);
    const writer = await start();
    await writer.write(rowsFor(records.slice(0, 5), "commit"));
    const parts = [rowsFor(records.slice(5, 10), "more"), rowsFor(records.slice(10, 12), "more")];
    // Where the last row ends is beyond the lines.
    parts[position]!.bounds.set([2 ** 30], parts[position]!.bounds.length - 1);
    for (const part of parts) assertEquals((await writer.write(part)).failure, undefined);
    raw.exec("BEGIN IMMEDIATE");
    raw.exec("ROLLBACK");
    const ended = await writer.write(rowsFor(records.slice(12, 14), "commit"));
    assertEquals([ended.first, typeof ended.failure?.message], [-1, "string"]);
    const next = await writer.write(rowsFor(records.slice(20, 22), "commit"));
    assertEquals([next.first, next.failure], [5, undefined]);
    assertEquals(idsIn(raw).length, 7);
  });
}

test("a writer waits for another connection's transaction, as long as it may", async (t) => {
  const { raw, start } = await placeFor(t);
  const [patient, hasty] = [await start(), await start({ busyTimeoutMs: 1 })];
  raw.exec("BEGIN IMMEDIATE");
  const writing = patient.write(rowsFor(records.slice(0, 2), "commit"));
  const { failure } = await hasty.write(rowsFor(records.slice(2, 4), "commit"));
  assertEquals(failure!.resultCode! & 0xff, 5);
  raw.exec("ROLLBACK");
  assertEquals((await writing).first, 0);
  assertEquals((await hasty.write(rowsFor(records.slice(2, 4), "commit"))).first, 2);
});

test("a writer that is closed in the middle of a transaction leaves nothing of it", async (t) => {
  const { raw, start } = await placeFor(t);
  const writer = await start();
  await writer.write(rowsFor(records.slice(0, 5), "more"));
  await writer.close();
  await assertRejects(() => writer.write(rowsFor(records.slice(5), "commit")), Error);
  assertEquals(idsIn(raw), []);
  assertEquals((await (await start()).write(rowsFor(records, "commit"))).first, 0);
});

test("a writer opens no other file than the log", async (t) => {
  const { start } = await placeFor(t);
  await assertRejects(() => start({ identity: "another" }), Error, "replaced");
});

test("columns of foreign records arrive as they are", async (t) => {
  const { raw, start } = await placeFor(t);
  const given = [{ user: "\u0001💬", model: "李", cost_usd: null, latency_ms: 0 }, {
    user: "",
    model: "",
    cost_usd: 1e21,
    latency_ms: null,
  }];
  const lines = given.map((fields, n) => foreignLine({ ...fields, entry_id: `${n}` }));
  await (await start()).write(rowsFor(await recordsOf({ lines }), "commit"));
  const rows = raw.all(
    "SELECT user, model, cost_usd, latency_ms, canonical, record FROM audit_record",
  );
  assertEquals(rows, given.map((row, n) => ({ ...row, canonical: 0, record: lines[n] })));
});

test("lines of any script arrive as the texts that they are", async (t) => {
  const { raw, start } = await placeFor(t);
  const texts = ["", "plain", "straße", "東京\u2028", "💬", "\ud800", "\0", "\ufeff"];
  const entries = texts.map((inputText) => ({ model: "m", inputText, outputText: "" }));
  const given = await recordsOf({ entries });
  await (await start()).write(rowsFor(given, "commit"));
  const rows = raw.all(
    "SELECT record, typeof(record) AS type, lower(hex(record)) AS bytes FROM audit_record ORDER BY seq",
  );
  const hex = (line: string) =>
    [...new TextEncoder().encode(line)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  assertEquals(
    rows,
    given.map(({ line }) => ({ record: line, type: "text", bytes: hex(line) })),
  );
});

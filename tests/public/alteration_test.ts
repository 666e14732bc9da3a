// What is done to a whole log from outside: replaced, rolled back, rewritten; what then opens it, proves and signs.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, generateSigningKey, verifyProof } from "@audit-log/llm";
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  alterLines,
  alterTables,
  findings,
  type Original,
  original,
  removeIndex,
  signingKey,
  verified,
  verifierKey,
} from "../support/altered.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { allLines, interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, partsOf, rootOfLines, withOther } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";
import { tempFolder } from "../support/temp.ts";

/** Puts the files of one log in the place of another's. */
function replace(path: string, by: string): void {
  const namesIn = (path: string) =>
    readdirSync(dirname(path)).filter((name) => name.startsWith(basename(path)));
  for (const name of namesIn(path)) rmSync(join(dirname(path), name));
  for (const name of namesIn(by)) {
    cpSync(join(dirname(by), name), path + name.slice(basename(by).length));
  }
}

/** A copy of a log as it is now. */
function copyOf(t: TestContext, log: Original): Original {
  const path = join(tempFolder(t), "log");
  replace(path, log.path);
  return { ...log, path };
}

const openSigned = (t: TestContext, { backend, path }: Original) =>
  openFile(t, { backend, path, signingKey, checkpoints: BY_HAND });

/** Changes a byte in the text of an entry, in place. */
async function alterEntry(t: TestContext, log: Original, index: number): Promise<void> {
  const text = (line: string) => line.replace('"out"', '"oUt"');
  if (log.backend === "jsonl") {
    alterLines(log.path, (lines) => lines.with(index, text(lines[index]!)));
  } else {
    await alterTables(t, log, (raw) => {
      raw.all("UPDATE audit_record SET record = ? WHERE seq = ?", text(log.lines[index]!), index);
    });
  }
}

/** Cuts off the end of a log, and its checkpoints too if it is told to. */
async function cut(
  t: TestContext,
  log: Original,
  size: number,
  checkpoints: boolean,
): Promise<void> {
  if (log.backend === "jsonl") {
    alterLines(log.path, (lines) => lines.slice(0, size));
    const kept = log.notes.filter((note) => partsOf(note).size <= size).length;
    if (checkpoints) alterLines(`${log.path}-checkpoints`, (lines) => lines.slice(0, kept));
  } else {
    await alterTables(t, log, (raw) => {
      raw.exec(`DELETE FROM audit_record WHERE seq >= ${size}`);
      if (checkpoints) raw.exec(`DELETE FROM audit_checkpoint WHERE size > ${size}`);
    });
  }
}

/** Changes the last checkpoint that a log keeps. */
async function alterLast(t: TestContext, log: Original, change: (note: string) => string) {
  const last = log.notes.at(-1)!;
  const note = change(last);
  assert(note !== last);
  if (log.backend === "jsonl") {
    alterLines(`${log.path}-checkpoints`, (lines) => [
      ...lines.slice(0, -1),
      JSON.stringify({ size: partsOf(last).size, note }),
    ]);
  } else {
    await alterTables(t, log, (raw) => {
      raw.all(
        "UPDATE audit_checkpoint SET note = ? WHERE number = ?",
        note,
        log.notes.length - 1,
      );
    });
  }
}

/** Does something to the tables that hold tiles. */
async function alterTiles(t: TestContext, log: Original, sql: string): Promise<void> {
  const table = log.backend === "jsonl" ? "tile" : "audit_tile";
  const path = log.backend === "jsonl" ? `${log.path}-index` : log.path;
  await alterTables(t, { path }, (raw) => raw.exec(sql.replaceAll("TILE", table)));
}

const ALTERED_HASH =
  "UPDATE TILE SET hashes = CAST(substr(hashes, 1, 224) || iif(substr(hashes, 225, 1) = x'00', x'01', x'00') || substr(hashes, 226) AS BLOB)";

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a shorter log signed with the same key in its place is seen with a kept checkpoint`, async (t) => {
    const log = await original(t, backend);
    replace(log.path, (await original(t, backend, [200])).path);
    const report = await verified(log);
    assertEquals([report.ok, report.size, report.checked.signatures], [true, 200, 1]);
    assert(report.unknown.some((one) => /replaced by an older copy or one signed anew/.test(one)));
    const expected = [["remembered"], ["remembered 200"], ["remembered 200"]];
    for (const [n, checkpoint] of log.notes.entries()) {
      const withIt = await verified(log, { verifierKey, checkpoint });
      assertEquals(findings(withIt), expected[n]);
      assertEquals(withIt.ok, false);
    }
  });

  test(`${backend}: a log that was rewritten and signed anew is seen with a kept checkpoint`, async (t) => {
    const log = await original(t, backend, [300]);
    const rewritten = { ...log, path: join(tempFolder(t), "log") };
    const forger = await openSigned(t, rewritten);
    await forger.adopt(log.lines.map((line, n) => n === 5 ? line.replace('"out"', '"oUt"') : line));
    await forger.checkpoint();
    await forger.close();
    replace(log.path, rewritten.path);
    assertEquals((await verified(log)).ok, true);
    const withIt = await verified(log, { verifierKey, checkpoint: log.notes[0]! });
    assertEquals(findings(withIt), ["remembered"]);
    assertMatch(
      withIt.faults[0]!.message,
      /these are not the first 300 .*; another checkpoint for 300 entries agrees with the log$/,
    );
  });

  test(`${backend}: an older copy in its place is seen with a kept checkpoint`, async (t) => {
    const older = await original(t, backend, [100, 280]);
    const log = copyOf(t, older);
    const newer = await openSigned(t, log);
    await newer.recordAll(interactions(20));
    const checkpoint = await newer.checkpoint();
    await newer.close();
    assertEquals((await verified(log, { verifierKey, checkpoint })).ok, true);
    replace(log.path, older.path);
    const report = await verified(log);
    assertEquals([report.ok, report.size, report.checked.covered], [true, 280, 280]);
    assert(report.unknown.some((one) => /replaced by an older copy/.test(one)));
    const withIt = await verified(log, { verifierKey, checkpoint });
    assertEquals(findings(withIt), ["remembered 280"]);
    // One that is as old as the copy shows nothing.
    assertEquals((await verified(log, { verifierKey, checkpoint: log.notes })).ok, true);
  });

  test(`${backend}: without a key, an altered checkpoint is found by the entries, and blamed on none`, async (t) => {
    const log = await original(t, backend);
    await alterLast(
      t,
      log,
      (note) => note.replace(partsOf(note).root, partsOf(log.notes[0]!).root),
    );
    const { faults, unknown } = await verified(log, {});
    assertEquals(faults.map(({ kind }) => kind), ["checkpoint"]);
    assertMatch(faults[0]!.message, /^Checkpoint 2 .*: they were altered, or the checkpoint was/);
    assert(unknown.some((sentence) => sentence.startsWith("No verifier key was given")));
    assertEquals(findings(await verified(log)), ["signature"]);
  });

  test(`${backend}: a checkpoint of another key is found`, async (t) => {
    const stranger = await generateSigningKey("acme.example/chat");
    const log = await original(t, backend, [3]);
    const other = await AuditLog.open({ signingKey: stranger.signingKey });
    await other.adopt(log.lines);
    const forged = await other.checkpoint();
    await other.close();
    await alterLast(t, log, () => forged);
    assertEquals(findings(await verified(log)), ["signature"]);
    assertEquals((await verified(log, {})).ok, true);
    const both = [verifierKey, stranger.verifierKey];
    assertEquals((await verified(log, { verifierKey: both })).ok, true);
    await assertRefused(() => openSigned(t, log), "KEY_MISMATCH");
  });

  test(`${backend}: a checkpoint of another origin is found, and is not taken for this log's`, async (t) => {
    const other = await generateSigningKey("acme.example/other");
    const log = await original(t, backend, [3, 5]);
    const elsewhere = await AuditLog.open({ signingKey: other.signingKey });
    await elsewhere.adopt(log.lines);
    const foreign = await elsewhere.checkpoint();
    await elsewhere.close();
    await alterLast(t, log, () => foreign);
    const both = [verifierKey, other.verifierKey];
    const { faults, checked } = await verified(log, { verifierKey: both });
    assertEquals(faults.map(({ kind }) => kind), ["checkpoint"]);
    assertMatch(faults[0]!.message, /is of "acme\.example\/other", another log than/);
    assertEquals([checked.checkpoints, checked.checkpointsKept], [1, 2]);
    const given = { verifierKey: both, checkpoint: [log.notes[0]!, foreign] };
    const withForeign = await verified(log, given);
    assertEquals(findings(withForeign), ["checkpoint", "remembered"]);
    assertEquals(withForeign.checked.remembered, 1);
    await assertRefused(() => openSigned(t, log), "KEY_MISMATCH");
  });

  for (
    const [what, alter] of Object.entries({
      "whose last entries were altered": (t: TestContext, log: Original) => alterEntry(t, log, 290),
      "whose end was cut off": (t: TestContext, log: Original) => cut(t, log, 290, false),
      "whose size in the last checkpoint was altered": (t: TestContext, log: Original) =>
        alterLast(t, log, (note) => note.replace("\n300\n", "\n299\n")),
      "whose last checkpoint's signature was altered": (t: TestContext, log: Original) =>
        alterLast(t, log, (note) => withOther(note, note.indexOf("\u2014") + 40)),
      "whose last checkpoint is another one's": (t: TestContext, log: Original) =>
        alterLast(t, log, (note) => note.replace(partsOf(note).root, partsOf(log.notes[0]!).root)),
    })
  ) {
    test(`${backend}: a log ${what} is not signed any more, and stays as it is`, async (t) => {
      const log = await original(t, backend);
      // So that the tile tells of it, whatever becomes of what opens it.
      await alterEntry(t, log, 7);
      await alter(t, log);
      const before = await verified(log);
      const named = before.faults.find(({ kind }) => kind === "tile");
      if (backend === "sqlite") assertEquals(named?.entryId, log.ids[7]);
      for (let times = 0; times < 2; times++) {
        const error = await assertRefused(() => openSigned(t, log), "CHECKPOINT_CONFLICT");
        assertStringIncludes(error.message, log.path);
      }
      const after = await verified(log);
      assertEquals(after.faults, before.faults);
      assertEquals(after.ok, false);
      // Whoever does not sign may go on.
      const plain = await openFile(t, { backend, path: log.path });
      await plain.record(interaction());
    });
  }

  test(`${backend}: a log whose last checkpoint is none is not signed any more`, async (t) => {
    const log = await original(t, backend, [3, 5]);
    await alterLast(t, log, () => "nothing");
    await assertRefused(() => openSigned(t, log), "DAMAGED");
    const plain = await openFile(t, { backend, path: log.path });
    await assertRefused(() => plain.prove(log.ids[0]!), "DAMAGED");
    assertEquals(findings(await verified(log)), ["checkpoint"]);
  });

  test(`${backend}: the end cut off with its checkpoints beneath a tile is found, and nothing is signed over it`, async (t) => {
    const log = await original(t, backend, [100, 280]);
    const index = `${log.path}-index`;
    const kept = backend === "jsonl" ? readFileSync(index) : undefined;
    await cut(t, log, 250, true);
    if (kept === undefined) {
      assertEquals(findings(await verified(log)), ["tile 250"]);
      await assertRefused(() => openSigned(t, log), "CHECKPOINT_CONFLICT");
      await alterTiles(t, log, "DELETE FROM TILE");
    }
    // Where the tiles are gone too, as they are when the index finds its file cut, nothing shows it.
    const again = await openSigned(t, log);
    await again.recordAll(interactions(20));
    const note = await again.checkpoint();
    assertEquals(partsOf(note).root, rootOfLines(await allLines(again)));
    await again.close();
    assertEquals((await verified(log)).ok, true);
    const withIt = await verified(log, { verifierKey, checkpoint: log.notes.at(-1)! });
    assertEquals(findings(withIt), ["remembered 270"]);
  });

  test(`${backend}: an altered entry is not proven, all others are`, async (t) => {
    const log = await original(t, backend);
    await alterEntry(t, log, 5);
    const altered = await openFile(t, { backend, path: log.path, readOnly: true });
    for (const index of [0, 4, 6, 255, 256, 299]) {
      const [record, proof] = [log.lines[index]!, await altered.prove(log.ids[index]!)];
      assertEquals((await verifyProof({ record, proof, verifierKey })).index, index);
    }
    await assertRefused(() => altered.prove(log.ids[5]!), "DAMAGED");
    // Trying has taken nothing away of what shows it.
    assert(findings(await verified(log)).includes("tile 5"));
    await altered.close();
    const writable = await openFile(t, { backend, path: log.path });
    await assertRefused(() => writable.prove(log.ids[5]!), "DAMAGED");
    await writable.close();
    assert(findings(await verified(log)).includes("tile 5"));
  });

  test(`${backend}: a cut log proves nothing beyond what it has`, async (t) => {
    const log = await original(t, backend);
    await cut(t, log, 290, false);
    const opened = await openFile(t, { backend, path: log.path, readOnly: true });
    await assertRefused(() => opened.prove(log.ids[5]!), "DAMAGED");
    await assertRefused(() => opened.prove(log.ids[295]!), "ENTRY_NOT_FOUND");
    await assertRefused(() => opened.proveConsistency(100), "DAMAGED");
    await assertRefused(() => opened.proveConsistency(100, 280), "DAMAGED");
  });

  for (
    const [what, sql] of Object.entries({
      "without its tiles": "DELETE FROM TILE",
      "with an altered hash in a tile": ALTERED_HASH,
      "with an altered root of a tile": "UPDATE TILE SET root = zeroblob(32)",
      "with a root that is too short": "UPDATE TILE SET root = zeroblob(31)",
      "with a root that is too long": "UPDATE TILE SET root = zeroblob(33)",
      "with a tile that was cut": "UPDATE TILE SET hashes = substr(hashes, 1, 100)",
    })
  ) {
    test(`${backend}: a log ${what} proves and signs the truth all the same`, async (t) => {
      const log = await original(t, backend, [100, 280, 600]);
      const intact = copyOf(t, log);
      await alterTiles(t, log, sql);
      const reference = await openFile(t, { backend, path: intact.path });
      for (const options of [{ readOnly: true }, { signingKey, checkpoints: BY_HAND }]) {
        const opened = await openFile(t, { backend, path: log.path, ...options });
        for (const [from, to] of [[7, 600], [100, 280], [7, 9], [280, 280], [0, 5]] as const) {
          assertEquals(
            await opened.proveConsistency(from, to),
            await reference.proveConsistency(from, to),
          );
        }
        for (const index of [6, 7, 8, 255, 300, 599]) {
          const { entryId } = (await reference.query({ limit: 1, after: log.ids[index - 1]! }))[0]!;
          assertEquals(await opened.prove(entryId), await reference.prove(entryId));
        }
        await opened.close();
      }
      const signing = await openSigned(t, log);
      await signing.recordAll(interactions(500));
      const note = await signing.checkpoint();
      assertEquals(partsOf(note).root, rootOfLines(await allLines(signing)));
      await signing.close();
      const { ok, faults, checked } = await verified(log, { verifierKey, checkpoint: log.notes });
      assertEquals([ok, faults, checked.tiles], [true, [], 4]);
    });
  }

  test(`${backend}: what is altered beneath a handle that signs is not signed`, async (t) => {
    const log = await original(t, backend, [10]);
    const stale = copyOf(t, log);
    const signing = await openSigned(t, log);
    await signing.record(interaction());
    // Somebody with the key writes a checkpoint that is not of this log.
    const other = await openSigned(t, stale);
    await other.record(interaction());
    const forged = await other.checkpoint();
    await other.close();
    const line = JSON.stringify({ size: 11, note: forged });
    if (backend === "jsonl") {
      alterLines(`${log.path}-checkpoints`, (lines) => [...lines, line]);
    } else {
      await alterTables(t, log, (raw) => {
        raw.all("INSERT INTO audit_checkpoint VALUES (1, 11, ?)", forged);
      });
    }
    await assertRefused(() => signing.checkpoint(), "CHECKPOINT_CONFLICT");
    assertEquals((await checkpointsOf(signing)).length, 2);
    await signing.record(interaction());
    assertEquals(findings(await signing.verify({ verifierKey })), ["checkpoint 10"]);
  });

  test(`${backend}: what was altered before a checkpoint covered it is not signed where a tile shows it`, async (t) => {
    const path = join(tempFolder(t), "log");
    const options = { backend, path, signingKey, checkpoints: BY_HAND };
    const log = await openFile(t, { ...options, durability: "relaxed" });
    await log.recordAll(interactions(1024));
    const lines = await allLines(log);
    await log.close();
    const ids = lines.map((line) => JSON.parse(line).entry_id as string);
    await alterEntry(t, { backend, path, ids, lines, notes: [] }, 700);
    for (let times = 0; times < 2; times++) {
      const error = await assertRefused(() => AuditLog.open(options), "CHECKPOINT_CONFLICT");
      assertMatch(error.message, /of other entries than 512 to 767 are now/);
    }
    const report = await verified({ backend, path });
    assertEquals(findings(report), ["tile 700"]);
    assertEquals(report.faults[0]!.entryId, ids[700]);
  });

  test(`${backend}: a size beside the last checkpoint that was raised keeps no one signing for ever`, async (t) => {
    const log = await original(t, backend, [10]);
    if (backend === "jsonl") {
      alterLines(`${log.path}-checkpoints`, ([line]) => [line!.replace('"size":10', '"size":99')]);
    } else {
      await alterTables(t, log, (raw) => raw.exec("UPDATE audit_checkpoint SET size = 99"));
    }
    const signing = await openSigned(t, log);
    await assertRefused(() => signing.checkpoint(), "DAMAGED");
    await signing.record(interaction());
    assertEquals(findings(await signing.verify({ verifierKey })), ["checkpoint"]);
  });
}

test("jsonl: the last record made unreadable beneath an open log is found", async (t) => {
  const log = await original(t, "jsonl");
  const opened = await openFile(t, { backend: "jsonl", path: log.path });
  assertEquals((await opened.verify({ verifierKey })).ok, true);
  alterLines(log.path, (lines) => lines.with(299, lines[299]!.replace("{", "[")));
  const report = await opened.verify({ verifierKey });
  assertEquals(findings(report), ["checkpoint 299", "record 299", "record 299"]);
  const lost = report.faults.find(({ kind }) => kind === "record");
  assertEquals(lost?.entryId, log.ids[299]);
});

test("jsonl: what became of an altered line is read as it is, once the index is gone", async (t) => {
  const log = await original(t, "jsonl", [300]);
  await alterEntry(t, log, 5);
  removeIndex(log.path);
  const opened = await openFile(t, { backend: "jsonl", path: log.path });
  await assertRefused(() => opened.prove(log.ids[5]!), "DAMAGED");
  // Its tree is that of what the file has now, and so of no checkpoint: no other entry is proven either.
  await assertRefused(() => opened.prove(log.ids[6]!), "DAMAGED");
});

test("sqlite: a database that is cut short says that it cannot be verified", async (t) => {
  const log = await original(t, "sqlite");
  const bytes = readFileSync(log.path);
  writeFileSync(log.path, bytes.subarray(0, 8192 * 4));
  const code = await verified(log).catch((error) => error.code);
  assert(["DAMAGED", "READ_FAILED", "NOT_A_LOG"].includes(String(code)), String(code));
});

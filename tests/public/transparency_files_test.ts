// Logs in files that are signed: read without the right to write, moved to another backend, without what is derived.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey, type Signer, signerFrom, verifyProof } from "@audit-log/llm";
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { removeIndex } from "../support/altered.ts";
import { aroundFiles } from "../support/around_files.ts";
import { aroundSqlite } from "../support/around_sqlite.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { fingerprints, modes } from "../support/files.ts";
import { allLines, foreignLine, interaction, interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, Gate, Gathering, partsOf, rootOfLines } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");

test("the same lines have the same root in every backend, and it is that of RFC 6962", async (t) => {
  const source = await AuditLog.open();
  for (const metadata of [{}, { text: "\0\ud800\u2028💬" }]) {
    await source.recordAll(interactions(300, { metadata }));
  }
  await source.adopt([foreignLine({ user: "a\0b" })]);
  const lines = await allLines(source);
  const folder = tempFolder(t);
  const logs = [
    await AuditLog.open({ signingKey, checkpoints: BY_HAND }),
    ...await Promise.all(
      FILE_BACKENDS.map((backend) =>
        openFile(t, { backend, path: join(folder, backend), signingKey, checkpoints: BY_HAND })
      ),
    ),
  ];
  for (const size of [0, 1, 255, 256, 257, 601]) {
    const roots: string[] = [];
    for (const log of logs) {
      await log.adopt(lines.slice(log.size, size));
      roots.push(partsOf(await log.checkpoint()).root, (await log.verify()).root);
    }
    assertEquals([...new Set(roots)], [rootOfLines(lines.slice(0, size))]);
  }
  const ids = (await source.query()).map(({ entryId }) => entryId);
  for (const id of [ids[0]!, ids[256]!, ids[600]!]) {
    const proofs = await Promise.all(logs.map((log) => log.prove(id)));
    const record = (await source.line(id))!;
    const heads = new Set(proofs.map((proof) => proof.split("\n\n")[0]));
    assertEquals(heads.size, 1);
    // A proof from one backend holds for what another one has.
    for (const proof of proofs) await verifyProof({ record, proof, verifierKey });
  }
});

for (const backend of FILE_BACKENDS) {
  /** A log of so many entries, and one checkpoint of all. */
  const sample = async (t: TestContext, count: number) => {
    const folder = tempFolder(t);
    const path = join(folder, "log");
    const log = await AuditLog.open({ backend, path, signingKey, checkpoints: BY_HAND });
    const entries = await log.recordAll(interactions(count));
    const checkpoint = await log.checkpoint();
    await log.close();
    return { folder, path, entries, checkpoint };
  };

  test(`${backend}: a log that may only be read is verified, and its entries are proven`, async (t) => {
    const { folder, path, entries, checkpoint } = await sample(t, 600);
    const before = fingerprints(folder);
    const log = await AuditLog.open({ backend, path, readOnly: true });
    for (const index of [0, 256, 599]) {
      const { entryId } = entries[index]!;
      const [record, proof] = [(await log.line(entryId))!, await log.prove(entryId)];
      assertEquals((await verifyProof({ record, proof, verifierKey })).index, index);
    }
    assert(await log.proveConsistency(256) !== "");
    const { ok, checked } = await log.verify({ verifierKey, checkpoint });
    assertEquals([ok, checked.tiles, checked.covered], [true, 2, 600]);
    assertEquals(await checkpointsOf(log), [checkpoint]);
    await assertRefused(() => log.checkpoint(), "SIGNING_KEY_NEEDED");
    await log.close();
    assertEquals(fingerprints(folder)["log"], before["log"]);
    assertEquals(fingerprints(folder)["log-checkpoints"], before["log-checkpoints"]);
  });

  test(`${backend}: a key is of no use to who may only read`, async (t) => {
    const { path } = await sample(t, 3);
    const options = { backend, path, signingKey, readOnly: true };
    await assertRefused(() => AuditLog.open(options), "INVALID_OPTION", "signingKey");
  });

  test(`${backend}: a log that is refused its key is closed, and can be opened`, async (t) => {
    const { folder, path } = await sample(t, 3);
    const other = await generateSigningKey("acme.example/other");
    const options = { backend, path, signingKey: other.signingKey };
    await assertRefused(() => AuditLog.open(options), "KEY_MISMATCH");
    await assertRefused(() => AuditLog.open({ ...options, signingKey: "x" }), "INVALID_KEY");
    const log = await openFile(t, { backend, path, signingKey });
    assertEquals(log.size, 3);
    await log.close();
    assert(!existsSync(join(folder, "log-wal")));
  });

  test(`${backend}: what is no key is refused before a file is made`, async (t) => {
    const folder = tempFolder(t);
    const signer = await signerFrom(signingKey);
    const other = await generateSigningKey("acme.example/other");
    const wrong = [
      "x",
      { ...signer, verifierKey: "x" },
      { ...signer, name: "two words" },
      { ...signer, keyId: -1 },
      [signingKey, other.signingKey],
      [signingKey, signer],
    ];
    for (const signingKey of wrong) {
      const options = { backend, path: join(folder, "log"), signingKey };
      await assertRefused(() => openFile(t, options), "INVALID_KEY");
      assertEquals(readdirSync(folder), []);
    }
  });

  test(`${backend}: tiles that are removed beneath an open log cost time, not truth`, async (t) => {
    const { path, entries } = await sample(t, 600);
    const raw = await openRaw(t, backend === "sqlite" ? path : `${path}-index`);
    const remove = () => raw.exec(`DELETE FROM ${backend === "sqlite" ? "audit_tile" : "tile"}`);
    const signing = await openFile(t, { backend, path, signingKey, checkpoints: BY_HAND });
    const plain = await openFile(t, { backend, path });
    for (const log of [signing, plain]) {
      const { entryId } = entries[7]!;
      await log.prove(entryId);
      remove();
      const [record, proof] = [(await log.line(entryId))!, await log.prove(entryId)];
      assertEquals((await verifyProof({ record, proof, verifierKey })).index, 7);
      remove();
      assert(await log.proveConsistency(300, 500) !== "");
      remove();
    }
    await signing.recordAll(interactions(500));
    const { root } = partsOf(await signing.checkpoint());
    assertEquals(root, rootOfLines(await allLines(signing)));
    assertEquals((await signing.verify({ verifierKey })).faults, []);
  });

  test(`${backend}: without what is derived a log is verified, proven and signed as before`, async (t) => {
    const { path, entries, checkpoint } = await sample(t, 600);
    const intact = await openFile(t, { backend, path });
    const proof = await intact.prove(entries[7]!.entryId);
    await intact.close();
    const remove = async () => {
      if (backend === "jsonl") return removeIndex(path);
      const raw = await openRaw(t, path);
      raw.exec("DELETE FROM audit_tile");
      raw.close();
    };
    await remove();
    const plain = await openFile(t, { backend, path });
    assertEquals(await plain.prove(entries[7]!.entryId), proof);
    const report = await plain.verify({ verifierKey, checkpoint });
    assertEquals([report.ok, report.checked.tiles], [true, 0]);
    await plain.close();
    await remove();
    const signing = await openFile(t, { backend, path, signingKey, checkpoints: BY_HAND });
    assertEquals(partsOf(await signing.checkpoint()).root, partsOf(checkpoint).root);
    // They are there again.
    assertEquals((await signing.verify({ verifierKey })).checked.tiles, 2);
  });

  test(`${backend}: a log with relaxed durability is signed as any other`, async (t) => {
    const path = join(tempFolder(t), "log");
    const options = { backend, path, signingKey, durability: "relaxed" } as const;
    const log = await openFile(t, { ...options, checkpoints: { everyEntries: 50 } });
    for (let n = 0; n < 10; n++) await log.recordAll(interactions(60));
    await log.close();
    const again = await openFile(t, options);
    const { faults, checked } = await again.verify({ verifierKey });
    assertEquals([faults, checked.covered], [[], 600]);
  });

  test(`${backend}: many entries that no checkpoint covers are signed at last, and their tiles kept`, async (t) => {
    const path = join(tempFolder(t), "log");
    const options = { backend, path, durability: "relaxed" } as const;
    const log = await openFile(t, { ...options, signingKey, checkpoints: BY_HAND });
    // More tiles than are kept in memory before a checkpoint is made.
    for (let n = 0; n < 18; n++) await log.recordAll(interactions(1024));
    const [first] = await log.query({ limit: 1 });
    const { size, root } = partsOf(await log.checkpoint());
    const report = await log.verify({ verifierKey });
    assertEquals([report.faults, report.root, report.size], [[], root, size]);
    assertEquals([size, report.checked.tiles], [18_432, 72]);
    const plain = await openFile(t, options);
    const { entryId } = first!;
    const [record, proof] = [(await plain.line(entryId))!, await plain.prove(entryId)];
    assertEquals((await verifyProof({ record, proof, verifierKey })).index, 0);
    await plain.close();
    await log.close();
    // Who may only read has to make them, and to keep them in memory.
    if (backend === "jsonl") removeIndex(path);
    else (await openRaw(t, path)).exec("DELETE FROM audit_tile");
    const reader = await openFile(t, { ...options, readOnly: true });
    assertEquals(await reader.prove(entryId), proof);
    assertEquals((await reader.verify({ verifierKey })).checked.tiles, 0);
  });

  testUnless(
    process.platform === "win32" ? "Windows has other rights" : undefined,
    `${backend}: the files of a signed log are for their owner alone, and the key is in none of them`,
    async (t) => {
      const { folder } = await sample(t as TestContext, 300);
      for (const [name, mode] of Object.entries(modes(folder))) assertEquals(mode, "600", name);
      const secret = signingKey.slice(-40);
      for (const name of Object.keys(modes(folder))) {
        assert(!readFileSync(join(folder, name)).includes(secret), name);
      }
    },
  );

  test(`${backend}: when the disk does not confirm a checkpoint, nobody sees it`, async (t) => {
    const runtime = await currentRuntime();
    const path = join(tempFolder(t), "log");
    const published = new Gathering<string>();
    let failing = false;
    const fail = () => {
      if (failing) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    const log = await AuditLog.open({
      backend,
      path,
      signingKey,
      runtime: {
        ...aroundSqlite(runtime, ({ sql }, action) => {
          if (sql.includes("INSERT INTO audit_checkpoint")) fail();
          return action();
        }),
        file: {
          ...runtime.file,
          async open(path, mode) {
            if (path.endsWith("-checkpoints") && mode !== "read") fail();
            return await runtime.file.open(path, mode);
          },
        },
      },
      checkpoints: { ...BY_HAND, publish: published.add },
    });
    await log.record(interaction());
    failing = true;
    await assertRefused(() => log.checkpoint(), "WRITE_FAILED");
    assertEquals([await checkpointsOf(log), published.all], [[], []]);
    await log.record(interaction());
    failing = false;
    const note = await log.checkpoint();
    assertEquals(await published.until(({ length }) => length === 1), [note]);
    assertEquals(partsOf(note).size, 2);
    await log.close();
  });
}

test("jsonl: a file that other programs write to, and that a crash left torn, is signed as it is", async (t) => {
  const path = join(tempFolder(t), "log");
  const options = { backend: "jsonl", path, signingKey } as const;
  const published = new Gathering<string>();
  const log = await openFile(t, {
    ...options,
    checkpoints: { ...BY_HAND, everyEntries: 5, publish: published.add },
  });
  const check = async () => {
    const { size, root } = partsOf(await log.checkpoint());
    const lines = await allLines(log);
    assertEquals([size, root], [lines.length, rootOfLines(lines)]);
    assertEquals((await log.verify({ verifierKey })).faults, []);
  };
  await log.record(interaction());
  for (let n = 0; n < 3; n++) {
    appendFileSync(path, `${foreignLine({ entry_id: `foreign ${n}` })}\n`);
    await log.record(interaction());
    await check();
    // What is unfinished becomes a record with the next one, which ends its line.
    appendFileSync(path, foreignLine({ entry_id: `whole ${n}` }));
    await check();
    await log.record(interaction());
    appendFileSync(path, foreignLine({ entry_id: `torn ${n}` }).slice(0, 50));
    await log.record(interaction());
    await check();
    await log.recordAll(interactions(256));
  }
  assertEquals(log.size, 1 + 3 * (1 + 1 + 1 + 1 + 1 + 256));
  await log.close();
  const again = await openFile(t, options);
  const { faults, checked, unknown } = await again.verify({ verifierKey });
  assertEquals([faults, checked.covered, checked.tiles], [[], again.size, 3]);
  assert(unknown.some((sentence) => sentence.startsWith("3 lines of the file are no records")));
});

test("jsonl: a checkpoint covers what is acknowledged, not what is still on its way to the disk", async (t) => {
  const path = join(tempFolder(t), "log");
  const [gate, asked] = [new Gate(), new Gathering<string>()];
  let isHeld = false;
  const runtime = aroundFiles(await currentRuntime(), (file, opened) => ({
    async sync() {
      if (opened === path && isHeld) {
        asked.add("sync");
        await gate.passed;
      }
      await file.sync();
    },
  }));
  const { name, keyId, verifierKey, sign } = await signerFrom(signingKey);
  const signer: Signer & { verifierKey: string } = {
    name,
    keyId,
    verifierKey,
    sign(bytes) {
      asked.add("signature");
      return sign(bytes);
    },
  };
  const log = await openFile(t, {
    backend: "jsonl",
    path,
    signingKey: signer,
    checkpoints: BY_HAND,
    runtime,
  });
  await log.recordAll(interactions(3));
  isHeld = true;
  const recording = log.record(interaction());
  await asked.until((all) => all.includes("sync"));
  const signing = log.checkpoint();
  await asked.until((all) => all.includes("signature"));
  gate.open();
  assertEquals(partsOf(await signing).size, 3);
  await recording;
  assertEquals(partsOf(await log.checkpoint()).size, 4);
});

test("jsonl: what others record while a log is verified is no fault of it", async (t) => {
  const path = join(tempFolder(t), "log");
  const options = { backend: "jsonl", path, durability: "relaxed" } as const;
  const [log, other] = [await openFile(t, options), await openFile(t, options)];
  await log.recordAll(interactions(3000, { outputText: "x".repeat(1000) }));
  for (let round = 0; round < 3; round++) {
    let recording: Promise<unknown> = Promise.resolve();
    const recordMore = () => {
      // Recorded, and in the index that both have.
      recording = recording.then(() => other.recordAll(interactions(10))).then(() => other.query());
    };
    const { faults, size } = await log.verify({ onProgress: recordMore });
    assertEquals(faults, []);
    assert(size >= 3000);
    await recording;
  }
});

test("jsonl: the file of checkpoints is made with the first of them", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path, signingKey, checkpoints: BY_HAND });
  await log.record(interaction());
  assert(!existsSync(`${path}-checkpoints`));
  const note = await log.checkpoint();
  const line = JSON.stringify({ size: 1, note });
  assertEquals(readFileSync(`${path}-checkpoints`, "utf8"), `${line}\n`);
  rmSync(`${path}-checkpoints`);
  // It is missed by nobody who signs on: what was signed before is known.
  await log.record(interaction());
  assertEquals(partsOf(await log.checkpoint()).size, 2);
  assertEquals((await log.verify({ verifierKey, checkpoint: note })).ok, true);
});

// What must never be signed, acknowledged or called intact, whatever others do to the files or give as options.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { AuditLog, type AuditWarning, type Signer, signerFrom } from "@audit-log/llm";
import { findings, original, signingKey, verified, verifierKey } from "../support/altered.ts";
import { aroundFiles } from "../support/around_files.ts";
import { interaction, interactions } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { noShell } from "../support/sqlite_shell.ts";
import { tempFolder } from "../support/temp.ts";

const INDEXED = [
  { backend: "sqlite", table: "audit_record", suffix: "" },
  { backend: "jsonl", table: "line", suffix: "-index" },
] as const;

for (const { backend, table, suffix } of INDEXED) {
  for (const column of ["user", "model", "user_model", "entry_id"]) {
    testUnless(
      // The drivers do not let anybody write the schema.
      noShell,
      `${backend}: an index on ${column} that leaves out an entry is found by verify()`,
      async (t) => {
        const log = await original(t as TestContext, backend);
        const database = log.path + suffix;
        const raw = await openRaw(t as TestContext, database);
        const name = `${table}_${column}`;
        const [{ sql } = {}] = raw.all("SELECT sql FROM sqlite_schema WHERE name = ?", name);
        raw.close();
        const { status, stderr } = spawnSync("sqlite3", [
          database,
          `PRAGMA writable_schema = 1; DROP INDEX ${name}; ${sql} WHERE seq <> 7;
           UPDATE sqlite_schema SET sql = '${sql}' WHERE name = '${name}';`,
        ], { encoding: "utf8" });
        assertEquals(status, 0, stderr);
        const report = await verified(log);
        assertEquals(findings(report), ["record 7"]);
        assert(/an index does not lead to it/.test(report.faults[0]!.message));
      },
    );
  }
}

for (const backend of ["sqlite", "jsonl"] as const) {
  test(`${backend}: tiles that no checkpoint covers are not believed`, async (t) => {
    const path = join(tempFolder(t), "log");
    const open = () => AuditLog.open({ backend, path, signingKey, checkpoints: BY_HAND });
    const log = await open();
    // So many that tiles are written without waiting for a checkpoint.
    await log.recordAll(interactions(64 * 256 + 10));
    await log.record(interaction());
    await log.close();
    const raw = await openRaw(t, backend === "sqlite" ? path : `${path}-index`);
    const table = backend === "sqlite" ? "audit_tile" : "tile";
    assert((raw.all(`SELECT count(*) AS n FROM ${table}`)[0]!["n"] as number) > 0);
    raw.exec(`UPDATE ${table} SET root = zeroblob(32) WHERE level = 0 AND number = 3`);
    raw.close();
    await assertRefused(open, "CHECKPOINT_CONFLICT");
  });
}

test("jsonl: a record that another program's unlocked write swallowed is not acknowledged", async (t) => {
  const path = join(tempFolder(t), "log");
  let meddle = false;
  const runtime = aroundFiles(await currentRuntime(), (file) => ({
    append(bytes) {
      if (meddle) appendFileSync(path, '{"cost_usd":nul');
      meddle = false;
      return file.append(bytes);
    },
  }));
  const log = await AuditLog.open({ backend: "jsonl", path, runtime });
  const before = await log.record(interaction());
  meddle = true;
  await assertRefused(() => log.record(interaction()), "WRITE_FAILED");
  const after = await log.record(interaction());
  assertEquals(await log.query(), [before, after]);
  await log.close();
});

test("a signature that does not hold is not kept", async () => {
  const good = await signerFrom(signingKey);
  let garbage = true;
  const signer: Signer & { verifierKey: string } = {
    name: good.name,
    keyId: good.keyId,
    verifierKey: good.verifierKey,
    sign: (bytes) => garbage ? Promise.resolve(new Uint8Array(64)) : good.sign(bytes),
  };
  const log = await AuditLog.open({ signingKey: signer, checkpoints: BY_HAND });
  await log.record(interaction());
  await assertRefused(() => log.checkpoint(), "INVALID_KEY");
  garbage = false;
  await log.checkpoint();
  const report = await log.verify({ verifierKey });
  assertEquals([report.ok, report.checked.checkpoints], [true, 1]);
  await log.close();
});

test("a clock that says no time signs nothing, and signing goes on once it is right", async () => {
  let time = Date.parse("2026-11-25T08:00:00Z");
  const log = await AuditLog.open({ signingKey, checkpoints: BY_HAND, clock: () => time });
  await log.record(interaction());
  const right = time;
  for (const wrong of [NaN, Infinity, -5, 2 ** 70]) {
    time = wrong;
    await assertRefused(() => log.checkpoint(), "INVALID_OPTION", "clock");
  }
  time = right;
  await log.checkpoint();
  assertEquals((await log.verify({ verifierKey })).checked.signedAt, "2026-11-25T08:00:00.000Z");
  await log.close();
});

test("whatever a signer throws, the log records on and closes", async () => {
  const good = await signerFrom(signingKey);
  for (const thrown of [Object.create(null), undefined, Symbol("s")]) {
    const warnings: AuditWarning[] = [];
    const log = await AuditLog.open({
      signingKey: { name: good.name, keyId: good.keyId, sign: () => Promise.reject(thrown) },
      onWarning: (warning) => warnings.push(warning),
    });
    await log.record(interaction());
    await assertRejects(() => log.checkpoint());
    await log.close();
    assertEquals(warnings.map(({ code }) => code), ["CHECKPOINT_FAILED"]);
  }
});

test("jsonl: a hostile line among the checkpoints is told of, and takes no time", async (t) => {
  const log = await original(t, "jsonl");
  const zeros = "\0".repeat(300_000);
  appendFileSync(`${log.path}-checkpoints`, `${zeros}x\n${"y".repeat(9_000_000)}\n`);
  const report = await verified(log);
  assertEquals(findings(report).filter((one) => one.startsWith("checkpoint")).length, 2);
});

test("a signed log that goes on without a key says so", async (t) => {
  const { backend, path } = await original(t, "sqlite");
  const warnings: AuditWarning[] = [];
  const onWarning = (warning: AuditWarning) => warnings.push(warning);
  await (await AuditLog.open({ backend, path, onWarning })).close();
  await (await AuditLog.open({ backend, path, readOnly: true, onWarning })).close();
  await (await AuditLog.open({ backend, path, signingKey, onWarning })).close();
  assertEquals(warnings.map(({ code }) => code), ["NOT_SIGNED"]);
});

test("a key that is undefined by mistake is told of, and no key at all is not", async () => {
  const warnings: AuditWarning[] = [];
  const onWarning = (warning: AuditWarning) => warnings.push(warning);
  await (await AuditLog.open({ onWarning })).close();
  assertEquals(warnings, []);
  await (await AuditLog.open({ signingKey: undefined, onWarning })).close();
  assertEquals(warnings.map(({ code }) => code), ["NOT_SIGNED"]);
  assertEquals(
    warnings[0]!.message.includes("the signingKey that it was opened with is undefined"),
    true,
  );
});

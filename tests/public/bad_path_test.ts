// Paths that lead to no log: each gets its code, and nothing is changed.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AuditLog, AuditLogError, type AuditLogErrorCode } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { fingerprints } from "../support/files.ts";
import { foreignLine, interaction, interactions } from "../support/interaction.ts";
import { openRaw } from "../support/raw_sqlite.ts";
import { assertRefused } from "../support/refused.ts";
import { testUnless } from "../support/skip.ts";
import { noShell } from "../support/sqlite_shell.ts";
import { tempFolder } from "../support/temp.ts";

for (const backend of FILE_BACKENDS) {
  test(`${backend}: no log is lost whose name is used for a moment when another is created`, async (t) => {
    const path = join(tempFolder(t), "log");
    const other = { backend, path: `${path}-audit-log-new` };
    const log = await openFile(t, other);
    await log.record(interaction());
    await log.close();
    await (await AuditLog.open({ backend, path })).close();
    assertEquals(await (await openFile(t, other)).count(), 1);
  });
}

for (const backend of FILE_BACKENDS) {
  testUnless(
    process.platform === "win32" ? "Windows does not tell" : undefined,
    `${backend}: a name that is too long, or leaves no room for those beside it, is refused, and nothing is made`,
    async (t) => {
      const folder = tempFolder(t as TestContext);
      for (const length of [256, 255, 249]) {
        const path = join(folder, "x".repeat(length));
        const error = await assertRefused(() => AuditLog.open({ backend, path }), "INVALID_OPTION");
        assertEquals(error.path, "path");
        assertStringIncludes(error.message, "is too long");
        assertEquals(fingerprints(folder), {});
      }
      const there = join(folder, "x".repeat(253));
      writeFileSync(there, "");
      await assertRefused(() => AuditLog.open({ backend, path: there }), "INVALID_OPTION");
    },
  );

  testUnless(
    process.platform === "win32" ? "Windows has other limits" : undefined,
    `${backend}: a path that is too long for SQLite is refused for that, also at the end of a link`,
    async (t) => {
      const root = tempFolder(t as TestContext);
      const folder = join(root, "d".repeat(200), "d".repeat(200), "d".repeat(100));
      mkdirSync(folder, { recursive: true });
      symlinkSync(join(folder, "log"), join(root, "link"));
      writeFileSync(join(folder, "log"), "");
      for (const path of [join(folder, "log"), join(root, "link")]) {
        const error = await assertRefused(() => AuditLog.open({ backend, path }), "INVALID_OPTION");
        assertStringIncludes(error.message, "is too long");
      }
    },
  );
}

for (const backend of FILE_BACKENDS) {
  testUnless(
    process.platform === "win32" ? "links need rights there" : undefined,
    `${backend}: a link that leads to no file is refused as that`,
    async (t) => {
      const folder = tempFolder(t as TestContext);
      const path = join(folder, "link");
      symlinkSync(join(folder, "elsewhere", "log"), path);
      for (const readOnly of [false, true]) {
        await assertRefused(() => AuditLog.open({ backend, path, readOnly }), "PATH_NOT_FOUND");
      }
    },
  );
}

testUnless(
  noShell,
  "a SQLite log that is opened as JSONL by mistake keeps its locks",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const log = await openFile(t as TestContext, { backend: "sqlite", path });
    await log.recordAll(interactions(3));
    const { message } = await assertRefused(
      () => AuditLog.open({ backend: "jsonl", path }),
      "NOT_A_LOG",
    );
    assertStringIncludes(message, 'backend "sqlite"');
    // Who closes a database last removes its -wal: the shell would take itself for the last if they were lost.
    assertEquals(spawnSync("sqlite3", [path, "SELECT count(*) FROM audit_log"]).status, 0);
    await log.record(interaction());
    assertEquals(await log.count(), 4);
  },
);

for (const [backend, other] of [["sqlite", "jsonl"], ["jsonl", "sqlite"]] as const) {
  test(`${backend}: a log of ${other} is refused, with the name of its backend`, async (t) => {
    for (const count of [1, 50]) {
      const path = join(tempFolder(t), "log");
      const log = await AuditLog.open({ backend: other, path });
      await log.recordAll(interactions(count));
      await log.close();
      const { message } = await assertRefused(() => AuditLog.open({ backend, path }), "NOT_A_LOG");
      assertStringIncludes(message, `backend "${other}"`);
    }
  });
}

test("sqlite: a log with another name is not opened for writing, until that name is gone", async (t) => {
  const path = join(tempFolder(t), "log");
  const options = { backend: "sqlite", path } as const;
  await (await AuditLog.open(options)).close();
  linkSync(path, `${path}-2`);
  for (const name of [path, `${path}-2`]) {
    await assertRefused(() => AuditLog.open({ ...options, path: name }), "HARD_LINKED");
  }
  await (await AuditLog.open({ ...options, readOnly: true })).close();
  unlinkSync(`${path}-2`);
  // As a process leaves it that is killed when it creates the log.
  linkSync(path, `${path}-audit-log-new`);
  await (await AuditLog.open(options)).close();
  assertEquals(existsSync(`${path}-audit-log-new`), false);
});

type Backend = typeof FILE_BACKENDS[number];

/** Opening must be refused with this code, for reading with this or another, and leave the folder as it was. */
async function assertNotOpened(
  backend: Backend,
  folder: string,
  name: string,
  code: AuditLogErrorCode,
  codeForReading: AuditLogErrorCode = code,
): Promise<void> {
  const before = fingerprints(folder);
  const path = join(folder, name);
  for (const readOnly of [false, true]) {
    let opened = false;
    try {
      await (await AuditLog.open({ backend, path, readOnly })).close();
      opened = true;
    } catch (error) {
      assert(error instanceof AuditLogError, String(error));
      assertEquals(error.code, readOnly ? codeForReading : code, error.message);
      assertStringIncludes(error.message, path);
    }
    assert(!opened, `${path} was opened`);
    const after = fingerprints(folder);
    if (readOnly) {
      // SQLite's read-only connections make these, empty, and cannot remove them.
      for (const suffix of ["-wal", "-shm"]) delete after[name + suffix];
    }
    assertEquals(after, before, `readOnly: ${readOnly}`);
  }
}

/** Writes a SQLite file, and leaves nothing beside it. */
async function database(t: TestContext, path: string, sql: string): Promise<void> {
  const raw = await openRaw(t, path);
  raw.exec(sql);
  raw.close();
}

const NOTES =
  "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO notes VALUES (1, 'x')";

/** Files that are no log of the backend. */
const OTHER_FILES: Record<Backend, Record<string, string | Uint8Array | { sql: string }>> = {
  sqlite: {
    "a text": "hello\n",
    "a text of a page's length": "hello ".repeat(5000),
    "a JSONL log": `${foreignLine()}\n`,
    "two bytes": "\0\0",
    "a database of something else": { sql: NOTES },
    "a database in WAL mode of something else": { sql: `PRAGMA journal_mode = WAL; ${NOTES}` },
    "a database with an audit_log of other columns": {
      sql: "CREATE TABLE audit_log (id INTEGER, entry TEXT)",
    },
    "a database with a view audit_log": { sql: `${NOTES}; CREATE VIEW audit_log AS SELECT 1` },
    "an empty database that another application marked": { sql: "PRAGMA application_id = 1234" },
  },
  jsonl: {
    "a text": "hello\n",
    "a text without a newline": "hello",
    "lines of JSON that are no records": '{"level":30,"msg":"x"}\n{"level":30,"msg":"y"}\n',
    "bytes that are no text": new Uint8Array([0xff, 0xfe, 0x00, 0x0a, 0x80]),
    "a JSON array of records": `[${foreignLine()}]\n`,
    "records in UTF-16": new Uint8Array(
      new Uint16Array([..."{}\n"].map((c) => c.charCodeAt(0))).buffer,
    ),
    "a megabyte without a newline": "x".repeat(2 ** 20),
    "a database": { sql: NOTES },
  },
};

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a folder is refused`, async (t) => {
    const folder = tempFolder(t);
    mkdirSync(join(folder, "log"));
    await assertNotOpened(backend, folder, "log", "PATH_NOT_A_FILE");
  });

  test(`${backend}: a device is refused`, async () => {
    await assertRefused(() => AuditLog.open({ backend, path: "/dev/null" }), "PATH_NOT_A_FILE");
  });

  test(`${backend}: a missing folder is refused and not made`, async (t) => {
    await assertNotOpened(backend, tempFolder(t), join("missing", "log"), "PATH_NOT_FOUND");
  });

  test(`${backend}: a path through a file is refused`, async (t) => {
    const folder = tempFolder(t);
    writeFileSync(join(folder, "file"), "x");
    await assertNotOpened(backend, folder, join("file", "log"), "PATH_NOT_FOUND");
  });

  test(`${backend}: a missing file is refused with readOnly and not made`, async (t) => {
    const path = join(tempFolder(t), "log");
    await assertRefused(() => AuditLog.open({ backend, path, readOnly: true }), "PATH_NOT_FOUND");
    assertEquals(existsSync(path), false);
  });

  for (const [what, content] of Object.entries(OTHER_FILES[backend])) {
    test(`${backend}: ${what} is refused and stays as it is, byte for byte`, async (t) => {
      const folder = tempFolder(t);
      const path = join(folder, "other");
      if (typeof content === "string" || content instanceof Uint8Array) {
        writeFileSync(path, content);
      } else await database(t, path, content.sql);
      await assertNotOpened(backend, folder, "other", "NOT_A_LOG");
    });
  }

  test(`${backend}: with readOnly entries are read and none is recorded`, async (t) => {
    const path = join(tempFolder(t), "log");
    const writer = await AuditLog.open({ backend, path });
    await writer.record(interaction());
    const bytes = readFileSync(path);
    const log = await AuditLog.open({ backend, path, readOnly: true });
    assertEquals((await log.query()).length, 1);
    await assertRefused(() => log.record(interaction()), "READ_ONLY");
    await assertRefused(() => log.recordAll([interaction()]), "READ_ONLY");
    await assertRefused(() => log.adopt([foreignLine()]), "READ_ONLY");
    await writer.record(interaction());
    assertEquals(await log.count(), 2);
    await log.close();
    await writer.close();
    if (backend === "jsonl") assertEquals(readFileSync(path).subarray(0, bytes.length), bytes);
  });
}

test("sqlite: a log of a newer version is refused and stays as it is", async (t) => {
  const folder = tempFolder(t);
  const path = join(folder, "log");
  await (await AuditLog.open({ backend: "sqlite", path })).close();
  await database(t, path, "PRAGMA user_version = 5");
  await assertNotOpened("sqlite", folder, "log", "UNSUPPORTED_FORMAT");
});

for (
  const [name, sql] of [
    ["an empty database", "CREATE TABLE x (y); DROP TABLE x"],
    [
      "a table of the Python class",
      "CREATE TABLE audit_log (entry_id, timestamp, user, model, input_text, output_text, cost_usd, latency_ms, metadata)",
    ],
  ] as const
) {
  test(`sqlite: ${name} that was made for UTF-16 is refused`, async (t) => {
    const path = join(tempFolder(t), "log");
    const raw = await openRaw(t, path);
    raw.exec("PRAGMA encoding = 'UTF-16'");
    raw.exec(sql);
    raw.close();
    await assertRefused(() => AuditLog.open({ backend: "sqlite", path }), "NOT_A_LOG");
  });
}

test("sqlite: a log that is cut off is refused or tells of the damage", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.recordAll(
    Array.from({ length: 100 }, () => interaction({ inputText: "x".repeat(999) })),
  );
  await log.close();
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.subarray(0, bytes.length >> 1));
  const error = await assertRefused(
    async () => {
      const log = await AuditLog.open({ backend: "sqlite", path });
      try {
        await log.query();
      } finally {
        await log.close();
      }
    },
    "DAMAGED",
  );
  assertStringIncludes(error.message, path);
});

test("sqlite: a record that was changed beneath all guards is told as damage", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend: "sqlite", path });
  await log.record(interaction());
  await log.close();
  const raw = await openRaw(t, path);
  const name = "audit_record_no_update";
  const [trigger] = raw.all(`SELECT sql FROM sqlite_schema WHERE name = '${name}'`);
  raw.exec(`DROP TRIGGER ${name}`);
  await assertRefused(() => AuditLog.open({ backend: "sqlite", path }), "DAMAGED");
  raw.exec("UPDATE audit_record SET record = '{}'");
  raw.exec(String(trigger!["sql"]));
  raw.close();
  const again = await AuditLog.open({ backend: "sqlite", path });
  await assertRefused(() => again.query(), "DAMAGED");
  await again.close();
});

const PYTHON_ROWS: Record<string, string> = {
  "a time that is none": "('a', 'yesterday', 'u', 'm', 'i', 'o', NULL, NULL, '{}')",
  "no user": "('a', '2026-01-01', NULL, 'm', 'i', 'o', NULL, NULL, '{}')",
  "an infinite cost": "('a', '2026-01-01', 'u', 'm', 'i', 'o', 9e999, NULL, '{}')",
  "a text that is not UTF-8": "('a', '2026-01-01', 'u', 'm', x'ff', 'o', NULL, NULL, '{}')",
};

for (const [what, row] of Object.entries(PYTHON_ROWS)) {
  test(`sqlite: a table of the Python class with ${what} is refused and stays as it is`, async (t) => {
    const folder = tempFolder(t);
    const sql = `
      CREATE TABLE audit_log (entry_id TEXT, timestamp TEXT, user TEXT, model TEXT, input_text TEXT,
        output_text TEXT, cost_usd REAL, latency_ms REAL, metadata TEXT);
      INSERT INTO audit_log VALUES ('b', '2026-01-01', 'u', 'm', 'i', 'o', NULL, NULL, '{}'), ${row}`;
    await database(t, join(folder, "log"), sql);
    // To be read, it would have to be upgraded first.
    await assertNotOpened("sqlite", folder, "log", "NOT_A_LOG", "UNSUPPORTED_FORMAT");
  });
}

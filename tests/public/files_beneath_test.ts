// What becomes of an open log when one of its files is deleted or replaced: a clear error, or everything is as it was.
// The table in docs/durability.md is made of this. For the log's own file see file_rights_test.ts and tampering_test.ts.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  type AuditEntry,
  AuditLog,
  type AuditWarning,
  type FileAdapter,
  generateSigningKey,
} from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "node:test";
import { inAgedFolders } from "../support/aged_folder.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { inputs, interaction, interactions } from "../support/interaction.ts";
import { BY_HAND } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { startSpeaker } from "../support/say.ts";
import { noShell } from "../support/sqlite_shell.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const CHANGES: Record<string, (file: string) => void> = {
  deleted: (file) => rmSync(file),
  replaced: (file) => {
    writeFileSync(`${file}.new`, "");
    renameSync(`${file}.new`, file);
  },
};

/** What recording into an open log leads to when one of the files beside it is gone. */
const SIDE_FILES = [
  { backend: "sqlite", side: "-wal", records: false },
  { backend: "sqlite", side: "-shm", records: false },
  { backend: "jsonl", side: "-index", records: true },
  { backend: "jsonl", side: "-index-wal", records: true },
  { backend: "jsonl", side: "-index-shm", records: true },
  { backend: "jsonl", side: "-lock", records: false },
] as const;

const onWindows = process.platform === "win32"
  ? "Windows keeps what SQLite has open from being deleted"
  : undefined;

for (const { backend, side, records } of SIDE_FILES) {
  for (const [what, change] of Object.entries(CHANGES)) {
    const then = records ? "the log goes on" : "recording is refused until it is opened again";
    testUnless(onWindows, `${backend}: when ${side} is ${what} beneath it, ${then}`, async (t) => {
      const path = join(tempFolder(t as TestContext), "log");
      const log = await openFile(t as TestContext, { backend, path });
      await log.recordAll(interactions(50));
      await log.query();
      const reader = await openFile(t as TestContext, { backend, path, readOnly: true });
      const expected = inputs(await reader.query());
      change(path + side);
      if (records) {
        await log.record(interaction({ inputText: "later" }));
        expected.push("later");
      } else {
        const error = await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
        assertStringIncludes(error.message, path + side);
        assertStringIncludes(error.message, "do not put the file back");
        await assertRefused(() => log.record(interaction()), "LOG_FAILED");
      }
      assertEquals(inputs(await log.query()), expected);
      // It reads what it has; whether it sees what is new depends on the file.
      const read = inputs(await reader.query());
      assertEquals(read, expected.slice(0, read.length));
      assert(read.length >= 50);
      // Whoever closes a database last moves what is in -wal; one that only reads cannot.
      for (const handle of what === "deleted" ? [log, reader] : [reader, log]) await handle.close();
      const again = await openFile(t as TestContext, { backend, path });
      assertEquals(inputs(await again.query()), expected);
      await again.record(interaction({ inputText: "last" }));
      assertEquals(inputs(await again.query()), [...expected, "last"]);
      assertEquals((await again.verify()).faults, []);
    });
  }
}

testUnless(
  onWindows,
  "sqlite: when -shm was deleted, whoever has the old one leaves alone what others record with a new one",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const log = await openFile(t as TestContext, { backend: "sqlite", path });
    const idle = await openFile(t as TestContext, { backend: "sqlite", path });
    await log.recordAll(interactions(50));
    rmSync(`${path}-shm`);
    const command = scriptCommand("write_entries.ts", "sqlite", path, "other", "30");
    assertEquals((await runProgram(command)).code, 0);
    await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
    for (const handle of [log, idle]) await handle.close();
    const again = await openFile(t as TestContext, { backend: "sqlite", path });
    assertEquals([await again.count(), await again.count({ user: "other" })], [80, 30]);
    await again.record(interaction());
    assertEquals((await again.verify()).faults, []);
  },
);

testUnless(
  onWindows ?? noShell,
  "sqlite: when this process has read the file itself, whoever opens the log takes it for unused: recording is refused, nothing is lost",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const log = await openFile(t as TestContext, { backend: "sqlite", path });
    const count = (): string =>
      spawnSync("sqlite3", [path, "SELECT count(*) FROM audit_record"], { encoding: "utf8" })
        .stdout;
    await log.recordAll(interactions(50));
    assertEquals(count(), "50\n");
    await log.record(interaction());
    readFileSync(path); // which frees the locks of the process
    assertEquals(count(), "51\n");
    await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
    await log.close();
    const again = await openFile(t as TestContext, { backend: "sqlite", path });
    assertEquals(await again.count(), 51);
    await again.record(interaction());
    assertEquals((await again.verify()).faults, []);
  },
);

for (const side of ["-index", "-index-wal", "-index-shm"]) {
  for (const [what, change] of Object.entries(CHANGES)) {
    testUnless(
      onWindows,
      `jsonl: a log whose ${side} was ${what} is opened by others while it is still open`,
      async (t) => {
        const path = join(tempFolder(t as TestContext), "log");
        const log = await openFile(t as TestContext, { backend: "jsonl", path });
        await log.recordAll(interactions(50));
        assertEquals(await log.count(), 50);
        change(path + side);
        const other = await openFile(t as TestContext, { backend: "jsonl", path });
        for (const handle of [log, other]) await handle.record(interaction());
        for (const handle of [log, other]) assertEquals((await handle.query()).length, 52);
      },
    );
  }
}

for (
  const { backend, side } of [
    { backend: "sqlite", side: "-shm" },
    { backend: "jsonl", side: "-index-shm" },
  ]
) {
  testUnless(
    onWindows,
    `${backend}: when ${side} is cut in place, the system ends the process, and nothing acknowledged is lost`,
    async (t) => {
      const path = join(tempFolder(t as TestContext), "log");
      const speaker = startSpeaker("record_when_told.ts", backend, path, "50");
      atEnd(t as TestContext, () => speaker.kill());
      await Promise.race([
        speaker.lines.until((lines) => lines.includes("recorded")),
        speaker.ended.then(({ stderr }) => assertEquals(stderr, "", "it ended")),
      ]);
      truncateSync(path + side);
      speaker.tell("go");
      const { code, signal } = await speaker.ended;
      assert(code !== 0 && (signal === "SIGBUS" || process.platform !== "linux"), `${signal}`);
      assertEquals(speaker.lines.all, ["recorded"]);
      const log = await openFile(t as TestContext, { backend: backend as "sqlite", path });
      const texts = inputs(await log.query());
      assertEquals(texts.slice(0, 50), inputs(interactions(50) as AuditEntry[]));
      assert(texts.length <= 51);
      await log.record(interaction());
      assertEquals((await log.verify()).faults, []);
    },
  );
}

testUnless(
  onWindows,
  "sqlite: when the log is cut in place beneath it, what is gone is DAMAGED, and what is in -wal is read",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const options = { backend: "sqlite", path } as const;
    const entries = interactions(2000, { outputText: "x".repeat(1000) });
    await (await AuditLog.open(options)).close();
    const before = await AuditLog.open(options);
    await before.recordAll(entries);
    await before.close();
    const log = await openFile(t as TestContext, options);
    await log.recordAll(interactions(5));
    truncateSync(path, Math.floor(statSync(path).size / 2));
    for (const read of [() => log.query(), () => log.verify()]) {
      await assertRefused(read, "DAMAGED");
    }
    const newest = await log.query({ order: "desc", limit: 5 });
    assertEquals(inputs(newest), ["4", "3", "2", "1", "0"]);
  },
);

for (const left of [0, 0.5]) {
  testUnless(
    onWindows,
    `jsonl: a log that is cut in place beneath it, to ${
      left * 100
    } %, tells so with the next record, and goes on`,
    async (t) => {
      const path = join(tempFolder(t as TestContext), "log");
      const warnings: AuditWarning[] = [];
      const log = await openFile(t as TestContext, {
        backend: "jsonl",
        path,
        onWarning: (warning) => warnings.push(warning),
      });
      await log.recordAll(interactions(1000));
      truncateSync(path, Math.floor(statSync(path).size * left));
      const { entryId } = await log.record(interaction({ inputText: "next" }));
      assertEquals(warnings[0]?.code, "INDEX_REBUILT");
      assertStringIncludes(warnings[0]!.message, "had 1000 entries before");
      assertEquals((await log.get(entryId))?.inputText, "next");
      assertEquals(await log.count(), log.size);
      assert(log.size < 510);
    },
  );
}

/** Opens a SQLite log whose folder had been the same for long, and records until its files are not looked at any more. */
async function openUnchanged(t: unknown, path: string): Promise<AuditLog> {
  const runtime = await currentRuntime();
  let looks = 0;
  const file: FileAdapter = {
    ...inAgedFolders(runtime.file),
    stat(asked) {
      looks++;
      return runtime.file.stat(asked);
    },
  };
  const options = { backend: "sqlite", path, runtime: { ...runtime, file } } as const;
  const log = await openFile(t as TestContext, options);
  for (looks = 1; looks > 0; await log.record(interaction())) looks = 0;
  return log;
}

/** Changes something in a log's folder, which is told of then. */
async function changeBeside(log: string, change: () => void): Promise<void> {
  const { file } = await currentRuntime();
  const told = () => file.folder!(`${log}-shm`)!.changedMs;
  const before = told();
  change();
  // There are file systems that tell no more than the second.
  while (told() === before) {
    writeFileSync(`${log}-other`, "");
    rmSync(`${log}-other`);
  }
  // What it told last is taken for what it would tell for as long.
  for (const since = Date.now(); Date.now() - since <= 10;);
}

for (const side of ["", "-wal", "-shm"]) {
  for (const [what, change] of Object.entries(CHANGES)) {
    testUnless(
      onWindows,
      `sqlite: when log${side} is ${what} in a folder that had been the same for long, recording is refused at once`,
      async (t) => {
        const path = join(tempFolder(t as TestContext), "log");
        const log = await openUnchanged(t, path);
        await changeBeside(path, () => change(path + side));
        const { message } = await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
        assertStringIncludes(message, path + side);
        assertEquals(message.includes("log, put that very file back"), side === "", message);
      },
    );
    testUnless(
      onWindows,
      `sqlite: when log${side} is ${what} where a link leads, recording is refused at once`,
      async (t) => {
        const path = join(tempFolder(t as TestContext), "log");
        const link = join(tempFolder(t as TestContext), "link");
        writeFileSync(path, "");
        symlinkSync(path, link);
        const log = await openUnchanged(t, link);
        await changeBeside(path, () => change(path + side));
        const error = await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
        assertStringIncludes(error.message, side === "" ? link : path + side);
      },
    );
  }
}

testUnless(
  onWindows,
  "sqlite: when a link to a log leads elsewhere, recording is refused at once",
  async (t) => {
    const folder = tempFolder(t as TestContext);
    for (const name of ["a", "b"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "log"), "");
    }
    symlinkSync("a", join(folder, "c"));
    const link = join(tempFolder(t as TestContext), "link");
    symlinkSync(join(folder, "c", "log"), link);
    const log = await openUnchanged(t, link);
    symlinkSync("b", join(folder, "d"));
    renameSync(join(folder, "d"), join(folder, "c"));
    await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
  },
);

testUnless(
  onWindows,
  "jsonl: checkpoints beside a link to a log are not looked at, and that is told",
  async (t) => {
    const [folder, other] = [tempFolder(t as TestContext), tempFolder(t as TestContext)];
    const [path, link] = [join(folder, "log"), join(other, "link")];
    const { signingKey } = await generateSigningKey("acme.example/chat");
    symlinkSync(path, link);
    symlinkSync(folder, join(other, "folder"));
    writeFileSync(path, "");
    const aside = `${link}-checkpoints`;
    const told = async (path: string, options: { readOnly?: boolean; signingKey?: string }) => {
      const warnings: string[] = [];
      const onWarning = (warning: AuditWarning) => {
        if (warning.code === "CHECKPOINTS_UNUSED") warnings.push(warning.message);
      };
      const log = await AuditLog.open({ backend: "jsonl", path, onWarning, ...options });
      assertEquals((await log.verify()).faults, []);
      await log.close();
      return warnings;
    };
    assertEquals(await told(link, { readOnly: true }), []);
    writeFileSync(aside, '{"size":9,"note":"of whoever may write there"}\n');
    const [before, ...more] = await told(link, { readOnly: true });
    assertStringIncludes(before!, `${aside} is not looked at`);
    assertStringIncludes(before!, "move the file there");
    assertEquals(more, []);
    const log = await openFile(t as TestContext, { backend: "jsonl", path, signingKey });
    await log.record(interaction());
    await log.close();
    const [after] = await told(link, { signingKey });
    assertStringIncludes(after!, `${aside} is not looked at`);
    assertStringIncludes(after!, "jq -r .note FILE");
    // By way of a folder that is a link, they are those of the log.
    assertEquals(await told(join(other, "folder", "log"), { signingKey }), []);
  },
);

testUnless(
  onWindows,
  "jsonl: a log that is opened by a link has its lock, its index and its checkpoints beside its file",
  async (t) => {
    const [folder, other] = [tempFolder(t as TestContext), tempFolder(t as TestContext)];
    const [path, link] = [join(folder, "log"), join(other, "link")];
    const [{ signingKey }, foreign] = [
      await generateSigningKey("acme.example/chat"),
      await generateSigningKey("acme.example/chat"),
    ];
    const log = await openFile(t as TestContext, { backend: "jsonl", path, signingKey });
    await log.recordAll(interactions(50));
    await log.checkpoint();
    symlinkSync(path, link);
    await assertRefused(
      () => AuditLog.open({ backend: "jsonl", path: link, signingKey: foreign.signingKey }),
      "KEY_MISMATCH",
    );
    const linked = await openFile(t as TestContext, { backend: "jsonl", path: link, signingKey });
    for (let n = 0; n < 50; n++) {
      await Promise.all([log, linked].map((each) => each.record(interaction())));
    }
    await linked.checkpoint();
    await log.checkpoint();
    const report = await log.verify();
    assertEquals([report.faults, report.size, report.checked.checkpoints], [[], 150, 3]);
    assertEquals((await linked.info()).unreadable?.count, 0);
    assert((await linked.info()).indexBytes! > 0);
    for (const handle of [log, linked]) await handle.close();
    assertEquals(readdirSync(other), ["link"]);
  },
);

for (const backend of FILE_BACKENDS) {
  testUnless(
    onWindows,
    `${backend}: a log whose file is deleted is still read by who has it open`,
    async (t) => {
      const path = join(tempFolder(t as TestContext), "log");
      const log = await openFile(t as TestContext, { backend, path });
      await log.recordAll(interactions(50));
      const reader = await openFile(t as TestContext, { backend, path, readOnly: true });
      rmSync(path);
      for (const handle of [log, reader]) assertEquals((await handle.query()).length, 50);
      await log.close();
      await reader.close();
      assertEquals(existsSync(path), false, "a new file was made in its place");
      const options = { backend, path, readOnly: true };
      await assertRefused(() => AuditLog.open(options), "PATH_NOT_FOUND");
    },
  );
}

testUnless(
  onWindows,
  "jsonl: when -checkpoints is deleted beneath it, who kept one still sees that nothing was altered",
  async (t) => {
    const path = join(tempFolder(t as TestContext), "log");
    const { signingKey, verifierKey } = await generateSigningKey("acme.example/beneath");
    const log = await openFile(t as TestContext, { backend: "jsonl", path, signingKey });
    await log.recordAll(interactions(3));
    const kept = await log.checkpoint();
    rmSync(`${path}-checkpoints`);
    await log.record(interaction());
    const next = await log.checkpoint();
    const report = await log.verify({ verifierKey, checkpoint: kept });
    assertEquals([report.faults, report.checked.checkpoints, report.checked.covered], [[], 1, 4]);
    const found: string[] = [];
    for await (const note of log.checkpoints()) found.push(note);
    assertEquals(found, [next]);
  },
);

for (const backend of FILE_BACKENDS) {
  testUnless(
    onWindows,
    `${backend}: a handle whose files were put away signs nothing, least of all for a log that took their place`,
    async (t) => {
      const folder = tempFolder(t as TestContext);
      const [path, away] = [join(folder, "log"), join(folder, "away")];
      const [old, young] = [
        await generateSigningKey("acme.example/old"),
        await generateSigningKey("acme.example/young"),
      ];
      const log = await openFile(t as TestContext, {
        backend,
        path,
        signingKey: old.signingKey,
        checkpoints: BY_HAND,
      });
      await log.recordAll(interactions(5));
      mkdirSync(away);
      for (const name of readdirSync(folder).filter((name) => /^log(?!-lock)/.test(name))) {
        renameSync(join(folder, name), join(away, name));
      }
      const next = await openFile(t as TestContext, {
        backend,
        path,
        signingKey: young.signingKey,
        checkpoints: BY_HAND,
      });
      await next.record(interaction());
      await assertRefused(() => log.checkpoint(), "LOG_REPLACED");
      await next.checkpoint();
      const { faults, checked } = await next.verify({ verifierKey: young.verifierKey });
      assertEquals([faults, checked.checkpoints], [[], 1]);
    },
  );
}

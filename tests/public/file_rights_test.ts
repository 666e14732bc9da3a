// What the operating system forbids, and what the library forbids others: the rights of files.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { fingerprints, mayNotGiveAway, modes, owners } from "../support/files.ts";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

type Backend = typeof FILE_BACKENDS[number];

/** Takes from the superuser what lets it pass over the rights of files. */
const WITHOUT_POWER = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"];

/** Whether a program started this way is bound by the rights of files. */
function isBound(prefix: readonly string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), "audit-log-rights-"));
  try {
    const path = join(folder, "file");
    writeFileSync(path, "x");
    chmodSync(path, 0o000);
    const [program, ...args] = [...prefix, "cat", path];
    const { status, error } = spawnSync(program!, args);
    return error === undefined && status !== 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const prefix = isBound([]) ? [] : WITHOUT_POWER;
const unbound = process.platform === "win32"
  ? "Windows has other rights"
  : isBound(prefix)
  ? undefined
  : "this user may do everything, and setpriv cannot change that";

/** What a process that is bound by rights gets when it uses the log: a code, or its size. */
async function use(backend: Backend, path: string, how: "write" | "read" | "open") {
  const command = [...prefix, ...scriptCommand("open_log.ts", backend, path, how)];
  const { stdout, stderr } = await runProgram(command);
  assert(stdout.startsWith("{"), stderr);
  const { code, size }: { code?: string; size?: number } = JSON.parse(stdout);
  return code ?? size;
}

/** A log with one entry in a folder of its own. */
async function sample(t: TestContext, backend: Backend): Promise<{ folder: string; path: string }> {
  const folder = tempFolder(t);
  const path = join(folder, "log");
  const log = await AuditLog.open({ backend, path });
  await log.record(interaction());
  await log.close();
  return { folder, path };
}

for (const backend of FILE_BACKENDS) {
  testUnless(unbound, `${backend}: a folder that may not be written is refused`, async (t) => {
    const folder = tempFolder(t as TestContext);
    chmodSync(folder, 0o500);
    assertEquals(await use(backend, join(folder, "log"), "write"), "PERMISSION_DENIED");
    assertEquals(fingerprints(folder), {});
  });

  testUnless(unbound, `${backend}: a folder that may not be entered is refused`, async (t) => {
    const { folder, path } = await sample(t as TestContext, backend);
    chmodSync(folder, 0o000);
    atEnd(t as TestContext, () => chmodSync(folder, 0o700));
    assertEquals(await use(backend, path, "write"), "PERMISSION_DENIED");
    assertEquals(await use(backend, path, "read"), "PERMISSION_DENIED");
  });

  testUnless(unbound, `${backend}: a file that may not be read is refused`, async (t) => {
    const { path } = await sample(t as TestContext, backend);
    chmodSync(path, 0o000);
    assertEquals(await use(backend, path, "write"), "PERMISSION_DENIED");
    assertEquals(await use(backend, path, "read"), "PERMISSION_DENIED");
  });

  testUnless(
    unbound,
    `${backend}: a file that may not be written is refused, but read`,
    async (t) => {
      const { folder, path } = await sample(t as TestContext, backend);
      chmodSync(path, 0o400);
      const before = fingerprints(folder)["log"];
      const code = backend === "sqlite" ? "READ_ONLY" : "PERMISSION_DENIED";
      assertEquals(await use(backend, path, "write"), code);
      assertEquals(await use(backend, path, "open"), code);
      assertEquals(await use(backend, path, "read"), 1);
      assertEquals(fingerprints(folder)["log"], before);
    },
  );

  testUnless(
    unbound,
    `${backend}: a log in a folder that may not be written is read or refused`,
    async (t) => {
      const { folder, path } = await sample(t as TestContext, backend);
      const before = fingerprints(folder);
      chmodSync(folder, 0o500);
      atEnd(t as TestContext, () => chmodSync(folder, 0o700));
      // SQLite needs -shm beside a database in WAL mode, for reading too.
      assertEquals(await use(backend, path, "read"), backend === "sqlite" ? "READ_ONLY" : 1);
      assertEquals(fingerprints(folder), before);
    },
  );

  for (const [batches, how] of [[0, "few"], [1, "many"]] as const) {
    testUnless(
      unbound,
      `${backend}: a log that recorded ${how} goes on when all rights to its files are taken away`,
      async (t) => {
        const folder = tempFolder(t as TestContext);
        const path = join(folder, "log");
        const command = [
          ...prefix,
          ...scriptCommand("lose_rights.ts", backend, path, `${batches}`),
        ];
        const { code, stdout, stderr } = await runProgram(command);
        assertEquals(code, 0, stderr);
        const { size, writing, ...wrong } = JSON.parse(stdout);
        assertEquals([size, wrong], [2002 + batches * 1000, { warnings: [], faults: [] }]);
        // A thread that was not started before can open nothing.
        const place = batches > 0 ? /^another thread$/ : /^this thread: unable to open/;
        if (backend === "sqlite") assertMatch(writing, place);
        assertEquals(await use(backend, path, "read"), "PERMISSION_DENIED");
        for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o600);
        assertEquals(await use(backend, path, "read"), size);
      },
    );
  }

  testUnless(
    process.platform === "win32" ? "Windows has other rights" : undefined,
    `${backend}: new files, those beside the log too, are for their owner alone`,
    async (t) => {
      const folder = tempFolder(t as TestContext);
      const path = join(folder, "log");
      const log = await openFile(t as TestContext, { backend, path });
      await log.record(interaction());
      await log.query({ user: "x" });
      for (const [name, mode] of Object.entries(modes(folder))) assertEquals(mode, "600", name);
      await log.close();
      for (const [name, mode] of Object.entries(modes(folder))) assertEquals(mode, "600", name);
    },
  );

  testUnless(
    mayNotGiveAway,
    `${backend}: what root makes beside another user's log belongs to that user`,
    async (t) => {
      const { folder, path } = await sample(t as TestContext, backend);
      const { signingKey } = await generateSigningKey("acme.example/chat");
      const useIt = async () => {
        const log = await AuditLog.open({ backend, path, signingKey });
        await log.record(interaction());
        assert((await log.query({ limit: 1 })).length === 1);
        const names = Object.keys(owners(folder));
        assertEquals(owners(folder), Object.fromEntries(names.map((name) => [name, 4711])));
        await log.close();
        return names;
      };
      for (const name of readdirSync(folder)) if (name !== "log") rmSync(join(folder, name));
      chownSync(path, 4711, 4711);
      const names = await useIt();
      assertEquals(
        names,
        backend === "sqlite"
          ? ["log", "log-shm", "log-wal"]
          : ["log", "log-index", "log-index-shm", "log-index-wal", "log-lock"],
      );
      await useIt(); // the checkpoints of the first time are there now
      if (backend === "sqlite") return;
      writeFileSync(`${path}-index`, "of no use, and made anew");
      assert((await useIt()).includes("log-checkpoints"));
    },
  );

  test(`${backend}: the rights of a file that was there stay as they are`, async (t) => {
    const { path, folder } = await sample(t, backend);
    chmodSync(path, 0o640);
    const log = await openFile(t, { backend, path });
    await log.record(interaction());
    assertEquals(modes(folder)["log"], "640");
  });

  for (const [what, takeAway] of [["deleted", rmSync], ["moved", moveAway]] as const) {
    test(`${backend}: recording into a file that was ${what} is refused`, async (t) => {
      const { path } = await sample(t, backend);
      const log = await openFile(t, { backend, path });
      takeAway(path);
      await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
      await assertRefused(() => log.record(interaction()), "LOG_FAILED");
      await log.close();
    });
  }

  test(`${backend}: recording into a file that was replaced is refused, and the new one is left alone`, async (t) => {
    const [first, second] = [await sample(t, backend), await sample(t, backend)];
    const log = await openFile(t, { backend, path: first.path });
    renameSync(second.path, first.path);
    await assertRefused(() => log.record(interaction()), "LOG_REPLACED");
    await log.close();
    for (const name of Object.keys(fingerprints(first.folder))) {
      if (name !== "log") rmSync(join(first.folder, name));
    }
    const other = await openFile(t, { backend, path: first.path });
    assertEquals(await other.count(), 1);
  });
}

testUnless(
  process.platform === "win32" ? "Windows keeps what SQLite has open from being moved" : undefined,
  "sqlite: where a log's file is gone and its -wal is not, no new log takes its place",
  async (context) => {
    const t = context as TestContext;
    const { folder, path } = await sample(t, "sqlite");
    const log = await openFile(t, { backend: "sqlite", path });
    for (let n = 0; n < 3; n++) await log.record(interaction());
    moveAway(path);
    // What follows within ten milliseconds may share the fate of the records before.
    let acknowledged = 4;
    const goOn = async (): Promise<void> => {
      for (;; acknowledged++) await log.record(interaction());
    };
    const { message } = await assertRefused(goOn, "LOG_REPLACED");
    const again = await assertRefused(() => log.record(interaction()), "LOG_FAILED");
    const [, advice] = message.split("; ");
    assertStringIncludes(advice!, "put that very file back");
    assertStringIncludes(again.message, advice!);
    await log.close();
    for (const is of ["not there", "empty"]) {
      if (is === "empty") writeFileSync(path, "");
      const before = fingerprints(folder);
      const refused = await assertRefused(
        () => openFile(t, { backend: "sqlite", path }),
        "PATH_NOT_FOUND",
      );
      assertStringIncludes(refused.message, `it is ${is}, but ${path}-wal has records`);
      assertEquals(fingerprints(folder), before);
    }
    renameSync(`${path}.1`, path);
    assertEquals(await (await openFile(t, { backend: "sqlite", path })).count(), acknowledged);
  },
);

function moveAway(path: string): void {
  renameSync(path, `${path}.1`);
}

testUnless(
  "Deno" in globalThis ? undefined : "only Deno has such permissions",
  "jsonl: a link whose file's folder Deno may not read is refused, and no other lock is made beside it",
  async (t) => {
    const folder = realpathSync(tempFolder(t as TestContext));
    const [own, other] = ["own", "other"].map((name) => join(folder, name)) as [string, string];
    for (const each of [own, other]) mkdirSync(each);
    writeFileSync(join(own, "log"), "");
    symlinkSync(join("..", "own", "log"), join(other, "link"));
    const root = fileURLToPath(new URL("../..", import.meta.url));
    const use = async (path: string, ...allowed: string[]) => {
      const [program, run, , ...args] = scriptCommand("open_log.ts", "jsonl", path, "write");
      const rights = [`--allow-read=${[root, ...allowed]}`, `--allow-write=${allowed}`];
      const command = [program!, run!, "--no-prompt", "--allow-env", ...rights, ...args];
      const { stdout, stderr } = await runProgram(command);
      assert(stdout.startsWith("{"), stderr);
      return JSON.parse(stdout);
    };
    assertEquals(await use(join(own, "log"), own), { size: 1 });
    assertEquals(await use(join(other, "link"), own, other), { size: 2 });
    for (const allowed of [[other], [other, join(own, "log")]]) {
      const { code, message } = await use(join(other, "link"), ...allowed);
      assertEquals(code, "PERMISSION_DENIED");
      assertMatch(message, /log-(lock|index)/);
    }
    assertEquals(readdirSync(other), ["link"]);
  },
);

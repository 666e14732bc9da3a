// Paths that lead elsewhere on Windows than on Linux: looked at on this platform as on that one.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { AuditLogError, type Runtime, SqliteError } from "@audit-log/llm";
import fs from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { file, filesOn } from "../../adapters/node/file.ts";
import { isAmbiguous } from "../../adapters/node/names.ts";
import { existingPath } from "../../adapters/sqlite_path.ts";
import { openingFault } from "../../src/stores/log_file.ts";
import { findDatabase } from "../../src/stores/sqlite_open.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

test("on Windows, where SQLite follows no links, a link's database is opened where the link leads", async (t) => {
  const folder = fs.realpathSync(tempFolder(t));
  const [path, link] = [join(folder, "log"), join(folder, "link")];
  fs.writeFileSync(path, "");
  fs.symlinkSync("log", link);
  assertEquals(existingPath(link, "win32"), path);
  assertEquals(existingPath(link, "linux"), link);
  const place = await filesOn("win32").place!(link);
  assertEquals(place?.path, path);
  const found = await findDatabase(filesOn("win32"), link);
  assertEquals(found.place, path);
});

for (const backend of FILE_BACKENDS) {
  test(`${backend}: a log that is opened by a link has its files beside its own, on Windows too`, async (t) => {
    const [folder, other] = [fs.realpathSync(tempFolder(t)), tempFolder(t)];
    const [path, link] = [join(folder, "log"), join(other, "link")];
    fs.symlinkSync(path, link);
    fs.writeFileSync(path, "");
    const files = filesOn("win32");
    const { sqlite, ...rest } = await currentRuntime();
    const opened: string[] = [];
    const runtime: Runtime = {
      ...rest,
      file: files,
      sqlite: {
        name: sqlite.name,
        open(asked, options) {
          opened.push(existingPath(asked, "win32"));
          return sqlite.open(asked, options);
        },
      },
    };
    const logs = [
      await openFile(t, { backend, path, runtime }),
      await openFile(t, { backend, path: link, runtime }),
    ];
    for (let n = 0; n < 20; n++) {
      await Promise.all(logs.map((log) => log.record(interaction())));
    }
    assertEquals(await logs[0]!.count(), 40);
    const [one, another] = await Promise.all(logs.map((log) => log.info()));
    assertEquals(another!.bytes, one!.bytes);
    assertEquals(fs.readdirSync(other), ["link"]);
    assertEquals(opened.filter((name) => name.startsWith(other)), []);
    for (const log of logs) await log.close();
    assertEquals((await openFile(t, { backend, path })).size, 40);
  });
}

test("a name by which Windows leads SQLite to another file than it leads the runtime is refused", () => {
  for (
    const path of [
      "C:\\logs\\audit.",
      "C:\\logs\\audit ",
      "C:\\logs. \\audit",
      "C:\\logs\\a:b",
      "logs\\a:b",
    ]
  ) {
    assertEquals(isAmbiguous(path), true, path);
  }
  for (
    const path of [
      "C:\\logs\\audit.db",
      "\\\\server\\share\\.audit",
      "\\\\?\\d:\\a b\\c.d",
      "a/b",
      "a:b",
    ]
  ) {
    assertEquals(isAmbiguous(path), false, path);
  }
  const path = "audit. ";
  assertStringIncludes(filesOn("linux").absolute(path), path);
  const error = assertThrows(() => filesOn("win32").absolute(path));
  assert(error instanceof AuditLogError && error.code === "INVALID_OPTION", String(error));
  assertEquals(error.path, "path");
  assertStringIncludes(error.message, "audit. ");
});

test("a path that is too long for SQLite is told as that, by the limit of each platform", async () => {
  const unopenable = new SqliteError(14, "unable to open database file", undefined);
  const files = { ...file, stat: () => Promise.resolve(undefined) };
  const told = async (path: string) =>
    (await openingFault(files, path, unopenable) as { code?: unknown }).code;
  const sized = (start: string, length: number) => start + "x".repeat(length - start.length);
  for (const start of ["C:\\", "\\\\server\\share\\"]) {
    assertEquals(await told(sized(start, 260)), "ENAMETOOLONG");
    assertEquals(await told(sized(start, 259)), undefined);
  }
  // There, it counts characters.
  assertEquals(await told("C:\\" + "é".repeat(256)), undefined);
  assertEquals(await told(sized("/", 513)), "ENAMETOOLONG");
  assertEquals(await told(sized("/", 512)), undefined);
});

// When the disk does not confirm a write, and when a process ends before it has: what is told, and what is there.

import { assert, assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { AuditLog, AuditLogError, SqliteError } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { FailingRuntime } from "../support/failing_runtime.ts";
import { inputs, interaction, interactions } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const IOERR_FSYNC = 10 | (4 << 8);
const SYNCS = {
  sqlite: {
    isSync: (what: string, about: string) => what === "sqlite.run" && about.endsWith("COMMIT"),
    error: new SqliteError(IOERR_FSYNC, "disk I/O error", undefined),
  },
  jsonl: {
    isSync: (what: string) => what === "file.sync",
    error: Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }),
  },
};

for (const backend of FILE_BACKENDS) {
  test(`${backend}: after a failed sync nothing is recorded until the log is opened again, and the reason is told`, async (t) => {
    const path = join(tempFolder(t), "log");
    const failing = new FailingRuntime(await currentRuntime());
    const { isSync, error } = SYNCS[backend];
    const log = await openFile(t, { backend, path, runtime: failing.runtime });
    atEnd(t, () => failing.end());
    await log.recordAll(interactions(3));
    failing.plan = ({ what, about }) =>
      isSync(what, about) ? { done: "nothing", error: () => error } : undefined;
    const first = await assertRefused(() => log.record(interaction()), "SYNC_FAILED");
    assertStrictEquals(first.cause, error);
    failing.plan = () => undefined; // syncs that succeed later say nothing of the one that failed
    const begin = () => log.begin({ model: "m", inputText: "" }, { begin: false });
    for (
      const record of [
        () => log.record(interaction()),
        () => log.recordAll(interactions(2)),
        begin, // a call that could not be recorded at its end
      ]
    ) {
      const refused = await assertRefused(record, "LOG_FAILED");
      assertStrictEquals(refused.cause, first);
      assertStringIncludes(refused.message, "open it again");
    }
    assertEquals(inputs(await log.query()).slice(0, 3), ["0", "1", "2"]);
    await log.close();
    const again = await openFile(t, { backend, path });
    await again.record(interaction({ inputText: "after" }));
    const texts = inputs(await again.query());
    // The record that was not confirmed may be there.
    assertEquals(texts.filter((text) => text !== "in"), ["0", "1", "2", "after"]);
    assert(texts.length <= 5, `${texts}`);
    assertEquals((await again.verify()).faults, []);
  });

  test(`${backend}: a process that ends right after record() has acknowledged nothing that is not there`, async (t) => {
    const path = join(tempFolder(t), "log");
    const { code, stdout, stderr } = await runProgram(
      scriptCommand("exit_without_close.ts", backend, path),
    );
    assertEquals(code, 0, stderr);
    const acknowledged = stdout.trim().split("\n");
    assertEquals(acknowledged.length, 1, "what was not awaited was not acknowledged");
    const log = await openFile(t, { backend, path });
    const entries = await log.query();
    assertEquals(entries[0]?.entryId, acknowledged[0]);
    assertEquals(
      inputs(entries).slice(1),
      interactions(entries.length - 1).map((e) => e.inputText),
    );
    assertEquals((await log.verify()).faults, []);
  });

  test(`${backend}: records that wait when the log is closed are told why they failed, if they do`, async (t) => {
    const path = join(tempFolder(t), "log");
    const failing = new FailingRuntime(await currentRuntime());
    const log = await AuditLog.open({ backend, path, runtime: failing.runtime });
    atEnd(t, () => failing.end());
    const { isSync, error } = SYNCS[backend];
    failing.plan = ({ what, about }) =>
      isSync(what, about) ? { done: "nothing", error: () => error } : undefined;
    const recording = Promise.allSettled(interactions(3).map((entry) => log.record(entry)));
    await log.close();
    for (const result of await recording) {
      assert(result.status === "rejected" && result.reason instanceof AuditLogError);
      assertEquals(result.reason.code, "SYNC_FAILED");
    }
  });
}

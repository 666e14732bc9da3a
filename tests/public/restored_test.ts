// A backup that is put back beneath an open log: what the handle remembers of the log is no longer so, and is not signed.

import { assertEquals, assertMatch } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { alterTables, signingKey, verified, verifierKey } from "../support/altered.ts";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { interactions } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf } from "../support/notes.ts";
import { assertRefused } from "../support/refused.ts";
import { tempFolder } from "../support/temp.ts";

type Backend = typeof FILE_BACKENDS[number];

/** Makes the file what it was when it had so many entries, in place: as `sqlite3 LOG ".restore COPY"`, and `cp COPY LOG`, do. */
async function restore(
  t: TestContext,
  backend: Backend,
  path: string,
  size: number,
): Promise<void> {
  if (backend === "sqlite") {
    await alterTables(t, { path }, (raw) => {
      raw.exec(`DELETE FROM audit_record WHERE seq >= ${size}; DELETE FROM audit_tile`);
      raw.exec(`DELETE FROM audit_checkpoint WHERE size > ${size}`);
    });
  } else {
    const lines = readFileSync(path, "utf8").split("\n").slice(0, size);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  }
}

const WRITTEN: Record<
  string,
  readonly { readonly by: "handle" | "another"; readonly count: number }[]
> = {
  "by the handle": [{ by: "handle", count: 15 }],
  "by the handle, to where it was, and then further": [
    { by: "handle", count: 10 },
    { by: "handle", count: 5 },
  ],
  "by another": [{ by: "another", count: 15 }],
  "by another, and then by the handle": [{ by: "another", count: 9 }, { by: "handle", count: 6 }],
};

type Options = Awaited<ReturnType<typeof restoredBeneath>>["options"];

/** An open log of 20 entries, 10 of them signed for, beneath which a copy of those 10 was put back. */
async function restoredBeneath(t: TestContext, backend: Backend) {
  const path = join(tempFolder(t), "log");
  const options = { backend, path, signingKey, checkpoints: BY_HAND };
  const log = await openFile(t, options);
  await log.recordAll(interactions(10));
  const kept = await log.checkpoint();
  await log.recordAll(interactions(10));
  await restore(t, backend, path, 10);
  return { log, kept, options };
}

/** Whoever opens it signs for what it has now, and it verifies. */
async function assertGoesOn(options: Options, kept: string, size: number): Promise<void> {
  const { backend, path } = options;
  const again = await AuditLog.open(options);
  await again.checkpoint();
  await again.close();
  const report = await verified({ backend, path }, { verifierKey, checkpoint: kept });
  assertEquals([report.faults, report.checked.covered], [[], size]);
}

for (const backend of FILE_BACKENDS) {
  for (const count of [5, 10]) {
    test(`${backend}: what another writes behind a backup, so that the log has ${10 + count} entries of 20, is not signed with what was there before`, async (t) => {
      const { log, kept, options } = await restoredBeneath(t, backend);
      const { path } = options;
      const other = await AuditLog.open({ backend, path });
      await other.recordAll(interactions(count));
      await other.close();
      await assertRefused(() => log.checkpoint(), "DAMAGED");
      // Nor later.
      await log.recordAll(interactions(15));
      await assertRefused(() => log.checkpoint(), "DAMAGED");
      assertEquals(await checkpointsOf(log), [kept]);
      await log.close();
      await assertGoesOn(options, kept, 25 + count);
    });
  }

  for (const [how, written] of Object.entries(WRITTEN)) {
    test(`${backend}: what is written ${how} behind a backup that was put back beneath an open log is not signed with what was there before`, async (t) => {
      const { log, kept, options } = await restoredBeneath(t, backend);
      const { path } = options;
      for (const { by, count } of written) {
        const writer = by === "handle" ? log : await AuditLog.open({ backend, path });
        await writer.recordAll(interactions(count));
        if (by === "another") await writer.close();
      }
      const error = await assertRefused(() => log.checkpoint(), "DAMAGED");
      assertMatch(error.message, /replaced by another copy, while it was open/);
      assertEquals(await checkpointsOf(log), [kept]);
      // What the log has now is all there, and whoever opens it goes on signing.
      assertEquals(await log.count(), 25);
      await log.close();
      await assertGoesOn(options, kept, 25);
    });
  }

  test(`${backend}: what a handle has read before it was told that it was written is signed`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await openFile(t, { backend, path, signingKey, checkpoints: BY_HAND });
    for (let round = 0; round < 20; round++) {
      await Promise.all([
        log.recordAll(interactions(7)),
        log.checkpoint(),
        log.recordAll(interactions(3)),
      ]);
    }
    await log.checkpoint();
    const report = await log.verify({ verifierKey });
    assertEquals([report.faults, report.checked.covered], [[], 200]);
  });
}

test("jsonl: what the handle writes behind a backup that ends in an unfinished line is not signed with what was there before", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, {
    backend: "jsonl",
    path,
    signingKey,
    checkpoints: BY_HAND,
  });
  await log.recordAll(interactions(20));
  await restore(t, "jsonl", path, 10);
  appendFileSync(path, '{"entry_id": "0');
  await log.recordAll(interactions(10));
  await log.recordAll(interactions(5));
  assertEquals(await log.count(), 25);
  await assertRefused(() => log.checkpoint(), "DAMAGED");
});

test("jsonl: a handle puts nothing into the index that a backup took back, whatever another has written since", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path });
  await log.recordAll(interactions(10));
  await log.count(); // they are in the index, and those that follow are not
  await log.recordAll(interactions(10));
  await restore(t, "jsonl", path, 10);
  const other = await openFile(t, { backend: "jsonl", path });
  await other.recordAll(interactions(15));
  assertEquals(await log.count(), 25);
  await other.close();
  await log.close();
  const reopened = await openFile(t, { backend: "jsonl", path, readOnly: true });
  assertEquals([await reopened.count(), (await reopened.verify()).faults], [25, []]);
});

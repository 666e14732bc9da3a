import { assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { AuditLog } from "../../src/audit_log.ts";
import { follow } from "../../src/cli/follow.ts";
import type { Host } from "../../src/cli/host.ts";
import { interaction } from "../support/interaction.ts";

/** A host whose file is there until it is deleted. */
function hostOf(isThere: () => boolean): Host {
  const stat = { kind: "file", size: 1, identity: "1" };
  const file = { stat: () => Promise.resolve(isThere() ? stat : undefined) };
  return { runtime: { file }, stdout: { isTerminal: false } } as unknown as Host;
}

test("what was read and did not match is not read again", async () => {
  const log = await AuditLog.open();
  const record = async (user: string) => (await log.record(interaction({ user }))).entryId;
  const ids = [await record("alice"), await record("bob")];
  const asked: (string | undefined)[] = [];
  let isThere = true;
  const following = follow(hostOf(() => isThere), log, "log", {
    first: log.stream({ user: "alice" }),
    after(id) {
      asked.push(id);
      return log.stream({ user: "alice", after: id });
    },
    idOf: ({ entryId }) => entryId,
    async print(entries) {
      let shown = 0;
      for await (const _ of entries) shown++;
      // After each look, one that does not match; after the fourth, the last.
      if (ids.length < 5) ids.push(await record("bob"));
      else isThere = false;
      return shown;
    },
  });
  await assertRejects(() => following, Error, "Cannot follow log any longer: the file was deleted");
  assertEquals(asked, [ids[0], ids[2], ids[3], ids[4]]);
  await log.close();
});

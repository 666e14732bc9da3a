// A process is killed while it holds the log's lock; the operating system frees it.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { KnownLog } from "../support/known_log.ts";
import { numberedEntry, singleNumber } from "../support/numbered.ts";
import { assertRefused } from "../support/refused.ts";
import { type Speaker, startSpeaker } from "../support/say.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

for (const backend of FILE_BACKENDS) {
  for (const what of ["record", "checkpoint"]) {
    test(`${backend}: when a process is killed in the middle of writing a ${what}, those that wait go on`, async (t) => {
      const path = join(tempFolder(t), "log");
      const key = await generateSigningKey("acme.example/killed");
      const known = new KnownLog(backend, path, key);
      const start = (script: string, ...more: string[]) => {
        const speaker = startSpeaker(script, backend, path, key.signingKey, ...more);
        atEnd(t, () => speaker.kill());
        return speaker;
      };
      const said = (speaker: Speaker, line: string) =>
        Promise.race([
          speaker.lines.until((lines) => lines.includes(line)),
          speaker.ended.then(({ stderr }) =>
            assert(speaker.lines.all.includes(line), `it never said ${line}: ${stderr}`)
          ),
        ]);
      // It has no patience, and so tells whether the lock is held.
      const impatient = await AuditLog.open({ backend, path, busyTimeoutMs: 0 });
      atEnd(t, () => impatient.close());
      const [first, second] = [
        start("wait_for_lock.ts", "b", "before"),
        start("wait_for_lock.ts", "c", "then"),
      ];
      await Promise.all([first, second].map((waiting) => said(waiting, "ready")));
      const holder = start("hold_lock.ts", what);
      await said(holder, "in");
      const own = numberedEntry(singleNumber("own", 0, 0));
      await assertRefused(() => impatient.record(own), "LOG_BUSY");
      for (const waiting of [first, second]) waiting.tell("go");
      await Promise.all([first, second].map((waiting) => said(waiting, "recording")));
      holder.kill();
      assertEquals((await holder.ended).signal, "SIGKILL");

      for (const waiting of [first, second]) {
        const { code, stderr } = await waiting.ended;
        assertEquals([code, stderr, waiting.lines.all.at(-1)], [0, "", "done"]);
      }
      const { entryId } = await impatient.record(own);
      known.acknowledge({ writer: "own", caller: 0, n: 0 }, entryId);
      known.hear("holder", holder.lines.all);
      known.hear("b", first.lines.all);
      known.hear("c", second.lines.all);
      const { log, findings } = await known.check();
      await log.close();
      // What the holder was writing is nowhere, but for half a line of JSONL.
      assertEquals(findings.unacknowledged, 0);
      assertEquals(findings.unreadable, backend === "jsonl" && what === "record" ? 1 : 0);
      assertEquals(log.size, 2 * 24 + 1 + (what === "checkpoint" ? 1 : 0));
    });
  }
}

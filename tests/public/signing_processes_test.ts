// Several processes record into one log and sign it at the same time.

import { assert, assertEquals } from "@std/assert";
import { generateSigningKey, verifyProof } from "@audit-log/llm";
import { join } from "node:path";
import { test } from "node:test";
import { FILE_BACKENDS, openFile } from "../support/backends.ts";
import { runProgram, scriptCommand } from "../support/child.ts";
import { allLines, interaction } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, partsOf, rootOfLines, sizesOf } from "../support/notes.ts";
import { tempFolder } from "../support/temp.ts";

const PROCESSES = 3;
const EACH = 30;

for (const backend of FILE_BACKENDS) {
  test(`${backend}: ${PROCESSES} processes record and sign at once, and never contradict each other`, async (t) => {
    const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
    const path = join(tempFolder(t), "log");
    const children = Array.from({ length: PROCESSES }, (_, n) =>
      runProgram(
        scriptCommand("sign_entries.ts", backend, path, signingKey, `user ${n}`, `${EACH}`),
      ));
    // This process records, signs, proves and verifies all the while.
    const log = await openFile(t, { backend, path, signingKey, checkpoints: BY_HAND });
    const notes: string[] = [];
    let own = 0;
    let running = true;
    const ending = Promise.all(children).finally(() => running = false);
    while (running) {
      const { entryId } = await log.record(interaction({ user: "own", inputText: `${own++}` }));
      const note = await log.checkpoint();
      notes.push(note);
      const [record, proof] = [(await log.line(entryId))!, await log.prove(entryId)];
      const proven = await verifyProof({ record, proof, verifierKey });
      assert(proven.index < partsOf(note).size);
      if (own % 5 > 0) continue;
      assertEquals((await log.verify({ verifierKey, checkpoint: note })).faults, []);
    }
    const theirs = (await ending).flatMap(({ code, stdout, stderr }) => {
      assertEquals(code, 0, stderr);
      return JSON.parse(stdout) as string[];
    });
    assertEquals(theirs.length, PROCESSES * EACH / 10);
    notes.push(...theirs, await log.checkpoint());

    const lines = await allLines(log);
    assertEquals(lines.length, PROCESSES * EACH + own);
    const sizes = await sizesOf(log);
    assertEquals(sizes, sizes.toSorted((a, b) => a - b));
    const kept = await checkpointsOf(log);
    for (const note of notes) assert(kept.includes(note));
    for (const note of kept.filter((_, n) => n % 10 === 0)) {
      const { size, root } = partsOf(note);
      assertEquals(root, rootOfLines(lines.slice(0, size)));
    }
    const report = await log.verify({ verifierKey, checkpoint: notes });
    assertEquals(report.faults, []);
    assertEquals([report.checked.covered, report.checked.checkpoints], [lines.length, kept.length]);
    assertEquals((await log.info()).warnings, []);
  });
}

// Thousands of real interactions go into each backend and are read back equal.

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { NewEntry } from "@audit-log/llm";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { BACKENDS, FILE_BACKENDS, openFile, placeFor } from "../support/backends.ts";
import { cli } from "../support/cli.ts";
import { noRealData, realInteractions, realText } from "../support/data.ts";
import { allLines } from "../support/interaction.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

const COUNT = 4025;

function entries(): NewEntry[] {
  return realInteractions().map(({ model, input_text, output_text, dataset }, n) => ({
    model,
    inputText: input_text,
    outputText: output_text,
    user: `user ${n % 50}`,
    costUsd: n % 3 === 0 ? null : n / 1e6,
    latencyMs: n % 4 === 0 ? null : n + 0.25,
    metadata: { dataset, n },
  }));
}

for (const backend of BACKENDS) {
  testUnless(
    noRealData,
    `${backend}: real interactions are read back equal, in order`,
    async (t) => {
      const { open } = placeFor(backend)(t as TestContext);
      const given = entries();
      assertEquals(given.length, COUNT);
      const log = await open();
      const recorded = await Promise.all(given.map((entry) => log.record(entry)));
      assertEquals(log.size, COUNT);
      const lines = await allLines(log);
      const reader = backend === "memory" ? log : (await log.close(), await open());
      let n = 0;
      for await (const entry of reader.stream()) {
        const { entryId, timestamp, ...rest } = entry;
        assertEquals([entryId, timestamp], [recorded[n]!.entryId, recorded[n]!.timestamp]);
        assertEquals(rest, given[n] as unknown as typeof rest);
        n++;
      }
      assertEquals(n, COUNT);
      const again = await allLines(reader);
      assert(again.every((line, index) => line === lines[index]), "a line changed");
    },
  );

  testUnless(
    noRealData,
    `${backend}: real interactions are found by model, user and metadata`,
    async (t) => {
      const log = await placeFor(backend)(t as TestContext).open();
      const given = entries();
      await log.recordAll(given);
      const models = new Set(given.map(({ model }) => model));
      assertEquals(models.size, 5);
      for (const model of models) {
        const expected = given.filter((entry) => entry.model === model);
        assertEquals(await log.count({ model }), expected.length);
        const own = expected.filter(({ user }) => user === "user 7");
        const found = await log.query({ model, user: "user 7" });
        assertEquals(
          found.map(({ inputText }) => inputText),
          own.map(({ inputText }) => inputText),
        );
      }
      const datasetOf = ({ metadata }: NewEntry) => (metadata as { dataset: string }).dataset;
      const dataset = datasetOf(given[0]!);
      const expected = given.filter((entry) => datasetOf(entry) === dataset);
      assertEquals(await log.count({ metadata: { dataset } }), expected.length);
      assertEquals((await log.query({ metadata: { n: 4000 } })).length, 1);
    },
  );
}

for (const backend of FILE_BACKENDS) {
  testUnless(
    noRealData,
    `${backend}: audit-log import takes real interactions as they are, in order`,
    async (context) => {
      const t = context as TestContext;
      const path = join(tempFolder(t), backend === "sqlite" ? "log.db" : "log.jsonl");
      const { code, stderr } = await cli(["import", "-", "--log", path], { input: realText() });
      assertEquals(code, 0, stderr);
      assertMatch(stderr, new RegExp(`^Imported ${COUNT} entries into `));
      const log = await openFile(t, { backend, path, readOnly: true });
      const given = realInteractions();
      let n = 0;
      for await (const { entryId: _, timestamp: __, ...entry } of log.stream()) {
        const { model, input_text, output_text, ...metadata } = given[n]!;
        assertEquals(entry, {
          user: "anonymous",
          model,
          inputText: input_text,
          outputText: output_text,
          costUsd: null,
          latencyMs: null,
          metadata,
        });
        n++;
      }
      assertEquals([n, given.length], [COUNT, COUNT]);
      assertEquals((await log.verify()).ok, true);
    },
  );
}

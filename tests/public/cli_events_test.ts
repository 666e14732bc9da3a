// What the command shows of calls, annotations and gaps.

import { assertEquals, assertMatch } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { cli } from "../support/cli.ts";
import { interaction } from "../support/interaction.ts";
import { tempFolder } from "../support/temp.ts";

async function sample(t: TestContext, file: string) {
  const path = join(tempFolder(t), file);
  const log = await AuditLog.open({ backend: file.endsWith(".db") ? "sqlite" : "jsonl", path });
  const { entryId } = await log.record(interaction({ inputText: "plain", user: "alice" }));
  const call = await log.begin({ model: "m", inputText: "ended", user: "bob" });
  await call.complete({ outputText: "out" });
  await log.begin({ model: "m", inputText: "left", user: "bob" });
  await log.annotate(entryId, { name: "quality", score: 0.5 });
  await log.recordGap({ lost: 1 });
  await log.close();
  return { path, entryId };
}

const inputsOf = (stdout: string): string[] =>
  stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).input_text);

for (const file of ["log.db", "log.jsonl"]) {
  test(`of ${file}, query prints interactions, and all entries when asked`, async (t) => {
    const { path } = await sample(t, file);
    const query = async (...args: string[]) => {
      const { code, stdout, stderr } = await cli(["query", "--log", path, ...args]);
      assertEquals([code, stderr], [0, ""]);
      return stdout;
    };
    assertEquals(inputsOf(await query()), ["plain", "ended"]);
    assertEquals(inputsOf(await query("--events", "all")), [
      "plain",
      "ended",
      "ended",
      "left",
      "",
      "",
    ]);
    assertEquals(await query("--count"), "2\n");
    assertEquals(await query("--count", "--events", "all", "--user", "bob"), "3\n");
    const wrong = await cli(["query", "--log", path, "--events", "some"]);
    assertEquals(wrong.code, 2);
  });

  test(`of ${file}, unfinished prints the calls that never ended`, async (t) => {
    const { path } = await sample(t, file);
    const { code, stdout, stderr } = await cli(["unfinished", "--log", path]);
    assertEquals([code, stderr, inputsOf(stdout)], [0, "", ["left"]]);
    const table = await cli(["unfinished", "--log", path, "--table"]);
    assertMatch(table.stdout, /^TIME.*\n.* bob .* left\n$/);
    const none = await cli(["unfinished", "--log", path, "--user", "alice"]);
    assertEquals([none.code, none.stdout], [0, ""]);
  });

  test(`of ${file}, get prints an entry's annotations when asked`, async (t) => {
    const { path, entryId } = await sample(t, file);
    const plain = await cli(["get", entryId, "--log", path]);
    const { code, stdout } = await cli(["get", entryId, "--log", path, "--annotations"]);
    assertEquals(code, 0);
    const [line, annotation, end] = stdout.split("\n");
    assertEquals([`${line}\n`, end], [plain.stdout, ""]);
    assertEquals(JSON.parse(annotation!).metadata["audit.ref"], entryId);
  });

  test(`a log copied from ${file} by query and import has its events`, async (t) => {
    const { path } = await sample(t, file);
    const { stdout } = await cli(["query", "--log", path, "--events", "all"]);
    const copy = join(tempFolder(t), "copy.db");
    const { code } = await cli(["import", "-", "--log", copy], { input: stdout });
    assertEquals(code, 0);
    const copied = await cli(["query", "--log", copy, "--events", "all"]);
    assertEquals(copied.stdout, stdout);
    assertEquals(inputsOf((await cli(["unfinished", "--log", copy])).stdout), ["left"]);
  });
}

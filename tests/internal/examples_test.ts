// The programs in examples/, as users run them, against a server on this machine.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { AuditLog } from "../../mod.ts";
import { type Reply, startProvider } from "../support/providers/server.ts";
import { tempFolder } from "../support/temp.ts";

const PARIS = "The capital of France is Paris.";

const examples: [name: string, replies: Reply[], outputs: string[]][] = [
  ["openai", [{ text: PARIS }, { text: ["One", ", two, three."] }], [PARIS, "One, two, three."]],
  ["anthropic", [{ text: PARIS }], [PARIS]],
  [
    "ai_sdk",
    [
      { toolCalls: [{ id: "c1", name: "weather", arguments: '{"city":"Oslo"}' }] },
      { text: "It is 12 degrees." },
    ],
    ["Oslo", "It is 12 degrees."],
  ],
  ["langchain", [{ text: PARIS }], [PARIS]],
  ["fetch", [{ text: PARIS }], [PARIS]],
  ["gemini", [{ text: PARIS }, { text: "Oslo." }], [PARIS, "Oslo."]],
  ["otel", [], ["Hello!"]],
];

for (const [name, replies, outputs] of examples) {
  test(`examples/${name}.ts records what it asks and is answered`, async (t) => {
    const provider = await startProvider(t);
    provider.reply(...replies);
    const isFile = name === "ai_sdk" || name === "fetch";
    const path = join(tempFolder(t), isFile ? "audit.jsonl" : "audit.db");
    const { code, output } = await run(name, path, provider.url);
    assertEquals(code, 0, output);
    assert(!/deprecat/i.test(output), output); // of a model, that is
    const log = await AuditLog.open({ backend: isFile ? "jsonl" : "sqlite", path, readOnly: true });
    const entries = await log.query();
    assertEquals(entries.length, outputs.length);
    for (const [n, { user, outputText, metadata }] of entries.entries()) {
      assertEquals([user, metadata["audit.outcome"]], ["alice", "completed"]);
      assertStringIncludes(outputText, outputs[n]!);
      if (name !== "otel") assertStringIncludes(output, outputs[n]!);
    }
    if (name === "anthropic" || name === "gemini") {
      for (const { costUsd } of entries) assertEquals(costUsd! > 0, true);
    }
    assertEquals((await log.verify()).faults, []);
    await log.close();
  });
}

/** Runs an example on the runtime that the tests run on. */
async function run(
  name: string,
  path: string,
  url: string,
): Promise<{ code: number | null; output: string }> {
  const file = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
  const before = "Deno" in globalThis ? ["run", "-A", "--quiet"] : [];
  const child = spawn(process.execPath, [...before, file, path], {
    env: {
      ...process.env,
      OPENAI_API_KEY: "sk-none",
      OPENAI_BASE_URL: `${url}/v1`,
      ANTHROPIC_API_KEY: "sk-none",
      ANTHROPIC_BASE_URL: url,
      GEMINI_API_KEY: "none",
      GOOGLE_GEMINI_BASE_URL: url,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => output += String(chunk));
  }
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, output };
}

test("examples/without_a_key.ts records an answer and an error, and asks nobody", async (t) => {
  const path = join(tempFolder(t), "audit.db");
  const { code, output } = await run("without_a_key", path, "http://127.0.0.1:9");
  assertEquals(code, 0, output);
  const log = await AuditLog.open({ backend: "sqlite", path, readOnly: true });
  const entries = await log.query();
  await log.close();
  assertEquals(
    entries.map(({ user, inputText, outputText, metadata }) => [
      user,
      inputText,
      outputText,
      metadata["audit.outcome"],
    ]),
    [
      ["alice", "What is the capital of France?", "Paris.", "completed"],
      ["alice", "And of Spain?", "", "failed"],
    ],
  );
  assertStringIncludes(output, "Slow down.");
});

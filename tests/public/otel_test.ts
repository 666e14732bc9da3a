// Entries as OpenTelemetry's log records, with the real SDK.

import {
  InMemoryLogRecordExporter,
  LoggerProvider,
  SimpleLogRecordProcessor,
} from "@opentelemetry/sdk-logs";
import { assert, assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { exportEntries } from "@audit-log/llm/otel";
import { test, type TestContext } from "node:test";
import { interaction } from "../support/interaction.ts";
import { atEnd } from "../support/temp.ts";

function logger(t: TestContext) {
  const exporter = new InMemoryLogRecordExporter();
  const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
  atEnd(t, () => provider.shutdown());
  return {
    logger: provider.getLogger("audit-log"),
    exported: () => exporter.getFinishedLogRecords(),
  };
}

async function sample(t: TestContext): Promise<AuditLog> {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const call = await log.begin({
    model: "gpt-4o",
    inputText: "Hi",
    user: "alice",
    inputFormat: "text",
  });
  const { entryId } = await call.complete({
    outputText: JSON.stringify([{ role: "assistant", parts: [{ type: "text", content: "A" }] }]),
    outputFormat: "json",
    usage: { inputTokens: 3 },
    costUsd: 0.5,
    metadata: { "gen_ai.response.id": "r-1", "gen_ai.provider.name": "openai" },
  });
  await (await log.begin({ model: "gpt-4o", inputText: "Hi" })).fail(new TypeError("broken"));
  await log.annotate(entryId, { name: "relevance", score: 0.5, user: "judge" });
  await log.record(interaction());
  return log;
}

test("entries become events of the conventions, without texts unless they are asked for", async (t) => {
  const log = await sample(t);
  const { logger: target, exported } = logger(t);
  const { count, last } = await exportEntries(log, target);
  assertEquals(count, 4);
  assertEquals(last, (await log.query({ order: "desc", limit: 1 }))[0]!.entryId);
  const records = exported();
  assertEquals(records.map(({ eventName, severityText }) => [eventName, severityText]), [
    ["gen_ai.client.inference.operation.details", "INFO"],
    ["gen_ai.client.inference.operation.details", "ERROR"],
    ["gen_ai.evaluation.result", "INFO"],
    ["gen_ai.client.inference.operation.details", "INFO"],
  ]);
  const [entry] = await log.query();
  const [first, failed, evaluation] = records.map(({ attributes }) => attributes);
  assertEquals(first!["audit.entry_id"], entry!.entryId);
  assertEquals(
    ["gen_ai.request.model", "gen_ai.usage.input_tokens", "user.id", "audit.cost_usd"].map((key) =>
      first![key]
    ),
    ["gpt-4o", 3, "alice", 0.5],
  );
  assertEquals(
    ["gen_ai.evaluation.name", "gen_ai.evaluation.score.value", "gen_ai.response.id", "user.id"]
      .map((key) => evaluation![key]),
    ["relevance", 0.5, "r-1", "judge"],
  );
  assertEquals(failed!["error.type"], "TypeError");
  assert(!JSON.stringify(records.map(({ attributes }) => attributes)).includes("messages"));
  const [seconds, nanoseconds] = records[0]!.hrTime;
  assertEquals(seconds * 1000 + Math.round(nanoseconds / 1e6), Date.parse(entry!.timestamp));
});

test("texts are exported as messages, and an export goes on where the last one ended", async (t) => {
  const log = await sample(t);
  const { logger: target, exported } = logger(t);
  const { last } = await exportEntries(log, target, {
    content: true,
    limit: 1,
    annotations: false,
  });
  assertEquals(exported().length, 1);
  const { attributes } = exported()[0]!;
  assertEquals(attributes["gen_ai.input.messages"], [
    { role: "user", parts: [{ type: "text", content: "Hi" }] },
  ]);
  assertEquals(attributes["gen_ai.output.messages"], [
    { role: "assistant", parts: [{ type: "text", content: "A" }] },
  ]);
  assertEquals((await exportEntries(log, target, { after: last })).count, 3);
  // What is said later of what was exported before is exported, too.
  const [old] = await log.query();
  const { last: before } = await exportEntries(log, target);
  await log.annotate(old!.entryId, { name: "late" });
  assertEquals((await exportEntries(log, target, { after: before })).count, 1);
  assertEquals(exported().at(-1)!.attributes["gen_ai.evaluation.name"], "late");
  const end = await exportEntries(log, target, { after: last, user: "nobody" });
  assertEquals(end, { count: 0, last });
  const { logger: whole, exported: all } = logger(t);
  await exportEntries(log, whole, { events: "all" });
  assertEquals(all().length, log.size);
});

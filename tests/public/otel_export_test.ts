// What exportEntries() exports without content, and what it says to who asks for something else.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { test } from "node:test";
import { AuditLog, AuditLogError, type JsonObject } from "@audit-log/llm";
import {
  exportEntries,
  type ExportOptions,
  type OtelLogger,
  type OtelLogRecord,
} from "@audit-log/llm/otel";
import { interaction } from "../support/interaction.ts";

/** Metadata that holds nothing of what was said. */
const FACTS = {
  "attempt": 2,
  "error.type": "RateLimitError",
  "gen_ai.conversation.id": "c-1",
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "m",
  "gen_ai.request.temperature": 0.5,
  "gen_ai.response.finish_reasons": ["stop"],
  "gen_ai.response.id": "r-1",
  "gen_ai.usage.input_tokens": 3,
  "http.response.header.x-request-id": ["q-1"],
  "http.response.status_code": 429,
  "langchain.run_id": "run-1",
  "openai.response.service_tier": "default",
  "server.address": "api.example",
  "stream.malformed_events": 1,
  "stream.too_long_events": 1,
  "stream.truncated": true,
};

/** Names under which wrappers, instrumentations and applications have told of texts. */
const TOLD = [
  "ai.prompt",
  "ai.response.text",
  "ai.settings.context",
  "ai_sdk.provider_metadata",
  "anthropic.response.stop_details",
  "error.message",
  "gen_ai.completion",
  "gen_ai.evaluation.explanation",
  "gen_ai.input.messages",
  "gen_ai.request.messages",
  "gen_ai.request.stop_sequences",
  "gen_ai.tool.call.arguments",
  "input.value",
  "langchain.metadata",
  "langchain.tags",
  "llm.prompts.0",
  "request.parameters",
  "session",
  "span.audit.note",
  "traceloop.entity.input",
  "warnings",
];

async function exported(metadata: JsonObject, options: ExportOptions = {}) {
  const log = await AuditLog.open();
  const records: OtelLogRecord[] = [];
  await log.record(interaction({ metadata }));
  await exportEntries(log, { emit: (record) => void records.push(record) }, options);
  await log.close();
  return records[0]!.attributes;
}

test("without content, only what holds none is exported", async () => {
  const told = Object.fromEntries(TOLD.map((name) => [name, `SAID in ${name}`]));
  const attributes = await exported({ ...FACTS, ...told });
  assert(!JSON.stringify(attributes).includes("SAID"), JSON.stringify(attributes));
  for (const [name, value] of Object.entries(FACTS)) assertEquals(attributes[name], value, name);
});

test("what else is exported can be named, and with content all is", async () => {
  const metadata = { "session": "s-1", "tenant": 7, "error.message": "Slow down." };
  const named = await exported(metadata, { attributes: ["session"] });
  assertEquals([named["session"], named["tenant"]], ["s-1", undefined]);
  const whole = await exported(metadata, { content: true });
  for (const [name, value] of Object.entries(metadata)) assertEquals(whole[name], value);
});

test("entries whose texts hold a text are exported, and no others", async () => {
  const log = await AuditLog.open();
  for (const inputText of ["find this", "and not that"]) {
    await log.record(interaction({ inputText }));
  }
  const records: OtelLogRecord[] = [];
  const logger = { emit: (record: OtelLogRecord) => void records.push(record) };
  const { count } = await exportEntries(log, logger, { text: "find", content: true });
  await log.close();
  assertEquals([count, records.length], [1, 1]);
});

const faults: [what: string, logger: unknown, options: unknown, path: string, says: RegExp][] = [
  ["no logger", undefined, {}, "logger", /logger must be a Logger of OpenTelemetry's/],
  ["a provider for a logger", { getLogger() {} }, {}, "logger", /logger must be a Logger/],
  ["options that are none", { emit() {} }, null, "", /the options must be an object/],
  [
    "an option that is not known",
    { emit() {} },
    { foo: 1 },
    "foo",
    /foo is not an option; known are/,
  ],
  [
    "an option written otherwise",
    { emit() {} },
    { Content: true },
    "Content",
    /did you mean content\?/,
  ],
  ["an order", { emit() {} }, { order: "desc" }, "order", /order is not an option/],
  [
    "no answer to a yes or no",
    { emit() {} },
    { content: "yes" },
    "content",
    /content must be true or false/,
  ],
  ["a limit that is none", { emit() {} }, { limit: -1 }, "limit", /limit must be an integer >= 0/],
  [
    "no list of names",
    { emit() {} },
    { attributes: "session" },
    "attributes",
    /must be an array of keys/,
  ],
];
for (const [what, logger, options, path, says] of faults) {
  test(`${what} is told as what it is`, async () => {
    const log = await AuditLog.open();
    await log.record(interaction());
    const error = await assertRejects(
      () => exportEntries(log, logger as OtelLogger, options as ExportOptions),
      AuditLogError,
    );
    assertEquals([error.code, error.path], ["INVALID_OPTION", path]);
    assert(
      /^Cannot export entries: /.test(error.message) && says.test(error.message),
      error.message,
    );
    await log.close();
  });
}

test("a log that is none is told as what it is", async () => {
  const error = await assertRejects(
    () => exportEntries({} as AuditLog, { emit() {} }),
    AuditLogError,
  );
  assertEquals([error.code, error.path], ["INVALID_OPTION", "log"]);
});

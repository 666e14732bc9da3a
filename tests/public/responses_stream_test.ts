// What a stream of OpenAI's responses brings in pieces is kept when it breaks off, whatever item it is of. The events are
// after OpenAI's API reference, "Streaming events" (https://platform.openai.com/docs/api-reference/responses-streaming).

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import { capturing, only } from "../support/captured.ts";
import { answering, eventBytes, post } from "../support/fetched.ts";

const BEGUN = { type: "response.created", response: { id: "r", status: "in_progress" } };

/** What is recorded of a stream that ends behind these events. */
async function brokenOff(...events: object[]) {
  const log = await AuditLog.open();
  const indexed = events.map((event) => ({ output_index: 0, ...event }));
  const body = eventBytes(BEGUN, ...indexed);
  const fetch = auditFetch(log, {
    fetch: answering(body, { "content-type": "text/event-stream" }),
  });
  const url = "https://llm.example/v1/responses";
  await (await fetch(url, post({ model: "m", input: "Hi", stream: true }))).text();
  const { outputText, metadata } = await only(log);
  await log.close();
  assertEquals(metadata["error.type"], "incomplete_stream");
  assertEquals(metadata["gen_ai.response.finish_reasons"], undefined);
  assert(typeof metadata["gen_ai.response.time_to_first_chunk"] === "number", "no first output");
  return JSON.parse(outputText)[0].parts[0];
}

function added(item: object): object {
  return { type: "response.output_item.added", item };
}

test("the code of an interpreter is kept as far as it came", async () => {
  const type = "response.code_interpreter_call_code.delta";
  const part = await brokenOff(
    added({ type: "code_interpreter_call", id: "c", code: "" }),
    { type, delta: "print(" },
    { type, delta: "4" },
  );
  assertEquals(part, { type: "code_interpreter_call", id: "c", code: "print(4" });
});

test("the arguments of an MCP call are kept as far as they came", async () => {
  const part = await brokenOff(
    added({ type: "mcp_call", id: "c", name: "find", arguments: "" }),
    { type: "response.mcp_call_arguments.delta", delta: '{"n":' },
  );
  assertEquals(part, { type: "mcp_call", id: "c", name: "find", arguments: '{"n":' });
});

test("the commands of a shell, and what it wrote, are kept as far as they came", async () => {
  const called = await brokenOff(
    added({ type: "shell_call", id: "c", action: { commands: [] } }),
    { type: "response.shell_call_command.added", command_index: 0, command: "" },
    { type: "response.shell_call_command.delta", command_index: 0, delta: "ls " },
    { type: "response.shell_call_command.delta", command_index: 0, delta: "-l" },
    { type: "response.shell_call_command.added", command_index: 1, command: "" },
    { type: "response.shell_call_command.done", command_index: 1, command: "pwd" },
    { type: "response.shell_call_command.delta", command_index: "__proto__", delta: "x" },
  );
  assertEquals(called.action, { commands: ["ls -l", "pwd"] });
  const type = "response.shell_call_output_content.delta";
  const answered = await brokenOff(
    added({ type: "shell_call_output", id: "o", output: [] }),
    { type, command_index: 0, delta: { stdout: "a", stderr: "e" } },
    { type, command_index: 0, delta: { stdout: "b" } },
    { type, command_index: 7, delta: { stdout: "nowhere" } },
  );
  assertEquals(answered.output, [{ stdout: "ab", stderr: "e" }]);
});

test("what a text cites is kept", async () => {
  const part = await brokenOff(
    added({ type: "message", content: [] }),
    {
      type: "response.content_part.added",
      content_index: 0,
      part: { type: "output_text", text: "" },
    },
    { type: "response.output_text.delta", content_index: 0, delta: "Paris" },
    {
      type: "response.output_text.annotation.added",
      content_index: 0,
      annotation_index: 0,
      annotation: { type: "url_citation", url: "https://h.example/" },
    },
  );
  assertEquals(part, {
    type: "text",
    content: "Paris",
    annotations: [{ type: "url_citation", url: "https://h.example/" }],
  });
});

test("an error that the stream tells of is known by its code", async (t) => {
  const { provider, log } = await capturing(t);
  provider.reply({ text: "Hello!", streamErrorAfter: 3 });
  const init = post({ model: "m", input: "Hi", stream: true });
  await (await auditFetch(log)(`${provider.url}/v1/responses`, init)).text();
  const { metadata } = await only(log);
  assertEquals([metadata["audit.outcome"], metadata["error.type"]], ["failed", "server_error"]);
});

// What is recorded of OpenAI's responses that are made in the background: of the call that asks for one, not of its retrieval.

import { assertEquals } from "@std/assert";
import type { Usage } from "@audit-log/llm";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { test, type TestContext } from "node:test";
import { all, API_KEY, capturing, only } from "../support/captured.ts";

// After OpenAI's API reference, "Responses", and its guide "Background mode"
// (https://platform.openai.com/docs/guides/background).
const QUEUED = {
  id: "resp_1",
  object: "response",
  created_at: 1_790_000_000,
  status: "queued",
  background: true,
  model: "gpt-5-2026-01-01",
  output: [],
  usage: null,
  error: null,
  incomplete_details: null,
};
const USAGE = { input_tokens: 9, output_tokens: 3, total_tokens: 12 };
const MESSAGE = {
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text: "Done.", annotations: [] }],
};
const COMPLETED = { ...QUEUED, status: "completed", output: [MESSAGE], usage: USAGE };
const EVENTS = [
  { type: "response.queued", sequence_number: 0, response: QUEUED },
  { type: "response.completed", sequence_number: 1, response: COMPLETED },
];

async function setUp(t: TestContext) {
  const { log } = await capturing(t);
  const priced: Usage[] = [];
  const client = auditOpenAI(
    new OpenAI({
      apiKey: API_KEY,
      fetch: (_input, init) => {
        if (String(init?.body).includes('"stream":true')) {
          const text = EVENTS.map((event) =>
            `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
          );
          const headers = { "content-type": "text/event-stream" };
          return Promise.resolve(new Response(text.join(""), { headers }));
        }
        return Promise.resolve(
          Response.json(init?.method?.toUpperCase() === "POST" ? QUEUED : COMPLETED),
        );
      },
    }),
    log,
    { cost: (usage) => (priced.push(usage), null) },
  );
  return { log, client, priced };
}

const asked = { model: "gpt-5", input: "Take your time.", background: true } as const;

test("a response in the background is recorded as queued, with its id; its retrieval passes", async (t) => {
  const { log, client, priced } = await setUp(t);
  const { id } = await client.responses.create(asked);
  assertEquals((await client.responses.retrieve(id)).output_text, "Done.");
  const { inputText, outputText, metadata } = await only(log);
  assertEquals([inputText, outputText], ["Take your time.", ""]);
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["queued"]);
  assertEquals(metadata["gen_ai.response.id"], id);
  assertEquals((metadata["request.parameters"] as Record<string, unknown>)["background"], true);
  assertEquals(priced, [{}]); // what it takes is not known
});

test("a response in the background that is read as a stream is recorded whole", async (t) => {
  const { log, client, priced } = await setUp(t);
  await all(await client.responses.create({ ...asked, stream: true }));
  const { outputText, metadata } = await only(log);
  assertEquals(outputText, "Done.");
  assertEquals(metadata["gen_ai.response.finish_reasons"], ["completed"]);
  assertEquals(priced, [{ inputTokens: 9, outputTokens: 3 }]);
});

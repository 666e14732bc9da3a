// What LangChain makes of answers that tell less than all, break, or are read twice: the real models, against a server on this machine.

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { auditCallbacks } from "@audit-log/llm/langchain";
import { ChatOpenAI, OpenAI } from "@langchain/openai";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, capturing, only, outcomes } from "../support/captured.ts";
import { eventBytes } from "../support/fetched.ts";
import { EVENT_STREAM } from "../support/gemini.ts";
import { observed } from "../support/observed.ts";

/** Chat models of both of OpenAI's APIs, whose calls cost something as soon as their usage is known. */
async function setUp(t: TestContext) {
  const captured = await capturing(t);
  const callbacks = [
    auditCallbacks(captured.log, {
      cost: ({ inputTokens, outputTokens }) =>
        inputTokens === undefined ? null : inputTokens + (outputTokens ?? 0),
    }),
  ];
  const modelOf = (useResponsesApi: boolean) =>
    new ChatOpenAI({
      model: "gpt-4o",
      apiKey: API_KEY,
      maxRetries: 0,
      useResponsesApi,
      configuration: { baseURL: `${captured.provider.url}/v1` },
      callbacks,
    });
  return { ...captured, callbacks, modelOf };
}

const APIS: [name: string, useResponsesApi: boolean][] = [
  ["chat completions", false],
  ["responses", true],
];

/** What the one entry says of tokens and of their cost. */
async function counted(log: AuditLog): Promise<Record<string, unknown>> {
  const entry = await only(log);
  return { ...about(entry, "gen_ai.usage."), costUsd: entry.costUsd };
}

for (const [name, useResponsesApi] of APIS) {
  test(`${name}: usage that the provider does not tell is not known, nor is its cost`, async (t) => {
    const { provider, log, modelOf } = await setUp(t);
    provider.reply({ text: "Hello!", usage: null });
    await modelOf(useResponsesApi).invoke("Hi");
    assertEquals(await counted(log), { costUsd: null });
  });

  test(`${name}: nor is that of a stream`, async (t) => {
    const { provider, log, modelOf } = await setUp(t);
    provider.reply({ text: ["Hel", "lo!"], usage: null });
    await all(await modelOf(useResponsesApi).stream("Hi"));
    assertEquals(await counted(log), { costUsd: null });
  });

  test(`${name}: usage that is told is priced, plain and by stream`, async (t) => {
    const { provider, log, modelOf } = await setUp(t);
    const usage = { input: 20, output: 9, cached: 0, reasoning: 0 };
    provider.reply({ usage }, { usage });
    await modelOf(useResponsesApi).invoke("Hi");
    await all(await modelOf(useResponsesApi).stream("Hi"));
    for (const entry of await log.query()) {
      const told = about(entry, "gen_ai.usage.");
      assertEquals([told["input_tokens"], told["output_tokens"], entry.costUsd], [20, 9, 29]);
      // Of some of the input, none is a count like any other.
      assertEquals([told["cache_read.input_tokens"], told["reasoning.output_tokens"]], [0, 0]);
    }
  });

  test(`${name}: an error in mid-stream is the caller's, and recorded with what came before`, async (t) => {
    const { provider, log, modelOf, callbacks } = await setUp(t);
    const model = modelOf(useResponsesApi);
    const read = async (handlers: typeof callbacks) => {
      provider.reply({
        text: ["Hel", "lo"],
        streamErrorAfter: useResponsesApi ? 5 : 2,
        error: "Out of order.",
      });
      model.callbacks = handlers;
      const texts: string[] = [];
      const error = await assertRejects(async () => {
        for await (const { text } of await model.stream("Hi")) texts.push(text);
      });
      return observed({ texts, error });
    };
    const bare = await read([]);
    assertEquals(await read(callbacks), bare);
    const entry = await only(log);
    assertEquals([entry.metadata["audit.outcome"], entry.outputText], ["failed", "Hel"]);
    assert(
      String(entry.metadata["error.message"]).includes("Out of order."),
      JSON.stringify(entry),
    );
  });

  test(`${name}: both branches of a stream have all of it, and it is one call`, async (t) => {
    const { log, modelOf } = await setUp(t);
    const [one, other] = (await modelOf(useResponsesApi).stream("Hi")).tee();
    const texts = async (branch: ReadableStream<{ text: string }>) =>
      (await all(branch as never as AsyncIterable<{ text: string }>)).map(({ text }) => text).join(
        "",
      );
    assertEquals(await Promise.all([texts(one!), texts(other!)]), ["Hello!", "Hello!"]);
    assertEquals(await outcomes(log), [["completed", "Hello!"]]);
  });
}

for (const streaming of [false, true]) {
  // After OpenAI's API reference, "Completions" (https://platform.openai.com/docs/api-reference/completions).
  test(`completed texts without usage have none, ${streaming ? "streamed" : "plain"}`, async (t) => {
    const { log, callbacks } = await setUp(t);
    const completion = {
      id: "cmpl-1",
      object: "text_completion",
      created: 1_790_000_000,
      model: "gpt-3.5-turbo-instruct:20230824-v2",
      choices: [{ text: " Paris.", index: 0, logprobs: null, finish_reason: "stop" }],
    };
    const fetch = () =>
      Promise.resolve(
        streaming
          ? new Response(eventBytes(completion, "[DONE]"), { headers: EVENT_STREAM })
          : Response.json(completion),
      );
    const model = new OpenAI({
      model: "gpt-3.5-turbo-instruct",
      apiKey: API_KEY,
      maxRetries: 0,
      configuration: { fetch },
      callbacks,
      streaming,
    });
    assertEquals(await model.invoke("The capital of France is"), " Paris.");
    assertEquals((await only(log)).outputText, " Paris.");
    assertEquals(await counted(log), { costUsd: null });
  });
}

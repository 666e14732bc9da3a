// Which clients of Anthropic's record, and that each request of theirs is recorded once.

import Anthropic, { type Middleware } from "@anthropic-ai/sdk";
import { assert, assertEquals, assertInstanceOf, assertRejects } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { test, type TestContext } from "node:test";
import { API_KEY, assertSameRequest, capturing, only, outcomes } from "../support/captured.ts";

const HI = {
  model: "claude-x",
  max_tokens: 64,
  messages: [{ role: "user" as const, content: "Hi" }],
};

/** A client for another platform, which turns requests as Google's does: its path names the model. */
class Elsewhere extends Anthropic {
  readonly _genAIProviderName = "gcp.vertex_ai";

  protected override backendMiddleware(): readonly Middleware[] {
    return [(request, next) => {
      const { model, ...body } = JSON.parse(request.body as string);
      const url = new URL(request.url);
      const verb = body.stream ? "streamRawPredict" : "rawPredict";
      url.pathname = `/v1/projects/p/publishers/anthropic/models/${model}:${verb}`;
      return next({ ...request, url: url.href, body: JSON.stringify(body) });
    }];
  }
}

async function setUp(t: TestContext) {
  const captured = await capturing(t);
  const options = { apiKey: API_KEY, baseURL: captured.provider.url, maxRetries: 1 };
  return { ...captured, options };
}

test("a client for another platform is recorded as it was asked, under that platform's name", async (t) => {
  const { provider, log, options } = await setUp(t);
  const plain = new Elsewhere(options);
  const client = auditAnthropic(plain, log);
  assertInstanceOf(client, Elsewhere);
  const reply = { text: "Hello!", model: "claude-y" };
  provider.reply(reply, reply, reply, reply);
  const wanted = await plain.messages.create(HI);
  assertEquals(await client.messages.create(HI), wanted);
  assertSameRequest(provider.requests);
  await client.messages.stream(HI).finalMessage();
  await client.withOptions({ maxRetries: 0 }).beta.messages.create(HI);
  assertEquals(
    provider.requests.map(({ path }) => path.split(":")[1]!.split("?")[0]),
    ["rawPredict", "rawPredict", "streamRawPredict", "rawPredict"],
  );
  assertEquals(await outcomes(log), Array(3).fill(["completed", "Hello!"]));
  for (const { model, inputText, metadata } of await log.query()) {
    assertEquals([model, inputText], ["claude-x", "Hi"]);
    assertEquals(metadata["gen_ai.provider.name"], "gcp.vertex_ai");
    assertEquals(metadata["gen_ai.response.model"], "claude-y");
  }
});

test("such a client's attempts are counted, and the option says whose it is", async (t) => {
  const { provider, log, options } = await setUp(t);
  const client = auditAnthropic(new Elsewhere(options), log, { provider: "aws.bedrock" });
  provider.reply({ status: 429, headers: { "retry-after-ms": "1" } });
  await client.messages.create(HI);
  assertEquals(
    (await log.query()).map(({ metadata }) => [
      metadata["gen_ai.provider.name"],
      metadata["audit.outcome"],
      metadata["attempt"],
    ]),
    [["aws.bedrock", "failed", 1], ["aws.bedrock", "completed", 2]],
  );
});

test("such a client, too, makes no call that cannot be recorded", async (t) => {
  const { provider, store, log, options } = await setUp(t);
  const client = auditAnthropic(new Elsewhere(options), log);
  store.full = true;
  assertInstanceOf(await assertRejects(() => client.messages.create(HI)), AuditLogError);
  assertEquals(provider.requests.length, 0);
  store.full = false;
});

test("a derived client with another fetch records what goes through it", async (t) => {
  const { provider, log, options } = await setUp(t);
  for (const Client of [Anthropic, Elsewhere]) {
    const client = auditAnthropic(new Client(options), log);
    let fetched = 0;
    const counting: typeof fetch = (...given) => {
      fetched++;
      return fetch(...given);
    };
    const derived = client.withOptions({ fetch: counting });
    await derived.messages.create(HI);
    await derived.withOptions({ timeout: 60_000 }).messages.create(HI);
    assertEquals(fetched, 2);
    await derived.withOptions({ fetch: undefined }).messages.create(HI);
    assertEquals(fetched, 2);
  }
  assertEquals([provider.requests.length, await log.count()], [6, 6]);
});

test("parse(), the tool runner and a middleware that asks twice are recorded once a request", async (t) => {
  const { provider, log, options } = await setUp(t);
  const client = auditAnthropic(new Anthropic(options), log);
  provider.reply({ text: '{"city":"Oslo"}' });
  const format = {
    type: "json_schema" as const,
    schema: { type: "object", properties: { city: { type: "string" } } },
  };
  await client.messages.parse({ ...HI, output_config: { format } });
  const first = await only(log);
  assertEquals(first.outputText, '{"city":"Oslo"}');
  assert("output_config" in (first.metadata["request.parameters"] as object));

  provider.reply({ toolCalls: [{ id: "t1", name: "weather", arguments: '{"city":"Oslo"}' }] });
  const runner = client.beta.messages.toolRunner({
    ...HI,
    tools: [{
      type: "custom" as const,
      name: "weather",
      description: "The weather in a city.",
      input_schema: { type: "object" as const },
      run: () => "rain",
      parse: (input: unknown) => input,
    }],
  });
  await runner;
  const last = (await log.query()).at(-1)!;
  assertEquals(JSON.parse(last.inputText).messages.at(-1).parts, [
    { type: "tool_call_response", id: "t1", response: "rain" },
  ]);
  assertEquals([provider.requests.length, await log.count()], [3, 3]);

  const asksTwice: Middleware = async (request, next) => {
    await (await next(request)).body?.cancel();
    return await next(request);
  };
  await client.withOptions({ middleware: [asksTwice] }).messages.create(HI);
  assertEquals([provider.requests.length, await log.count()], [5, 5]);
});

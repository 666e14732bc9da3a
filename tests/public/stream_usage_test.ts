// The option streamUsage: streams are asked for their usage, and whoever reads them sees nothing of it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { AuditLogError } from "@audit-log/llm";
import { auditFetch, type AuditFetchOptions, type Fetch } from "@audit-log/llm/fetch";
import { auditOpenAI, type AuditOpenAIOptions } from "@audit-log/llm/openai";
import nodeFetch from "node-fetch";
import OpenAI, { BadRequestError } from "openai";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, capturing, only, outcomes } from "../support/captured.ts";
import { eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";
import { Gate, type Reply } from "../support/providers/server.ts";

const HI = { model: "gpt-4o", messages: [{ role: "user" as const, content: "Hi" }] };
const STREAM = { ...HI, stream: true } as const;
const CHAT = "https://llm.example/v1/chat/completions";
const USAGE = { "usage.input_tokens": 11, "usage.output_tokens": 7 };

async function setUp(t: TestContext, options: AuditOpenAIOptions = { streamUsage: true }) {
  const captured = await capturing(t);
  const plain = new OpenAI({
    apiKey: API_KEY,
    baseURL: `${captured.provider.url}/v1`,
    maxRetries: 0,
  });
  return { ...captured, plain, client: auditOpenAI(plain, captured.log, options) };
}

/** What is recorded of the tokens of the one call. */
async function usageIn(log: Parameters<typeof only>[0]): Promise<unknown> {
  const { "usage.input_tokens": input, "usage.output_tokens": output } = about(
    await only(log),
    "gen_ai.",
  );
  return { "usage.input_tokens": input, "usage.output_tokens": output };
}

const ways: Readonly<Record<string, (client: OpenAI) => Promise<unknown>>> = {
  "for await": async (client) => await all(await client.chat.completions.create(STREAM)),
  "tee()": async (client) => {
    const [one, other] = (await client.chat.completions.create(STREAM)).tee();
    return [await all(one), await all(other)];
  },
  "toReadableStream()": async (client) => {
    const stream = await client.chat.completions.create(STREAM);
    return await new Response(stream.toReadableStream()).text();
  },
  "withResponse()": async (client) => {
    const { data, response, request_id } = await client.chat.completions.create(STREAM)
      .withResponse();
    return [await all(data), response.status, response.headers.get("content-type"), request_id];
  },
  "asResponse()": async (client) =>
    await (await client.chat.completions.create(STREAM).asResponse()).text(),
  "stream()": async (client) => {
    const runner = client.chat.completions.stream(HI);
    const chunks = await all(runner);
    return [chunks, await runner.finalChatCompletion()];
  },
  "runTools()": async (client) => {
    const runner = client.chat.completions.runTools({ ...STREAM, tools: [] });
    const chunks = await all(runner);
    return [chunks, await runner.finalChatCompletion()];
  },
};
const replies: Readonly<Record<string, Reply>> = {
  "a text": { text: ["Grüß", " Gott", ' 😀 "usage":null,'], splitBytes: 7 },
  "tool calls": {
    toolCalls: [{ id: "c1", name: "weather", arguments: ['{"usage":null,"ci', 'ty":"Oslo"}'] }],
  },
};
for (const [way, read] of Object.entries(ways)) {
  for (const [what, reply] of Object.entries(replies)) {
    // It would ask again with what the tools answered.
    if (way === "runTools()" && reply.toolCalls !== undefined) continue;
    test(`usage of a stream is recorded, and not seen by ${way}, of ${what}`, async (t) => {
      const { provider, log, plain, client } = await setUp(t);
      provider.reply(reply, reply);
      const wanted = await read(plain);
      assertEquals(await read(client), wanted);
      assertEquals(await usageIn(log), USAGE);
      assertEquals((await only(log)).metadata["audit.outcome"], "completed");
      const [alone, asked] = provider.requests;
      assertEquals(asked!.body, { ...alone!.body, stream_options: { include_usage: true } });
      const { "request.parameters": parameters } = (await only(log)).metadata;
      assertEquals(parameters, {
        stream: true,
        stream_options: { include_usage: true },
        ...(way === "runTools()" ? { tool_choice: "auto" } : {}),
      });
    });
  }
}

test("a stream whose usage is asked for comes chunk for chunk, and costs what its usage costs", async (t) => {
  const cost: AuditOpenAIOptions["cost"] = ({ inputTokens, outputTokens }) =>
    inputTokens! + outputTokens!;
  const { provider, log, client } = await setUp(t, { streamUsage: true, cost });
  const gate = new Gate();
  provider.reply({ text: ["One", " two"], gate });
  gate.release();
  let chunks = 0;
  for await (const { choices, ...others } of await client.chat.completions.create(STREAM)) {
    assertEquals([choices.length, "usage" in others], [1, false]);
    chunks++;
    gate.release();
    // Behind the last comes what nobody sees.
    if (choices[0]!.finish_reason !== null) gate.release();
  }
  assertEquals(chunks, 4);
  assertEquals((await only(log)).costUsd, 18);
});

const untouched: [string, AuditOpenAIOptions, object][] = [
  ["says that it wants it", { streamUsage: true }, {
    ...STREAM,
    stream_options: { include_usage: true },
  }],
  ["says that it does not", { streamUsage: true }, {
    ...STREAM,
    stream_options: { include_usage: false },
  }],
  ["has no options but others' form", { streamUsage: true }, { ...STREAM, stream_options: ["x"] }],
  ["asks for no stream", { streamUsage: true }, HI],
  ["is made by a client without the option", {}, STREAM],
  ["is made by a client with the option off", { streamUsage: false }, STREAM],
];
for (const [what, options, request] of untouched) {
  test(`a request that ${what} is sent as it is, and its answer seen as it comes`, async (t) => {
    const { provider, plain, client } = await setUp(t, options);
    const read = async (by: OpenAI): Promise<string> =>
      await (await by.chat.completions.create(request as typeof STREAM).asResponse()).text();
    assertEquals(await read(client), await read(plain));
    assertEquals(provider.requests[0]!.body, provider.requests[1]!.body);
  });
}

test("other options of the stream stay, and numbers that JavaScript would round", async (t) => {
  const { provider, fetch } = await fetched(t, { streamUsage: true });
  const body = '{"model":"m","stream":true,"messages":[],"seed":12345678901234567890,"t":1.0,' +
    '"stream_options":{"include_obfuscation":false,"include_usage":null}}';
  const sent: unknown[] = [];
  const beneath: Fetch = (input, init) => {
    sent.push(init?.body);
    return globalThis.fetch(input, init);
  };
  const told = auditFetch(await fetched(t).then(({ log }) => log), {
    streamUsage: true,
    fetch: beneath,
  });
  const url = `${provider.url}/v1/chat/completions`;
  await (await told(url, { method: "POST", body })).text();
  assertEquals(sent, [body.replace('"include_usage":null', '"include_usage":true')]);
  await (await fetch(url, { method: "POST", body: new Blob([body]) })).text();
  assertEquals(provider.requests[1]!.body["stream_options"], {
    include_obfuscation: false,
    include_usage: null,
  });
});

const aboutBody: [string, Record<string, string>][] = [
  ["its length", { "content-length": "72" }],
  ["its digest", { "content-digest": "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:" }],
  ["a signature", { authorization: "AWS4-HMAC-SHA256 Credential=a/b, Signature=c" }],
];
for (const [what, headers] of aboutBody) {
  test(`a request whose headers have ${what} is sent as it is`, async (t) => {
    let sent: unknown;
    const beneath: Fetch = (_, init) => {
      sent = init?.body;
      return Promise.resolve(new Response(eventBytes("[DONE]")));
    };
    const { fetch } = await fetched(t, { streamUsage: true, fetch: beneath });
    const body = JSON.stringify(STREAM);
    await (await fetch(CHAT, { method: "POST", headers, body })).text();
    assertEquals(sent, body);
  });
}

test("a provider that refuses to be asked is the caller's to see", async (t) => {
  const { provider, log, client } = await setUp(t);
  provider.reply({ status: 400, error: "Unrecognized request argument: stream_options" });
  await assertRejects(() => client.chat.completions.create(STREAM), BadRequestError);
  assertEquals(await outcomes(log), [["failed", ""]]);
  assertEquals(provider.requests.length, 1);
});

test("clients derived of one that asks for usage ask for it, and responses are not asked", async (t) => {
  const { provider, log, client } = await setUp(t);
  await all(
    await client.withOptions({ timeout: 5000 }).chat.completions.create(STREAM),
  );
  assertEquals(await usageIn(log), USAGE);
  await all(await client.responses.create({ model: "gpt-4o", input: "Hi", stream: true }));
  assertEquals(provider.requests[1]!.body["stream_options"], undefined);
});

test("legacy completions are asked for their usage", async (t) => {
  let sent: unknown;
  const beneath: Fetch = (_, init) => {
    sent = init?.body;
    return Promise.resolve(
      new Response(
        eventBytes(
          { choices: [{ index: 0, text: "Paris", finish_reason: "stop" }], usage: null },
          { choices: [], usage: { prompt_tokens: 11, completion_tokens: 7 } },
          "[DONE]",
        ),
      ),
    );
  };
  const { log, fetch } = await fetched(t, { streamUsage: true, fetch: beneath });
  const body = JSON.stringify({ model: "m", prompt: "Hi", stream: true });
  const text = await (await fetch("https://llm.example/v1/completions", { method: "POST", body }))
    .text();
  assertEquals(
    new TextEncoder().encode(text),
    eventBytes({ choices: [{ index: 0, text: "Paris", finish_reason: "stop" }] }, "[DONE]"),
  );
  assertEquals(JSON.parse(sent as string).stream_options, { include_usage: true });
  assertEquals(await usageIn(log), USAGE);
});

test("a stream that its usage was left out of is not said to be as long as it was", async (t) => {
  const events = eventBytes(
    { choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: "stop" }], usage: null },
    { choices: [], usage: { prompt_tokens: 11, completion_tokens: 7 } },
    "[DONE]",
  );
  const headers = { "content-type": "text/event-stream", "content-length": `${events.length}` };
  const beneath: Fetch = () => Promise.resolve(new Response(events, { headers }));
  const { log, fetch } = await fetched(t, { streamUsage: true, fetch: beneath });
  const response = await fetch(CHAT, post({ ...QUESTION, stream: true }));
  for (const one of [response.clone(), response]) {
    assertEquals([...one.headers.keys()], ["content-type"]);
    assertEquals((await one.text()).includes("usage"), false);
  }
  assertEquals(await usageIn(log), USAGE);
});

test("another package's response passes without usage where its body is a stream of the platform's", async (t) => {
  const events = eventBytes(
    { choices: [{ index: 0, delta: { content: "Hi" }, finish_reason: "stop" }] },
    { choices: [], usage: { prompt_tokens: 11, completion_tokens: 7 } },
    "[DONE]",
  );
  const given = { ok: true, status: 200, body: new Response(events).body };
  const { log, fetch } = await fetched(t, {
    streamUsage: true,
    fetch: () => Promise.resolve(given as Response),
  });
  const { body } = await fetch(CHAT, post({ ...QUESTION, stream: true }));
  const text = await new Response(body).text();
  assertEquals([text.includes("Hi"), text.includes("usage")], [true, false]);
  assertEquals(await usageIn(log), USAGE);
});

test("node-fetch's streams pass as they are, and their usage is recorded", async (t) => {
  const { provider, log } = await setUp(t);
  const fetch = nodeFetch as unknown as AuditFetchOptions["fetch"];
  const plain = new OpenAI({ apiKey: API_KEY, baseURL: `${provider.url}/v1`, fetch });
  const chunks = await all(
    await auditOpenAI(plain, log, { streamUsage: true }).chat.completions.create(STREAM),
  );
  assertEquals(chunks.at(-1)!.choices, []);
  while (await log.count() === 0) await new Promise((resolve) => setTimeout(resolve));
  assertEquals(await usageIn(log), USAGE);
});

test("an option that is no boolean is refused", async (t) => {
  const { log, plain } = await setUp(t);
  const error = assertThrows(
    () => auditOpenAI(plain, log, { streamUsage: "yes" as never }),
    AuditLogError,
  );
  assert(error instanceof AuditLogError);
  assertEquals([error.code, error.path], ["INVALID_OPTION", "streamUsage"]);
});

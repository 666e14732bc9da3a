// What a hostile provider sends harms neither the process nor the caller.

import { assertEquals } from "@std/assert";
import { type AuditEntry, AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import { test, type TestContext } from "node:test";
import { post, QUESTION } from "../support/fetched.ts";
import { atEnd } from "../support/temp.ts";

/** What all objects have before anything came. */
const DEFAULTS = Object.getOwnPropertyNames(Object.prototype);

const sse = (...events: object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
const delta = (content_index: unknown) => ({
  type: "response.output_text.delta",
  output_index: 0,
  content_index,
  delta: "POLLUTED",
});
const item = (content: unknown) => ({
  type: "response.output_item.added",
  output_index: 0,
  item: { type: "message", content },
});
const hole = [
  { type: "response.output_item.added", output_index: 0, item: { type: "reasoning" } },
  { type: "response.reasoning_summary_part.added", output_index: 0, summary_index: 5, part: {} },
];

for (
  const text of [sse(item({}), delta("__proto__")), sse(item([]), delta("__proto__")), sse(...hole)]
) {
  test(`a stream is passed on whole and pollutes nothing: ${text.slice(0, 90)}`, async (t) => {
    const log = await AuditLog.open();
    atEnd(t, () => log.close());
    const headers = { "content-type": "text/event-stream" };
    const fetch = auditFetch(log, {
      fetch: () => Promise.resolve(new Response(text, { headers })),
    });
    const response = await fetch(
      "https://api.openai.com/v1/responses",
      post({ model: "m", input: "Hi" }),
    );
    assertEquals(await response.text(), text);
    assertEquals([({} as { text?: unknown }).text, ([] as { text?: unknown }).text], [
      undefined,
      undefined,
    ]);
    assertEquals(await log.count(), 1);
  });
}

test("an error that is null is the caller's to read", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const fetch = auditFetch(log, {
    fetch: () => Promise.resolve(Response.json({ error: null }, { status: 400 })),
  });
  const response = await fetch("https://api.openai.com/v1/chat/completions", post(QUESTION));
  assertEquals(await response.json(), { error: null });
  assertEquals((await log.query())[0]!.metadata["audit.outcome"], "failed");
});

/** What is recorded of an answer, once its caller has read all of it. */
async function recorded(
  t: TestContext,
  path: string,
  body: BodyInit,
  type = "text/event-stream",
  request: object = { ...QUESTION, input: "Hi", prompt: "Hi" },
): Promise<AuditEntry> {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const answer = new Response(body, { headers: { "content-type": type } });
  const sent = typeof body === "string" ? body : undefined;
  const fetch = auditFetch(log, { fetch: () => Promise.resolve(answer) });
  const response = await fetch(`https://llm.example/v1/${path}`, post(request));
  const text = await response.text();
  if (sent !== undefined) assertEquals(text === sent, true);
  const entries = await log.query();
  assertEquals(entries.length, 1);
  return entries[0]!;
}

const MODEL_OUTPUT = { event_type: "step.start", index: 0, step: { type: "model_output" } };
const INTERACTIONS = "v1beta/interactions";
const GEMINI = "models/gemini:streamGenerateContent";
const WHOLE = "application/json";
const PIECES = "text/event-stream";
/** How each is answered: whole, in pieces or in either way. */
const PATHS: [path: string, types: string[]][] = [
  ["chat/completions", [WHOLE, PIECES]],
  ["responses", [WHOLE, PIECES]],
  ["messages", [WHOLE, PIECES]],
  ["embeddings", [WHOLE]],
  ["completions", [WHOLE, PIECES]],
  [GEMINI, [PIECES]],
  ["models/gemini:generateContent", [WHOLE]],
  ["models/gemini:embedContent", [WHOLE]],
  [INTERACTIONS, [WHOLE, PIECES]],
];
const deep = '{"a":['.repeat(50_000) + "]}".repeat(50_000);
const hollow = (inner: string): string =>
  `{"choices":[{"index":0,"message":{"content":"x","annotations":[${inner}],"tool_calls":[{"function":{"name":${inner}}}]},` +
  `"delta":{"content":"x"},"text":"x","finish_reason":"stop"}],"content":[{"type":"text","text":"x","more":${inner}}],` +
  `"output":[{"type":"message","content":[{"type":"output_text","text":"x","more":${inner}}]}],"data":[{"embedding":${inner}}],` +
  `"item":${inner},"content_block":${inner},"delta":${inner},"usage":${inner},"id":${inner},"model":${inner},"error":null}`;

const hollowGemini = (inner: string): string =>
  `{"candidates":[{"content":{"parts":[{"text":"x","more":${inner}},{"functionCall":{"name":${inner},"args":${inner}}},{"more":${inner}}]},` +
  `"finishReason":"STOP","groundingMetadata":${inner}}],"usageMetadata":${inner},"promptFeedback":${inner},"embeddings":[{"values":${inner}}]}`;
const hollowSteps = (inner: string): string =>
  `{"event_type":"interaction.created","interaction":${inner},"steps":[{"type":"model_output","content":[{"type":"text","more":${inner}}]},` +
  `{"type":"thought","summary":[${inner}]},{"type":"function_call","arguments":${inner}}],"usage":${inner},"status":${inner}}`;

/** An answer of each kind with something in all its places. */
function filled(path: string, inner: string): string {
  if (path === INTERACTIONS) return hollowSteps(inner);
  return path.startsWith("models/") ? hollowGemini(inner) : hollow(inner);
}

for (const [path, types] of PATHS) {
  test(`an answer that is nested 100,000 levels deep is recorded: ${path}`, async (t) => {
    const answer = (text: string, type: string) =>
      recorded(t, path, type === WHOLE ? text : `data: ${text}\n\n`, type);
    for (const type of [WHOLE, PIECES]) await answer(deep, type);
    // Megabytes, which take long to read: they come only as this provider sends them.
    for (const type of types) await answer(filled(path, deep), type);
  });

  test(`names that all objects have are names as others: ${path}`, async (t) => {
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty", "toJSON"]) {
      const value = `{"${name}":{"${name}":"POLLUTED"}}`;
      await recorded(t, path, filled(path, value), "application/json");
      const typed = (type: string) =>
        `event: ${type}\ndata: {"type":"${type}","index":"${name}","output_index":"${name}","message":${value},` +
        `"response":${value},"item":${value},"content_block":${value},"delta":{"type":"${name}","${name}":"POLLUTED"},` +
        `"interaction":${value},"step":${value},"usageMetadata":${value},"candidates":[{"index":"${name}","${name}":${value},` +
        `"content":{"parts":[{"${name}":${value}},{"text":"x","${name}":${value}},{"text":"x","${name}":${value}}]}}],` +
        `"usage":${value},"choices":[{"index":"${name}","delta":{"${name}":"POLLUTED","tool_calls":[{"index":"${name}"}]}}]}\n\n`;
      const types = [
        name,
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "response.created",
        "response.output_item.added",
        "interaction.created",
        "step.start",
        "step.delta",
        "interaction.status_update",
      ];
      await recorded(t, path, types.map(typed).join(""));
    }
    for (const shared of [{}, [], "", () => {}]) {
      assertEquals(Object.keys(Object.getPrototypeOf(shared)), []);
      assertEquals((shared as { POLLUTED?: unknown }).POLLUTED, undefined);
    }
  });
}

test("a line that cannot be read as a piece of an answer is left out, as an event is", async (t) => {
  const delta = { event_type: "step.delta", delta: { type: "text", text: "Hi" } };
  const bad = { ...delta, index: { toString: 1, valueOf: 1 } };
  const events = [MODEL_OUTPUT, delta, bad];
  for (const body of [events.map((one) => `${JSON.stringify(one)}\n`).join(""), sse(...events)]) {
    const { outputText } = await recorded(t, INTERACTIONS, body);
    assertEquals(outputText, "Hi");
  }
});

test("nothing was added to what all objects share", () => {
  assertEquals(Object.getOwnPropertyNames(Object.prototype), DEFAULTS);
});

test("usage that is no count is not recorded", async (t) => {
  for (const value of [-5, "12", 1.5, 1e300, [3], { toString: 1 }, null, true]) {
    const usage = {
      prompt_tokens: value,
      completion_tokens: value,
      input_tokens: value,
      output_tokens: value,
      prompt_tokens_details: { cached_tokens: value },
      input_tokens_details: value,
      cache_read_input_tokens: value,
    };
    for (const path of ["chat/completions", "responses", "messages"]) {
      const { metadata } = await recorded(t, path, JSON.stringify({ usage }), "application/json");
      assertEquals(Object.keys(metadata).filter((key) => key.startsWith("gen_ai.usage")), []);
    }
  }
  const usage = { input_tokens: 10, cache_read_input_tokens: -8, output_tokens: 1 };
  const { metadata } = await recorded(t, "messages", JSON.stringify({ usage }), "application/json");
  assertEquals(metadata["gen_ai.usage.input_tokens"], 10);
});

test("places that are far apart take no room between them", async (t) => {
  const choice = {
    index: 1e9,
    delta: { tool_calls: [{ index: 2 ** 40, function: { name: "f" } }] },
  };
  const chat = await recorded(t, "chat/completions", sse({ choices: [choice] }));
  assertEquals(JSON.parse(chat.outputText)[0].parts.length, 1);
  const block = { type: "content_block_start", index: 1e9, content_block: { type: "x" } };
  const message = await recorded(t, "messages", sse(block));
  assertEquals(JSON.parse(message.outputText)[0].parts, [{ type: "x" }]);
  const item = { type: "response.output_item.added", output_index: 1e9, item: { type: "x" } };
  const response = await recorded(t, "responses", sse(item));
  assertEquals(JSON.parse(response.outputText)[0].parts, [{ type: "x" }]);
});

/** So many that what takes a time by their square does not come to an end. */
const MANY = 100_000;
const lots: [what: string, path: string, event: (n: number) => object, parts: number][] = [
  ["tool calls", "chat/completions", (index) => ({
    choices: [{ index: 0, delta: { tool_calls: [{ index }] } }],
  }), MANY],
  ["parts", "responses", (n) =>
    n === 0 ? item([]) : {
      type: "response.content_part.added",
      output_index: 0,
      content_index: n - 1,
      part: { type: "output_text", text: "" },
    }, MANY - 1],
  ["blocks", "messages", (index) => ({
    type: "content_block_start",
    index,
    content_block: { type: "x" },
  }), MANY],
  ["details that nobody knows", "chat/completions", (index) => ({
    choices: [{ delta: { content: "x", details: [{ index, text: "x" }, "y"], said: "z" } }],
  }), 1],
  ["parts of Gemini's", GEMINI, () => ({
    candidates: [{ content: { parts: [{ executableCode: { code: "x" } }] } }],
  }), MANY],
  ["steps", INTERACTIONS, (index) => ({
    event_type: "step.start",
    index,
    step: { type: "x" },
  }), MANY],
  ["contents of a step", INTERACTIONS, (n) =>
    n === 0 ? MODEL_OUTPUT : {
      event_type: "step.delta",
      index: 0,
      delta: { type: "image", uri: "x" },
    }, MANY - 1],
  [
    "texts of a step, each with what is cited",
    INTERACTIONS,
    (n) =>
      n === 0 ? MODEL_OUTPUT : {
        event_type: "step.delta",
        index: 0,
        delta: n % 2 === 0
          ? { type: "text", text: "x" }
          : { type: "text_annotation_delta", annotations: [{ n }] },
      },
    1,
  ],
  ["arguments in pieces", GEMINI, () => ({
    candidates: [{
      content: {
        parts: [{
          functionCall: {
            willContinue: true,
            partialArgs: [{ jsonPath: "$.x", stringValue: "y" }],
          },
        }],
      },
      groundingMetadata: { groundingChunks: [{ web: { uri: "x" } }] },
    }],
  }), 1],
];
for (const [what, path, event, parts] of lots) {
  test(`an answer of ${MANY} ${what} is recorded whole`, async (t) => {
    const events = Array.from({ length: MANY }, (_, n) => event(n));
    const { outputText } = await recorded(t, path, events.map((one) => sse(one)).join(""));
    assertEquals(JSON.parse(outputText)[0].parts.length, parts);
  });
}

test("a million events in one piece pass, and lines that never end", async (t) => {
  const tiny = await recorded(t, "chat/completions", "data: 1\n\n".repeat(1e6));
  assertEquals(tiny.metadata["error.type"], "incomplete_stream");
  await recorded(t, "chat/completions", "\n".repeat(1e6));
  await recorded(
    t,
    "messages",
    Array.from({ length: 20_000 }, (_, n) =>
      sse({
        type: "message_delta",
        delta: { [`k${n}`]: n },
        usage: { [`u${n}`]: n },
      })).join(""),
  );
});

test("what is longer than is kept passes on, and is recorded without it", async (t) => {
  const choices = [{ index: 0, delta: { content: "Paris" }, finish_reason: "stop" }];
  for (
    const [first, output, noted] of [
      [sse({ choices }), "Paris", { "stream.too_long_events": 1 }],
      ["", "x".repeat(1024 * 1024), { "stream.too_long_events": 1, "stream.truncated": true }],
    ] as const
  ) {
    let sent = 0;
    const [head, piece] = [first, "x".repeat(1024 * 1024)].map((text) =>
      new TextEncoder().encode(text)
    );
    const log = await AuditLog.open();
    atEnd(t, () => log.close());
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(head!),
      pull(controller) {
        if (sent++ < 40) controller.enqueue(piece!.slice());
        else controller.close();
      },
    });
    const answer = new Response(body, { headers: { "content-type": "text/event-stream" } });
    const fetch = auditFetch(log, { fetch: () => Promise.resolve(answer) });
    let length = 0;
    const response = await fetch("https://llm.example/v1/chat/completions", post(QUESTION));
    for await (const { byteLength } of response.body!) length += byteLength;
    assertEquals(length, head!.length + 40 * piece!.length);
    const [entry] = await log.query();
    assertEquals(entry!.outputText === output, true, entry!.outputText.slice(0, 100));
    const { metadata } = entry!;
    const keys = ["stream.too_long_events", "stream.truncated"];
    assertEquals(
      Object.fromEntries(keys.flatMap((key) => key in metadata ? [[key, metadata[key]]] : [])),
      noted,
    );
  }
});

test("an event that comes byte for byte is read in a time that grows as it does", async (t) => {
  const content = "x".repeat(40_000);
  const choices = [{ index: 0, delta: { content }, finish_reason: "stop" }];
  for (const [type, text] of [["text/event-stream", sse({ choices })], ["", content]]) {
    const bytes = new TextEncoder().encode(text);
    let at = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (at < bytes.length) controller.enqueue(bytes.slice(at, ++at));
        else controller.close();
      },
    });
    const { outputText } = await recorded(t, "chat/completions", body, type);
    assertEquals(outputText === content, true);
  }
});

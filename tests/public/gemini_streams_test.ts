// What is recorded of Gemini's answers that come piece by piece.

import { assertEquals } from "@std/assert";
import { auditFetch } from "@audit-log/llm/fetch";
import { test } from "node:test";
import { about, only, outcomes } from "../support/captured.ts";
import { answering, eventBytes, fetched, post } from "../support/fetched.ts";
import { ASKED, chunk, EVENT_STREAM, FINISH, HOST, MODEL, STREAM } from "../support/gemini.ts";

test("a text stays the text that it is, whatever is signed or told beside it", async (t) => {
  const groundingMetadata = (uri: string) => ({ groundingChunks: [{ web: { uri } }] });
  const chunks = [
    {
      candidates: [{
        content: { parts: [{ text: "Par" }] },
        groundingMetadata: groundingMetadata("a"),
      }],
    },
    {
      candidates: [{
        content: { parts: [{ text: "is." }] },
        groundingMetadata: groundingMetadata("a"),
      }],
    },
    {
      candidates: [{
        content: { parts: [{ text: "", thoughtSignature: "c2ln" }] },
        finishReason: "STOP",
        groundingMetadata: groundingMetadata("b"),
      }],
    },
  ];
  const { log, fetch } = await fetched(t, {
    fetch: answering(eventBytes(...chunks), EVENT_STREAM),
  });
  await (await fetch(STREAM, post(ASKED))).text();
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.output.format"]], ["Paris.", "text"]);
  assertEquals(about(await only(log), "gemini.response."), {
    thought_signatures: ["c2ln"],
    candidates: [{
      groundingMetadata: { groundingChunks: [{ web: { uri: "a" } }, { web: { uri: "b" } }] },
    }],
  });
});

test("arguments that come piece by piece are put together", async (t) => {
  const call = (functionCall: object): object => chunk({ functionCall });
  const piece = (...partialArgs: object[]): object => call({ partialArgs, willContinue: true });
  const chunks = [
    call({ name: "weather", id: "c1", willContinue: true }),
    piece({ jsonPath: "$.city", stringValue: "Os", willContinue: true }),
    // What else comes meanwhile ends no call.
    chunk({ text: "Well.", functionCall: null }),
    chunk({ executableCode: { code: "x" } }),
    piece({ jsonPath: "$.city", stringValue: "lo" }, { jsonPath: "$.days[0]", numberValue: 2 }),
    piece({ jsonPath: "$.exact", boolValue: false }, {
      jsonPath: "$.unit",
      nullValue: "NULL_VALUE",
    }),
    call({}),
    call({ name: "time", args: {} }),
    FINISH,
  ];
  const { log, fetch } = await fetched(t, {
    fetch: answering(eventBytes(...chunks), EVENT_STREAM),
  });
  await (await fetch(STREAM, post(ASKED))).text();
  const [{ parts }] = JSON.parse((await only(log)).outputText);
  assertEquals(parts, [
    {
      type: "tool_call",
      id: "c1",
      name: "weather",
      arguments: { city: "Oslo", "days[0]": 2, exact: false, unit: null },
    },
    { type: "text", content: "Well." },
    { type: "executableCode", code: "x" },
    { type: "tool_call", name: "time", arguments: {} },
  ]);
});

test("a stream that comes as a list is recorded as one of events is", async (t) => {
  const list = [chunk({ text: "Hel" }), chunk({ text: "lo!" }), FINISH];
  for (
    const [body, outcome] of [
      [JSON.stringify(list, null, 2), ["completed", "Hello!"]],
      [JSON.stringify(list), ["completed", "Hello!"]],
      ['[{"half', ["failed", '[{"half']],
    ] as const
  ) {
    const { log, fetch } = await fetched(t, { fetch: answering(body) });
    await (await fetch(STREAM.replace("?alt=sse", ""), post(ASKED))).text();
    assertEquals(await outcomes(log), [[...outcome]]);
  }
});

test("a stream without the reason that ends it is incomplete", async (t) => {
  const events = eventBytes(chunk({ text: "Hel" }));
  const { log, fetch } = await fetched(t, { fetch: answering(events, EVENT_STREAM) });
  await (await fetch(STREAM, post(ASKED))).text();
  assertEquals(await outcomes(log), [["failed", "Hel"]]);
  assertEquals((await only(log)).metadata["error.type"], "incomplete_stream");
});

test("an error that is told in the middle of a stream without being an event ends it", async (t) => {
  const error = { code: 503, message: "The model is overloaded.", status: "UNAVAILABLE" };
  const told = JSON.stringify({ error }, null, 2);
  const events = eventBytes(chunk({ text: "Hel" }));
  const begun = new TextEncoder().encode('data: {"candidates":');
  for (
    const [pieces, type] of [
      [[events, new TextEncoder().encode(told)], "UNAVAILABLE"],
      // Part of an event.
      [[events, begun, new TextEncoder().encode(told)], "incomplete_stream"],
    ] as const
  ) {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        controller.close();
      },
    });
    const { log, fetch } = await fetched(t, { fetch: answering(body, EVENT_STREAM) });
    await (await fetch(STREAM, post(ASKED))).text();
    assertEquals(await outcomes(log), [["failed", "Hel"]]);
    assertEquals((await only(log)).metadata["error.type"], type);
  }
});

test("log probabilities are not recorded, of streams neither", async (t) => {
  const candidate = {
    content: { parts: [{ text: "Hi" }] },
    finishReason: "STOP",
    avgLogprobs: -0.1,
    logprobsResult: { chosenCandidates: [{ token: "Hi", logProbability: -0.1 }] },
  };
  const whole = { candidates: [candidate] };
  const { log } = await fetched(t);
  for (
    const fetch of [answering(JSON.stringify(whole)), answering(eventBytes(whole), EVENT_STREAM)]
  ) {
    await (await auditFetch(log, { fetch })(STREAM, post(ASKED))).text();
  }
  for (const { outputText, metadata } of await log.query()) {
    assertEquals([outputText, metadata["gemini.response.candidates"]], ["Hi", undefined]);
  }
});

test("of texts that are signed each by itself, no signature is lost", async (t) => {
  const chunks = ["a", "b"].map((thoughtSignature) => chunk({ text: "Hi", thoughtSignature }));
  const { log, fetch } = await fetched(t, {
    fetch: answering(eventBytes(...chunks, FINISH), EVENT_STREAM),
  });
  await (await fetch(STREAM, post(ASKED))).text();
  const { outputText, metadata } = await only(log);
  assertEquals(JSON.parse(outputText)[0].parts.length, 2);
  assertEquals(metadata["gemini.response.thought_signatures"], ["a", "b"]);
});

test("an interaction is complete with the event that says so, and not without it", async (t) => {
  const interaction = { id: "i", status: "completed" };
  const events = [
    { event_type: "interaction.created", interaction: { id: "i", status: "in_progress" } },
    { event_type: "step.start", index: 0, step: { type: "model_output" } },
    { event_type: "step.delta", index: 0, delta: { type: "text", text: "Hello!" } },
    { event_type: "interaction.completed", interaction },
  ];
  for (const [count, outcome] of [[4, "completed"], [3, "failed"]] as const) {
    const { log, fetch } = await fetched(t, {
      fetch: answering(eventBytes(...events.slice(0, count)), EVENT_STREAM),
    });
    const request = { model: MODEL, input: "Hi", stream: true };
    await (await fetch(`${HOST}/v1beta/interactions`, post(request))).text();
    assertEquals(await outcomes(log), [[outcome, "Hello!"]]);
    const { metadata } = await only(log);
    const reasons = outcome === "completed" ? ["completed"] : undefined;
    assertEquals(metadata["gen_ai.response.finish_reasons"], reasons);
  }
});

test("what an interaction had before its answer is not the answer", async (t) => {
  const steps = [{ type: "user_input", content: [{ type: "text", text: "Hi" }] }];
  const events = [
    { event_type: "interaction.created", interaction: { id: "i", status: "in_progress", steps } },
    { event_type: "step.start", index: 1, step: { type: "model_output" } },
    { event_type: "step.delta", index: 1, delta: { type: "text", text: "Hello!" } },
    { event_type: "interaction.completed", interaction: { status: "completed" } },
  ];
  const { log, fetch } = await fetched(t, {
    fetch: answering(eventBytes(...events), EVENT_STREAM),
  });
  const request = { model: MODEL, input: "Hi", stream: true };
  await (await fetch(`${HOST}/v1beta/interactions`, post(request))).text();
  assertEquals(await outcomes(log), [["completed", "Hello!"]]);
});

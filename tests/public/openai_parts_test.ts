// What OpenAI, and those who speak alike, tell of a message, of a tool's call and of an answer that the conventions have no name for.

import { assertEquals } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { test } from "node:test";
import { about, all, API_KEY, capturing, only } from "../support/captured.ts";
import { answering, eventBytes, post, QUESTION } from "../support/fetched.ts";
import type { Provider } from "../support/providers/server.ts";

function clientOf({ url }: Provider, log: AuditLog): OpenAI {
  return auditOpenAI(new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1` }), log);
}

const CALL = {
  id: "f1",
  type: "function_call" as const,
  status: "completed" as const,
  call_id: "c1",
  name: "delete",
  namespace: "crm",
  arguments: '{"id":1}',
  async: true,
  caller: { type: "program" as const, caller_id: "p1" },
  agent: { agent_name: "worker" },
};

function said(id: string, text: string, phase: "commentary" | "final_answer", others: object = {}) {
  const content = [{ type: "output_text" as const, text, annotations: [], logprobs: [] }];
  const item = { id, type: "message" as const, role: "assistant" as const, content, phase };
  return { ...item, status: "completed" as const, agent: null, ...others };
}

const RECORDED_CALL = {
  type: "tool_call",
  id: "c1",
  name: "delete",
  arguments: { id: 1 },
  namespace: "crm",
  async: true,
  caller: { type: "program", caller_id: "p1" },
  agent: { agent_name: "worker" },
};

for (const stream of [false, true]) {
  const way = stream ? "a stream" : "an answer";

  test(`responses, ${way}: which tool was called, by whom, and what is no final answer are recorded`, async (t) => {
    const { provider, log } = await capturing(t);
    const tool_usage = { image_gen: { input_tokens: 0 }, web_search: { num_requests: 2 } };
    const input_transformations = [{ type: "reasoning", id: "rs_1", action: "removed" }];
    provider.reply({
      items: [
        said("m1", "I will ask.", "commentary", { agent: { agent_name: "planner" } }),
        CALL,
        said("m2", "Done.", "final_answer"),
      ],
      beside: { tool_usage, input_transformations, moderation: null },
    });
    const { responses } = clientOf(provider, log);
    const request = { model: "gpt-6", input: "Hi" };
    if (stream) await all(await responses.create({ ...request, stream }));
    else await responses.create(request);
    const entry = await only(log);
    assertEquals(JSON.parse(entry.outputText), [{
      role: "assistant",
      parts: [
        {
          type: "text",
          content: "I will ask.",
          phase: "commentary",
          agent: { agent_name: "planner" },
        },
        RECORDED_CALL,
        { type: "text", content: "Done.", phase: "final_answer" },
      ],
    }]);
    assertEquals(about(entry, "openai.response."), { tool_usage, input_transformations });
  });

  test(`responses, ${way}: one text stays a text, and what was not used is not recorded`, async (t) => {
    const { provider, log } = await capturing(t);
    const tool_usage = { image_gen: { input_tokens: 0 }, web_search: { num_requests: 0 } };
    provider.reply({
      items: [said("m1", "Done.", "final_answer")],
      beside: { tool_usage, input_transformations: [] },
    });
    const { responses } = clientOf(provider, log);
    const request = { model: "gpt-6", input: "Hi" };
    if (stream) await all(await responses.create({ ...request, stream }));
    else await responses.create(request);
    const entry = await only(log);
    assertEquals([entry.outputText, about(entry, "openai.response.")], ["Done.", {}]);
  });

  test(`chat completions, ${way}: what others tell of a message and beside it is recorded`, async (t) => {
    const { provider, log } = await capturing(t);
    const executed_tools = [{ index: 0, type: "search", arguments: "{}", output: "Oslo" }];
    const citations = ["https://a.example/"];
    provider.reply({
      text: "Oslo",
      message: { executed_tools, prefix: false, annotations: [] },
      beside: { citations, search_results: [{ url: "https://a.example/" }], related_questions: [] },
    });
    const { completions } = clientOf(provider, log).chat;
    const request = { model: "m", messages: [{ role: "user" as const, content: "Hi" }] };
    if (stream) await all(await completions.create({ ...request, stream }));
    else await completions.create(request);
    const entry = await only(log);
    assertEquals(JSON.parse(entry.outputText), [{
      role: "assistant",
      executed_tools,
      parts: [{ type: "text", content: "Oslo" }],
      finish_reason: "stop",
    }]);
    assertEquals(about(entry, "openai.response."), {
      service_tier: "default",
      system_fingerprint: "fp_local",
      citations,
      search_results: [{ url: "https://a.example/" }],
    });
  });
}

test("responses: which tool was called, by whom, and what is no final answer are recorded of a request", async (t) => {
  const { provider, log } = await capturing(t);
  const output = { type: "function_call_output", call_id: "c1", output: "ok" } as const;
  const text = { type: "input_text", text: "Go on." } as const;
  await clientOf(provider, log).responses.create({
    model: "gpt-6",
    input: [
      said("m1", "I will ask.", "commentary"),
      CALL,
      { ...output, id: "o1", status: null, name: "delete", namespace: "crm" },
      { role: "user", content: [{ ...text, prompt_cache_breakpoint: { mode: "explicit" } }] },
    ],
  });
  assertEquals(JSON.parse((await only(log)).inputText).messages, [
    {
      role: "assistant",
      phase: "commentary",
      parts: [{ type: "text", content: "I will ask." }],
    },
    { role: "assistant", parts: [RECORDED_CALL] },
    {
      role: "tool",
      parts: [{
        type: "tool_call_response",
        id: "c1",
        response: "ok",
        name: "delete",
        namespace: "crm",
      }],
    },
    {
      role: "user",
      parts: [{
        type: "text",
        content: "Go on.",
        prompt_cache_breakpoint: { mode: "explicit" },
      }],
    },
  ]);
});

test("chat completions: what others stream in pieces is put together", async (t) => {
  const { log } = await capturing(t);
  const thought = { type: "reasoning.text", index: 0, format: "v1" };
  const chunk = (delta: object, beside: object = {}) => ({
    citations: ["https://a.example/"],
    obfuscation: "x7Q",
    choices: [{ index: 0, delta, ...beside }],
  });
  const body = eventBytes(
    chunk({ role: "assistant", reasoning_details: [{ ...thought, text: "Hm" }] }),
    chunk({ reasoning_details: [{ ...thought, text: "m." }] }, { content_filter_results: {} }),
    chunk({ reasoning_details: [{ type: "reasoning.encrypted", index: 0, data: "c2ln" }] }),
    chunk({ content: "Oslo", tool_plan: "I will" }, { content_filter_results: { hate: 0 } }),
    chunk({ tool_plan: " ask." }, { finish_reason: "stop", native_finish_reason: "end" }),
    "[DONE]",
  );
  const beneath = answering(body, { "content-type": "text/event-stream" });
  const fetch = auditFetch(log, { fetch: beneath });
  const url = "https://llm.example/v1/chat/completions";
  await (await fetch(url, post({ ...QUESTION, stream: true }))).text();
  const entry = await only(log);
  assertEquals(JSON.parse(entry.outputText), [{
    role: "assistant",
    reasoning_details: [
      { ...thought, text: "Hmm." },
      { type: "reasoning.encrypted", index: 0, data: "c2ln" },
    ],
    tool_plan: "I will ask.",
    parts: [{ type: "text", content: "Oslo" }],
    finish_reason: "stop",
  }]);
  assertEquals(about(entry, "openai.response."), {
    citations: ["https://a.example/"],
    choices: [{ content_filter_results: { hate: 0 }, native_finish_reason: "end" }],
  });
});

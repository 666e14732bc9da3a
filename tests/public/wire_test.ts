// What may happen on the way from a provider, in each format and by each way to record it: the caller sees what the client alone
// gives, and the record tells of it. And what each format tells of a call, field by field.

import Anthropic from "@anthropic-ai/sdk";
import { assert, assertEquals } from "@std/assert";
import type { AuditEntry, AuditLog } from "@audit-log/llm";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditOpenAI } from "@audit-log/llm/openai";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { test, type TestContext } from "node:test";
import { about, all, API_KEY, capturing, inStep, only } from "../support/captured.ts";
import { Gate, type Reply } from "../support/providers/server.ts";

/** A client, as far as these tests need one. */
interface Client {
  whole(): Promise<unknown>;
  stream(): Promise<AsyncIterable<unknown>>;
}

interface Settings {
  readonly url: string;
  readonly maxRetries: number;
  readonly fetch?: typeof globalThis.fetch;
  /** Where the client itself is wrapped. */
  readonly log?: AuditLog | undefined;
}

interface Format {
  readonly name: string;
  client(settings: Settings): Client;
  /** How many events come before the first piece of text, and how many of them the client does not hand on. */
  readonly before: number;
  readonly hidden: number;
  /** Whether its client counts its attempts, and whether it cancels the rest of a stream that is left. Default `true`. */
  readonly counts?: boolean;
  readonly cancels?: boolean;
  /** What only this format tells, or tells in its own words. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** How an answer with reasoning, a text and a tool's call is recorded. */
  readonly answer: unknown;
}

function openAI({ url, log, ...options }: Settings): OpenAI {
  const client = new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, ...options });
  return log === undefined ? client : auditOpenAI(client, log);
}

function anthropic({ url, log, ...options }: Settings): Anthropic {
  const client = new Anthropic({ apiKey: API_KEY, baseURL: url, ...options });
  return log === undefined ? client : auditAnthropic(client, log);
}

function google({ url, log: _, maxRetries, fetch }: Settings): GoogleGenAI {
  const retryOptions = { attempts: maxRetries + 1, initialDelay: 0.001, jitter: 0 };
  const httpOptions = {
    baseUrl: url,
    ...(fetch === undefined ? {} : { fetch }),
    ...(maxRetries === 0 ? {} : { retryOptions }),
  };
  return new GoogleGenAI({ apiKey: API_KEY, httpOptions });
}

const messages = [{ role: "user" as const, content: "Hi" }];
const TOOL_CALL = { type: "tool_call", id: "c1", name: "weather", arguments: { city: "Oslo" } };
const TEXT = { type: "text", content: "Let me look." };

const formats: Format[] = [
  {
    name: "chat completions",
    client(settings) {
      const { completions } = openAI(settings).chat;
      const request = { model: "asked", messages, temperature: 0.5, max_completion_tokens: 9 };
      const stream_options = { include_usage: true };
      return {
        whole: () => completions.create(request),
        stream: async () => await completions.create({ ...request, stream: true, stream_options }),
      };
    },
    before: 1,
    hidden: 0,
    facts: { "response.finish_reasons": ["tool_calls"] },
    // They have no reasoning.
    answer: [{ role: "assistant", parts: [TEXT, TOOL_CALL], finish_reason: "tool_calls" }],
  },
  {
    name: "responses",
    client(settings) {
      const { responses } = openAI(settings);
      const request = { model: "asked", input: "Hi", temperature: 0.5, max_output_tokens: 9 };
      return {
        whole: () => responses.create(request),
        stream: async () => await responses.create({ ...request, stream: true }),
      };
    },
    before: 4,
    hidden: 0,
    facts: {
      "response.finish_reasons": ["completed"],
      "usage.cache_creation.input_tokens": 0,
    },
    answer: [{
      role: "assistant",
      parts: [{ type: "reasoning", content: "Hm.", id: "rs_local_1" }, TEXT, TOOL_CALL],
    }],
  },
  {
    name: "messages",
    client(settings) {
      const { messages: api } = anthropic(settings);
      const request = { model: "asked", messages, temperature: 0.5, max_tokens: 9 };
      return {
        whole: () => api.create(request),
        stream: async () => await api.create({ ...request, stream: true }),
      };
    },
    before: 3,
    hidden: 1, // a ping
    facts: {
      "provider.name": "anthropic",
      "response.finish_reasons": ["tool_use"],
      "usage.cache_creation.input_tokens": 0,
    },
    answer: [{
      role: "assistant",
      parts: [{ type: "reasoning", content: "Hm.", signature: "c2lnbmF0dXJl" }, TEXT, TOOL_CALL],
      finish_reason: "tool_use",
    }],
  },
  {
    name: "Gemini's content",
    client(settings) {
      const { models } = google(settings);
      const config = { temperature: 0.5, maxOutputTokens: 9 };
      const request = { model: "asked", contents: "Hi", config };
      return {
        whole: () => models.generateContent(request),
        stream: () => models.generateContentStream(request),
      };
    },
    before: 0,
    hidden: 0,
    counts: false,
    cancels: false,
    facts: {
      "operation.name": "generate_content",
      "provider.name": "gcp.gemini",
      "response.finish_reasons": ["STOP"],
    },
    answer: [{
      role: "assistant",
      parts: [{ type: "reasoning", content: "Hm." }, TEXT, TOOL_CALL],
      finish_reason: "STOP",
    }],
  },
  {
    name: "Gemini's interactions",
    client(settings) {
      const { interactions } = google(settings);
      const generation_config = { temperature: 0.5, max_output_tokens: 9 };
      const request = { model: "asked", input: "Hi", generation_config };
      const { maxRetries } = settings;
      return {
        whole: () => interactions.create(request, { maxRetries }),
        stream: () => interactions.create({ ...request, stream: true }, { maxRetries }),
      };
    },
    before: 3,
    hidden: 0,
    counts: false,
    facts: {
      "operation.name": "generate_content",
      "provider.name": "gcp.gemini",
      "response.finish_reasons": ["requires_action"],
    },
    answer: [{
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Hm.", signature: "c2lnbmF0dXJl" },
        TEXT,
        TOOL_CALL,
      ],
    }],
  },
];

const ways: [name: string, recording: (log: AuditLog) => Partial<Settings>][] = [
  ["a wrapped client", (log) => ({ log })],
  ["a client with auditFetch()", (log) => ({ fetch: auditFetch(log) })],
];

/** Gemini's client gives the headers of its answers, too. */
function withoutDates(name: string, value: unknown): unknown {
  return name === "date" ? undefined : value;
}

/** What a call returns, or the kind of its error, with its message. */
async function outcome(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return { returned: JSON.parse(JSON.stringify(await ask(), withoutDates)) };
  } catch (error) {
    return { thrown: [(error as Error).constructor.name, String(error)] };
  }
}

/** The ends of calls, in short. */
function ends(entries: readonly AuditEntry[]): unknown[] {
  return entries.map(({ outputText, metadata }) => [
    metadata["audit.outcome"],
    metadata["attempt"],
    metadata["http.response.status_code"] ?? 200,
    outputText,
  ]);
}

for (const { name, client, before, hidden, counts = true, cancels = true, ...told } of formats) {
  const { facts, answer } = told;
  /** The number of an attempt, where it is told. */
  const attempt = (number: number) => counts ? number : undefined;
  for (const [way, recording] of ways) {
    // Gemini's client takes a fetch, and needs no wrapper.
    if (name.startsWith("Gemini") && way === "a wrapped client") continue;
    const setUp = async (t: TestContext, maxRetries = 0) => {
      const { provider, log } = await capturing(t);
      const settings = { url: provider.url, maxRetries };
      const plain = client(settings);
      const recorded = client({ ...settings, ...recording(log) });
      /** Asks both the same, and makes sure that they see the same. */
      const compare = async (ask: (of: Client) => Promise<unknown>, ...replies: Reply[]) => {
        provider.reply(...replies);
        const wanted = await outcome(() => ask(plain));
        provider.reply(...replies);
        assertEquals(await outcome(() => ask(recorded)), wanted);
      };
      /** A stream whose server waits until each event was read. */
      const steadily = (reply: Reply) => (of: Client) => {
        const gate = new Gate();
        provider.reply({ ...reply, gate });
        return inStep(() => of.stream(), gate, 1 + hidden);
      };
      return { provider, log, recorded, compare, steadily };
    };
    const plainly = (of: Client) => of.whole();
    const streaming = async (of: Client) => await all(await of.stream());

    test(`${name}, ${way}: all that is told of a call is recorded`, async (t) => {
      const { log, compare } = await setUp(t);
      const reply: Reply = {
        id: "answer-1",
        model: "answered",
        reasoning: "Hm.",
        text: ["Let me ", "look."],
        toolCalls: [{ id: "c1", name: "weather", arguments: ['{"ci', 'ty":"Os', 'lo"}'] }],
        usage: { input: 20, output: 9, cached: 8, reasoning: 4 },
      };
      await compare(plainly, reply);
      await compare(streaming, reply);
      const [whole, streamed] = await log.query();
      for (const entry of [whole!, streamed!]) {
        assertEquals([entry.model, entry.inputText], ["asked", "Hi"]);
        assertEquals(JSON.parse(entry.outputText), answer);
        assert(entry.latencyMs! > 0);
        assertEquals(entry.metadata["attempt"], attempt(1));
        const { "response.time_to_first_chunk": first, ...told } = about(entry, "gen_ai.");
        assertEquals(told, {
          "operation.name": "chat",
          "provider.name": "openai",
          "request.max_tokens": 9,
          "request.model": "asked",
          "request.temperature": 0.5,
          "response.id": "answer-1",
          "response.model": "answered",
          "usage.cache_read.input_tokens": 8,
          "usage.input_tokens": 20,
          "usage.output_tokens": 9,
          "usage.reasoning.output_tokens": 4,
          ...facts,
        });
        assertEquals(typeof first, entry === streamed ? "number" : "undefined");
      }
    });

    test(`${name}, ${way}: usage that is not told is absent`, async (t) => {
      const { log, compare } = await setUp(t);
      const reply = { text: ["Hello", "!"], usage: null };
      await compare(plainly, reply);
      await compare(streaming, reply);
      const entries = await log.query();
      assertEquals(entries.map((entry) => about(entry, "gen_ai.usage.")), [{}, {}]);
      assertEquals(ends(entries), Array(2).fill(["completed", attempt(1), 200, "Hello!"]));
    });

    test(`${name}, ${way}: errors are the client's own, and recorded`, async (t) => {
      const { log, compare } = await setUp(t);
      const statuses = [400, 401, 404, 429, 500, 529];
      for (const status of statuses) {
        await compare(plainly, { status, error: `It is ${status}.` });
        await compare(streaming, { status, error: `It is ${status}.` });
      }
      const entries = await log.query();
      const twice = statuses.flatMap((status) => [status, status]);
      assertEquals(ends(entries), twice.map((status) => ["failed", attempt(1), status, ""]));
      for (const [index, { metadata }] of entries.entries()) {
        assertEquals(metadata["error.message"], `It is ${twice[index]}.`);
        assert(typeof metadata["error.type"] === "string");
      }
    });

    test(`${name}, ${way}: retries after 429 and 503 are numbered`, async (t) => {
      const { log, compare } = await setUp(t, 2);
      const headers = { "retry-after-ms": "1" };
      const failures = [{ status: 429, headers }, { status: 503, headers }];
      await compare(plainly, ...failures, { text: "At last." });
      await compare(streaming, ...failures, { text: ["At ", "last."] });
      const call = [
        ["failed", attempt(1), 429, ""],
        ["failed", attempt(2), 503, ""],
        ["completed", attempt(3), 200, "At last."],
      ];
      assertEquals(ends(await log.query()), [...call, ...call]);
    });

    test(`${name}, ${way}: an answer that breaks off is failed`, async (t) => {
      const { log, compare } = await setUp(t);
      await compare(plainly, { cutBytes: 40 });
      assertEquals((await only(log)).metadata["audit.outcome"], "failed");
    });

    test(`${name}, ${way}: of a stream that is cut, what came is kept`, async (t) => {
      const { log, compare, steadily } = await setUp(t);
      await compare(steadily({ text: ["One", " two"], cutAfter: before + 2 }));
      assertEquals(ends(await log.query()), [["failed", attempt(1), 200, "One two"]]);
    });

    test(`${name}, ${way}: of a stream that tells of an error, what came is kept`, async (t) => {
      const { log, compare } = await setUp(t);
      await compare(streaming, {
        text: ["One", " two"],
        streamErrorAfter: before + 1,
        error: "It broke.",
      });
      const entry = await only(log);
      assertEquals(ends([entry]), [["failed", attempt(1), 200, "One"]]);
      assertEquals(entry.metadata["error.message"], "It broke.");
    });

    test(`${name}, ${way}: events that come slowly are handed on one by one`, async (t) => {
      const { log, compare, steadily } = await setUp(t);
      await compare(steadily({ text: ["One", " two", " three"] }));
      assertEquals(ends(await log.query()), [["completed", attempt(1), 200, "One two three"]]);
    });

    if (cancels) {
      test(`${name}, ${way}: an event that is no JSON is the client's to tell`, async (t) => {
        const { log, compare, steadily } = await setUp(t);
        await compare(steadily({ text: ["One", " two"], malformedAfter: before + 1 }));
        const { outputText, metadata } = await only(log);
        assertEquals(metadata["stream.malformed_events"], 1);
        assert(outputText.startsWith("One"));
      });

      test(`${name}, ${way}: whoever leaves a stream leaves an aborted call`, async (t) => {
        const { provider, log, recorded } = await setUp(t);
        const gate = new Gate();
        provider.reply({ text: ["One", " two"], gate });
        for (let n = 0; n <= before; n++) gate.release();
        const gone = provider.aborted();
        let left = before + 1 - hidden;
        for await (const _ of await recorded.stream()) if (--left === 0) break;
        await gone;
        assertEquals(ends(await log.query()), [["aborted", attempt(1), 200, "One"]]);
      });
    }

    if (!["messages", "Gemini's interactions"].includes(name)) { // which refuse by a reason alone
      test(`${name}, ${way}: a refusal is recorded`, async (t) => {
        const { log, compare } = await setUp(t);
        await compare(plainly, { refusal: "I will not." });
        await compare(streaming, { refusal: "I will not." });
        for (const { outputText } of await log.query()) {
          const [{ parts }] = JSON.parse(outputText);
          assertEquals(parts, [{ type: "refusal", content: "I will not." }]);
        }
        assertEquals(await log.count(), 2);
      });
    }
  }
}

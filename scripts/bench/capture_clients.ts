/**
 * What recording an answer costs each of the SDKs' clients, beyond what the log takes to write.
 *
 * @module
 */
import { auditMiddleware } from "../../capture/ai_sdk.ts";
import { auditAnthropic } from "../../capture/anthropic.ts";
import { auditCallbacks } from "../../capture/langchain.ts";
import { auditOpenAI } from "../../capture/openai.ts";
import { AuditLog, type NewEntry } from "../../mod.ts";
import type { Task } from "./measure.ts";
import { interleave, microsecondsEach, type Row, rowsOf, type Section } from "./rounds.ts";
import { CHAT, CHUNKS, MESSAGES, streamed, whole, type Wire } from "./answers.ts";

/** Makes a call and reads its answer to the end. */
type Ask = (entry: NewEntry) => Promise<void>;

/** A client: as it is, or recorded in a log. */
interface Client {
  readonly name: string;
  ask(stream: boolean, log?: AuditLog): Ask;
}

/** Microseconds a call, by clients whose `fetch` has the answer at once. */
export async function measureClients(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  const rows: Row[] = [];
  for (const client of await clients()) {
    for (const stream of [false, true]) rows.push(...await costs(task, entries, client, stream));
  }
  return {
    title: "Recording a call by the SDKs' clients, in memory",
    note:
      `${callsIn(task, false)} calls a round, ${
        callsIn(task, true)
      } streams of ${CHUNKS} chunks, ` +
      "real prompts and answers, no network",
    rows,
  };
}

function callsIn({ full }: Task, stream: boolean): number {
  return (stream ? 1000 : 4000) * (full ? 4 : 1);
}

async function costs(
  task: Task,
  entries: readonly NewEntry[],
  { name, ask }: Client,
  stream: boolean,
): Promise<Row[]> {
  const count = callsIn(task, stream);
  const asked = entries.slice(0, 1000);
  const each = (work: Ask): Promise<number> =>
    microsecondsEach(count, (n) => work(asked[n % asked.length]!));
  const inLog = async (work: (log: AuditLog) => Promise<number>): Promise<number> => {
    const log = await AuditLog.open();
    try {
      return await work(log);
    } finally {
      await log.close();
    }
  };
  const alone = ask(stream);
  const byHand = (log: AuditLog): Ask => async (entry) => {
    const { inputText, outputText, metadata } = entry;
    const call = await log.begin({ model: "gpt-4o", inputText, inputFormat: "text", metadata });
    await alone(entry);
    await call.complete({ outputText, outputFormat: "text", latencyMs: 1, metadata });
  };
  const what = `${name}, ${stream ? "a stream" : "a plain answer"}`;
  const figures = await interleave([
    { name: `${what}: alone`, run: () => each(alone) },
    { name: `${what}: recorded by hand`, run: () => inLog((log) => each(byHand(log))) },
    { name: `${what}: recorded`, run: () => inLog((log) => each(ask(stream, log))) },
  ], task.rounds);
  const base = figures.get(`${what}: recorded by hand`)!;
  return [...rowsOf(figures, "µs"), {
    name: `${what}: beyond the log's write`,
    unit: "µs",
    values: figures.get(`${what}: recorded`)!.map((value, round) => value - base[round]!),
    ...(stream ? {} : { atMost: 50 }),
  }];
}

/** Loaded here, so that nothing else is measured with them in memory. */
async function clients(): Promise<Client[]> {
  const { default: OpenAI } = await import("openai");
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const { wrapLanguageModel } = await import("ai");
  const { ChatOpenAI } = await import("@langchain/openai");
  let answer: NewEntry;
  let streams: boolean;
  const by = (wire: Wire) => ({
    apiKey: "none",
    fetch: () => Promise.resolve(streams ? streamed(answer, wire) : whole(answer, wire)),
  });
  const bare = { openai: new OpenAI(by(CHAT)), anthropic: new Anthropic(by(MESSAGES)) };
  const chat = createOpenAI(by(CHAT)).chat("gpt-4o");
  // What LangChain takes to tell handlers of a call is its own.
  const idle = { awaitHandlers: true, handleChatModelStart() {}, handleLLMEnd() {} };
  const langChain = { model: "gpt-4o", apiKey: "none", configuration: by(CHAT) };
  const client = (name: string, asking: (log: AuditLog | undefined) => Asking): Client => ({
    name,
    ask(stream, log) {
      const ask = asking(log)[stream ? "stream" : "plain"];
      return async (entry) => {
        [answer, streams] = [entry, stream];
        await ask(entry.inputText);
      };
    },
  });
  return [
    client("OpenAI", (log) => {
      const { chat: { completions } } = log === undefined
        ? bare.openai
        : auditOpenAI(bare.openai, log);
      const asked = (content: string) => ({
        model: "gpt-4o",
        messages: [{ role: "user" as const, content }],
      });
      return {
        plain: (text) => completions.create(asked(text)),
        stream: async (text) => toEnd(await completions.create({ ...asked(text), stream: true })),
      };
    }),
    client("Anthropic", (log) => {
      const { messages } = log === undefined ? bare.anthropic : auditAnthropic(bare.anthropic, log);
      const asked = (content: string) => ({
        model: "claude-1",
        max_tokens: 1000,
        messages: [{ role: "user" as const, content }],
      });
      return {
        plain: (text) => messages.create(asked(text)),
        stream: async (text) => toEnd(await messages.create({ ...asked(text), stream: true })),
      };
    }),
    client("AI SDK", (log) => {
      const model = log === undefined
        ? chat
        : wrapLanguageModel({ model: chat, middleware: auditMiddleware(log) });
      const asked = (text: string) => ({
        prompt: [{ role: "user" as const, content: [{ type: "text" as const, text }] }],
      });
      return {
        plain: async (text) => await model.doGenerate(asked(text)),
        stream: async (text) => toEnd((await model.doStream(asked(text))).stream),
      };
    }),
    client("LangChain", (log) => {
      const callbacks = [log === undefined ? idle : auditCallbacks(log)];
      const model = new ChatOpenAI({ ...langChain, callbacks });
      return {
        plain: (text) => model.invoke(text),
        stream: async (text) => toEnd(await model.stream(text)),
      };
    }),
  ];
}

/** How a client is asked. */
interface Asking {
  plain(text: string): Promise<unknown>;
  stream(text: string): Promise<void>;
}

async function toEnd(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of parts);
}

/**
 * What recording a streamed answer costs each of the SDKs' clients, beyond what the log takes to write.
 *
 * @module
 */
import { auditMiddleware } from "../../capture/ai_sdk.ts";
import { auditAnthropic } from "../../capture/anthropic.ts";
import { auditOpenAI } from "../../capture/openai.ts";
import { AuditLog, type NewEntry } from "../../mod.ts";
import type { Task } from "./measure.ts";
import { interleave, type Row, rowsOf, type Section } from "./rounds.ts";
import { CHAT, CHUNKS, MESSAGES, streamed, type Wire } from "./streamed.ts";

/** Makes a call and reads its answer to the end. */
type Ask = (entry: NewEntry) => Promise<void>;

/** A client: as it is, or recorded in a log. */
interface Client {
  readonly name: string;
  ask(log?: AuditLog): Ask;
}

/** Microseconds a call, by clients whose `fetch` has the answer at once. */
export async function measureClients(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  const count = task.full ? 4000 : 1000;
  const asked = entries.slice(0, 1000);
  const each = async (work: Ask): Promise<number> => {
    const start = performance.now();
    for (let n = 0; n < count; n++) await work(asked[n % asked.length]!);
    return (performance.now() - start) / count * 1000;
  };
  const inLog = async (work: (log: AuditLog) => Promise<number>): Promise<number> => {
    const log = await AuditLog.open();
    try {
      return await work(log);
    } finally {
      await log.close();
    }
  };

  const rows: Row[] = [];
  for (const { name, ask } of await clients()) {
    const alone = ask();
    const byHand = (log: AuditLog): Ask => async (entry) => {
      const { inputText, outputText, metadata } = entry;
      const call = await log.begin({ model: "gpt-4o", inputText, inputFormat: "text", metadata });
      await alone(entry);
      await call.complete({ outputText, outputFormat: "text", latencyMs: 1, metadata });
    };
    const figures = await interleave([
      { name: `${name} alone`, run: () => each(alone) },
      { name: `${name} recorded by hand`, run: () => inLog((log) => each(byHand(log))) },
      { name: `${name} recorded`, run: () => inLog((log) => each(ask(log))) },
    ], task.rounds);
    const base = figures.get(`${name} recorded by hand`)!;
    rows.push(...rowsOf(figures, "µs"), {
      name: `${name}: beyond the log's write`,
      unit: "µs",
      values: figures.get(`${name} recorded`)!.map((value, round) => value - base[round]!),
    });
  }
  return {
    title: `Recording a stream of ${CHUNKS} chunks by the SDKs' clients, in memory`,
    note: `${count} calls a round, real prompts and answers, no network`,
    rows,
  };
}

/** Loaded here, so that nothing else is measured with them in memory. */
async function clients(): Promise<Client[]> {
  const { default: OpenAI } = await import("openai");
  const { default: Anthropic } = await import("@anthropic-ai/sdk");
  const { createOpenAI } = await import("@ai-sdk/openai");
  const { wrapLanguageModel } = await import("ai");
  let answer: NewEntry;
  const by = (wire: Wire) => ({
    apiKey: "none",
    fetch: () => Promise.resolve(streamed(answer, wire)),
  });
  const openai = new OpenAI(by(CHAT));
  const anthropic = new Anthropic(by(MESSAGES));
  const chat = createOpenAI(by(CHAT)).chat("gpt-4o");
  return [{
    name: "OpenAI",
    ask(log) {
      const client = log === undefined ? openai : auditOpenAI(openai, log);
      return async (entry) => {
        answer = entry;
        await toEnd(
          await client.chat.completions.create({
            model: "gpt-4o",
            messages: [{ role: "user", content: entry.inputText }],
            stream: true,
          }),
        );
      };
    },
  }, {
    name: "Anthropic",
    ask(log) {
      const client = log === undefined ? anthropic : auditAnthropic(anthropic, log);
      return async (entry) => {
        answer = entry;
        await toEnd(
          await client.messages.create({
            model: "claude-1",
            max_tokens: 1000,
            messages: [{ role: "user", content: entry.inputText }],
            stream: true,
          }),
        );
      };
    },
  }, {
    name: "AI SDK",
    ask(log) {
      const model = log === undefined
        ? chat
        : wrapLanguageModel({ model: chat, middleware: auditMiddleware(log) });
      return async (entry) => {
        answer = entry;
        const content = [{ type: "text" as const, text: entry.inputText }];
        const { stream } = await model.doStream({ prompt: [{ role: "user", content }] });
        await toEnd(stream);
      };
    },
  }];
}

async function toEnd(parts: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of parts);
}

/**
 * What wrapping a client costs each call, beyond what the log takes to write.
 *
 * @module
 */
import { auditFetch, type Fetch } from "../../capture/fetch.ts";
import { AuditLog, type NewEntry } from "../../mod.ts";
import type { Task } from "./measure.ts";
import { interleave, type Row, rowsOf, type Section } from "./rounds.ts";

const URL = "https://api.openai.com/v1/chat/completions";
/** Into how many chunks a streamed answer is cut: about a token each. */
const CHUNKS = 50;

/** Microseconds a call, by a fetch that has the answer at once. */
export async function measureCapture(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  const count = task.full ? 20_000 : 4000;
  const asked = entries.slice(0, 1000);
  const bodyOf = ({ inputText }: NewEntry, stream: boolean): RequestInit => ({
    method: "POST",
    body: JSON.stringify({
      model: "gpt-4o",
      messages: [{ role: "user", content: inputText }],
      stream,
    }),
  });

  const each = async (work: (entry: NewEntry) => Promise<unknown>): Promise<number> => {
    const start = performance.now();
    for (let n = 0; n < count; n++) await work(asked[n % asked.length]!);
    return (performance.now() - start) / count * 1000;
  };
  const call = (stream: boolean) => async (fetch: Fetch, entry: NewEntry): Promise<void> => {
    await (await fetch(URL, bodyOf(entry, stream))).text();
  };
  const bare = (stream: boolean, entry: NewEntry): Fetch => () =>
    Promise.resolve(stream ? streamed(entry) : whole(entry));

  const figures = await interleave(
    [false, true].flatMap((stream) => {
      const what = stream ? `a stream of ${CHUNKS} chunks` : "a plain answer";
      return [
        {
          name: `${what}: fetch alone`,
          run: () => each((entry) => call(stream)(bare(stream, entry), entry)),
        },
        {
          name: `${what}: begin(), fetch, complete()`,
          run: async () => {
            const log = await AuditLog.open();
            const figure = await each(async (entry) => {
              const begun = await log.begin({ model: "gpt-4o", inputText: entry.inputText });
              await call(stream)(bare(stream, entry), entry);
              await begun.complete({ outputText: entry.outputText });
            });
            await log.close();
            return figure;
          },
        },
        {
          name: `${what}: auditFetch()`,
          run: async () => {
            const log = await AuditLog.open();
            let answer: NewEntry = asked[0]!;
            const fetch = auditFetch(log, { fetch: (...given) => bare(stream, answer)(...given) });
            const figure = await each((entry) => {
              answer = entry;
              return call(stream)(fetch, entry);
            });
            await log.close();
            return figure;
          },
        },
      ];
    }),
    task.rounds,
  );
  const beyond = (what: string): Row => {
    const [written, audited] = ["begin(), fetch, complete()", "auditFetch()"]
      .map((name) => figures.get(`${what}: ${name}`)!);
    const values = audited!.map((value, round) => value - written![round]!);
    return { name: `${what}: beyond the log's write`, unit: "µs", values, atMost: 50 };
  };
  return {
    title: "Recording a call by auditFetch(), in memory",
    note: `${count} calls a round, real prompts and answers`,
    rows: [
      ...rowsOf(figures, "µs"),
      beyond("a plain answer"),
      beyond(`a stream of ${CHUNKS} chunks`),
    ],
  };
}

function whole({ outputText }: NewEntry): Response {
  const choices = [{
    index: 0,
    message: { role: "assistant", content: outputText },
    finish_reason: "stop",
  }];
  const usage = { prompt_tokens: 100, completion_tokens: 100 };
  return Response.json({ id: "c-1", model: "gpt-4o-1", choices, usage });
}

function streamed({ outputText }: NewEntry): Response {
  const length = Math.ceil(outputText.length / CHUNKS);
  const encoder = new TextEncoder();
  let sent = 0;
  return new Response(
    new ReadableStream({
      pull(controller) {
        const content = outputText.slice(sent * length, (sent + 1) * length);
        const choices = [{ index: 0, delta: { content }, finish_reason: null }];
        const data = JSON.stringify({ id: "c-1", model: "gpt-4o-1", choices });
        controller.enqueue(encoder.encode(`data: ${data}\n\n`));
        if (++sent < CHUNKS) return;
        controller.enqueue(encoder.encode("data: [DONE]\n\n"));
        controller.close();
      },
    }),
    { headers: { "content-type": "text/event-stream" } },
  );
}

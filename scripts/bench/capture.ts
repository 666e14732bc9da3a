/**
 * What wrapping a client costs each call, beyond what the log takes to write.
 *
 * @module
 */
import { auditFetch, type Fetch } from "../../capture/fetch.ts";
import {
  type AuditEntry,
  AuditLog,
  type CallResult,
  type NewCall,
  type NewEntry,
} from "../../mod.ts";
import type { Task } from "./measure.ts";
import { interleave, microsecondsEach, type Row, rowsOf, type Section } from "./rounds.ts";
import { CHAT, CHUNKS, KIND, streamed, whole } from "./answers.ts";

const URL = "https://api.openai.com/v1/chat/completions";

const HEADERS: Readonly<Record<string, string>> = {
  "accept": "application/json",
  "authorization": "Bearer none-that-lets-anybody-in",
  "content-type": "application/json",
  "user-agent": "OpenAI/JS 7.0.0",
  "x-stainless-lang": "js",
  "x-stainless-retry-count": "0",
};

/** How many chunks an answer is streamed in; 0 where it is no stream. */
const ANSWERS: Readonly<Record<string, number>> = {
  "a plain answer": 0,
  "a stream of one chunk": 1,
  [`a stream of ${CHUNKS} chunks`]: CHUNKS,
};

/** Microseconds a call, by a fetch that has the answer at once. */
export async function measureCapture(task: Task, entries: readonly NewEntry[]): Promise<Section> {
  const asked = entries.slice(0, 1000);
  // As the SDKs' clients call it.
  const bodyOf = ({ inputText }: NewEntry, stream: boolean): RequestInit => ({
    method: "POST",
    headers: new Headers(HEADERS),
    signal: new AbortController().signal,
    body: JSON.stringify({
      model: "gpt-4o",
      messages: [{ role: "user", content: inputText }],
      stream,
    }),
  });

  const call = (stream: boolean) => async (fetch: Fetch, entry: NewEntry): Promise<void> => {
    await (await fetch(URL, bodyOf(entry, stream))).text();
  };
  const bare = (chunks: number, entry: NewEntry): Fetch => () =>
    Promise.resolve(chunks === 0 ? whole(entry) : streamed(entry, CHAT, chunks));

  const figures = new Map<string, number[]>();
  for (const [what, chunks] of Object.entries(ANSWERS)) {
    const stream = chunks > 0;
    const count = callsIn(task, chunks === CHUNKS);
    const each = (work: (entry: NewEntry) => Promise<unknown>): Promise<number> =>
      microsecondsEach(count, (n) => work(asked[n % asked.length]!));
    const written = await writtenBy(call(stream), (entry) => bare(chunks, entry), asked);
    const contenders = [
      {
        name: `${what}: fetch alone`,
        run: () => each((entry) => call(stream)(bare(chunks, entry), entry)),
      },
      {
        name: `${what}: begin(), fetch, complete()`,
        run: async () => {
          const log = await AuditLog.open();
          let next = 0;
          const figure = await each(async (entry) => {
            const { begin, end } = written[next++ % written.length]!;
            const begun = await log.begin(begin);
            await call(stream)(bare(chunks, entry), entry);
            await begun.complete(end);
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
          const fetch = auditFetch(log, { fetch: (...given) => bare(chunks, answer)(...given) });
          const figure = await each((entry) => {
            answer = entry;
            return call(stream)(fetch, entry);
          });
          await log.close();
          return figure;
        },
      },
      ...(chunks === CHUNKS
        ? [{
          name: `${what}: passed on by a ReadableStream`,
          run: () =>
            each(async (entry) => {
              bodyOf(entry, stream);
              await new Response(passedOn(streamed(entry).body!)).text();
            }),
        }]
        : []),
    ];
    for (const [name, values] of await interleave(contenders, task.rounds)) {
      figures.set(name, values);
    }
  }
  const beyond = (what: string, name: string, base: string, atMost?: number): Row => ({
    name: `${what}: ${name === "auditFetch()" ? "beyond the log's write" : "passing it on alone"}`,
    unit: "µs",
    values: figures.get(`${what}: ${name}`)!
      .map((value, round) => value - figures.get(`${what}: ${base}`)![round]!),
    ...(atMost === undefined ? {} : { atMost }),
  });
  const stream = `a stream of ${CHUNKS} chunks`;
  const byHand = "begin(), fetch, complete()";
  return {
    title: "Recording a call by auditFetch(), in memory",
    note: `${callsIn(task, false)} calls a round, ${callsIn(task, true)} long streams, ` +
      "real prompts and answers; the same entries are written by hand",
    rows: [
      ...rowsOf(figures, "µs"),
      beyond("a plain answer", "auditFetch()", byHand, 50),
      beyond("a stream of one chunk", "auditFetch()", byHand, 50),
      beyond(stream, "auditFetch()", byHand),
      beyond(stream, "passed on by a ReadableStream", "fetch alone"),
    ],
  };
}

function callsIn({ full }: Task, isLong: boolean): number {
  return (isLong ? 4000 : 8000) * (full ? 3 : 1);
}

/** What is written of calls, as an application would give it: so that what it costs to write is the same. */
async function writtenBy(
  call: (fetch: Fetch, entry: NewEntry) => Promise<void>,
  bare: (entry: NewEntry) => Fetch,
  asked: readonly NewEntry[],
): Promise<{ begin: NewCall; end: CallResult }[]> {
  const log = await AuditLog.open();
  for (const entry of asked) {
    await call(auditFetch(log, { fetch: bare(entry) }), entry);
  }
  const begins = (await log.query({ events: "all" }))
    .filter(({ metadata }) => metadata["audit.event"] === "call.begin");
  const ends = await log.query();
  await log.close();
  const own = (entry: AuditEntry, than: AuditEntry | undefined): object =>
    Object.fromEntries(
      Object.entries(entry.metadata).filter(([key]) =>
        !key.startsWith("audit.") && (than === undefined || !Object.hasOwn(than.metadata, key))
      ),
    );
  return begins.map((begin, n) => {
    const { model, inputText } = begin;
    const { outputText, latencyMs } = ends[n]!;
    return {
      begin: { model, inputText, inputFormat: "text", metadata: own(begin, undefined) },
      end: { outputText, latencyMs, outputFormat: "text", metadata: own(ends[n]!, begin) },
    };
  });
}

/** The least that whoever looks on can do. */
function passedOn(body: ReadableStream<Uint8Array<ArrayBuffer>>): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    type: KIND,
    async pull(controller: ReadableByteStreamController) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
}

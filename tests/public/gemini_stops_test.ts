// Calls of `@google/genai` that are stopped, run out of time, or whose stream is split or cancelled, with auditFetch() as the client's fetch:
// whoever makes them sees what the client alone gives.

import { GoogleGenAI } from "@google/genai";
import { auditFetch, type Fetch } from "@audit-log/llm/fetch";
import { all, API_KEY } from "../support/captured.ts";
import { keepRequests } from "../support/kept_requests.ts";
import { Gate } from "../support/providers/server.ts";
import { type Example, type Setting, sideBySide } from "../support/side_by_side.ts";

interface Parts extends Setting {
  /** A client that asks the local server, or by what it is given. */
  clientOf(beneath?: Fetch): GoogleGenAI;
}

function parts(setting: Setting): Parts {
  const { t, url, log } = setting;
  keepRequests(t);
  return {
    ...setting,
    clientOf(beneath = fetch) {
      // Without a fetch of its own, the client has another one on Node.
      const given = log === undefined ? beneath : auditFetch(log, { fetch: beneath });
      return new GoogleGenAI({ apiKey: API_KEY, httpOptions: { baseUrl: url, fetch: given } });
    },
  };
}

type Examples = Record<string, Example<Parts>>;

const model = "gemini-2.5-flash";
const asked = { model, contents: "Hi" };
const prompt = { model, input: "Hi" };
const TEXT = ["One", " two"];

/** Nobody answers, until the request's signal ends it. */
function deaf(input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  const signal = init?.signal ?? (input as Request).signal;
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** A time that is over when a test says so. */
function passing(): { readonly signal: AbortSignal; readonly pass: () => void } {
  const controller = new AbortController();
  const pass = () => controller.abort(new DOMException("It took too long.", "TimeoutError"));
  return { signal: controller.signal, pass };
}

const caught = (call: Promise<unknown>) => call.catch((error: unknown) => error);

/** Has the server send so many events, and no more. */
function gated(provider: Setting["provider"], events: number): void {
  const gate = new Gate();
  provider.reply({ text: TEXT, gate });
  for (let n = 0; n < events; n++) gate.release();
}

/** What somebody sees of a stream who stops it in the middle, and that the provider is told. */
async function stoppedIn(
  provider: Setting["provider"],
  read: (signal: AbortSignal, stop: () => void) => AsyncIterable<unknown>,
): Promise<unknown[]> {
  const controller = new AbortController();
  const seen: unknown[] = [];
  try {
    const stop = () => controller.abort(new RangeError("Enough."));
    for await (const part of read(controller.signal, stop)) seen.push(part);
  } catch (error) {
    seen.push(error);
  }
  await provider.aborted();
  return seen;
}

const content: Examples = {
  "stopped before it is made, plain and by stream": {
    records: [["aborted", "Hi", ""], ["aborted", "Hi", ""]],
    run: async ({ clientOf }) => {
      const request = { ...asked, config: { abortSignal: AbortSignal.abort("no") } };
      const { models } = clientOf();
      return [
        await caught(models.generateContent(request)),
        await caught(models.generateContentStream(request)),
      ];
    },
  },
  "stopped in its stream": {
    records: [["aborted", "Hi", "One"]],
    run: async ({ clientOf, provider }) => {
      gated(provider, 1);
      const { models } = clientOf();
      return await stoppedIn(provider, async function* (signal, stop) {
        const config = { abortSignal: signal };
        for await (const chunk of await models.generateContentStream({ ...asked, config })) {
          yield chunk.text;
          stop();
        }
      });
    },
  },
  "out of time, plain and by stream": {
    records: [["aborted", "Hi", ""], ["aborted", "Hi", ""]],
    run: async ({ clientOf }) => {
      const request = { ...asked, config: { httpOptions: { timeout: 1 } } };
      const { models } = clientOf(deaf);
      return [
        await caught(models.generateContent(request)),
        await caught(models.generateContentStream(request)),
      ];
    },
  },
};

const interactions: Examples = {
  "stopped before it is made, plain and by stream": {
    // They are made as a Request, and the body of one that is stopped is not read.
    records: [["aborted", "", ""], ["aborted", "", ""]],
    run: async ({ clientOf }) => {
      const options = { fetchOptions: { signal: AbortSignal.abort("no") } };
      const { interactions } = clientOf();
      return [
        await caught(interactions.create(prompt, options)),
        await caught(interactions.create({ ...prompt, stream: true }, options)),
      ];
    },
  },
  "stopped in its stream": {
    records: [["aborted", "Hi", "One"]],
    run: async ({ clientOf, provider }) => {
      gated(provider, 4);
      const { interactions } = clientOf();
      return await stoppedIn(provider, async function* (signal, stop) {
        const options = { fetchOptions: { signal } };
        for await (const event of await interactions.create({ ...prompt, stream: true }, options)) {
          yield event;
          if (event.event_type === "step.delta") stop();
        }
      });
    },
  },
  "out of time, plain and by stream": {
    records: [["aborted", "Hi", ""], ["aborted", "Hi", ""]],
    run: async ({ clientOf }) => {
      const seen: unknown[] = [];
      for (const stream of [false, true]) {
        const { signal, pass } = passing();
        const { timeout } = AbortSignal;
        AbortSignal.timeout = () => signal;
        try {
          const { interactions } = clientOf((input, init) => {
            pass();
            return deaf(input, init);
          });
          const request = stream ? { ...prompt, stream } : prompt;
          seen.push(await caught(interactions.create(request, { timeout: 1, maxRetries: 0 })));
        } finally {
          AbortSignal.timeout = timeout;
        }
      }
      return seen;
    },
  },
  "a stream that is split: both halves have all of it": {
    replies: [{ text: TEXT }],
    records: [["completed", "Hi", "One two"]],
    run: async ({ clientOf }) => {
      const stream = await clientOf().interactions.create({ ...prompt, stream: true });
      const [one, other] = stream.tee() as unknown as AsyncIterable<unknown>[];
      return await Promise.all([all(one!), all(other!)]);
    },
  },
  "a stream whose reader cancels it": {
    records: [["aborted", "Hi", "One"]],
    run: async ({ clientOf, provider }) => {
      gated(provider, 4);
      const stream = await clientOf().interactions.create({ ...prompt, stream: true });
      const reader = stream.getReader();
      const seen: unknown[] = [];
      for (let n = 0; n < 4; n++) seen.push(await reader.read());
      seen.push(await reader.cancel("enough"), await reader.closed);
      await provider.aborted();
      return seen;
    },
  },
};

sideBySide("generateContent()", parts, content);
sideBySide("interactions.create()", parts, interactions);

import type { AuditLog } from "../../mod.ts";
import { Capture } from "../shared/capture.ts";
import type { CapturedCall } from "../shared/captured_call.ts";
import {
  type CaptureOptions,
  checkCaptureOptions,
  invalidOption,
} from "../shared/capture_options.ts";
import { withoutCredentials } from "../shared/credentials.ts";
import { jsonValue } from "../shared/exact_json.ts";
import { looseOf } from "../shared/loose.ts";
import { recordError } from "../shared/recorded_parts.ts";
import { sentSecrets } from "../shared/sent_secrets.ts";
import { headerIn, headersOf, requestIdsOf } from "../shared/transport.ts";
import type { WireFormat, WireRequest, WireResponse } from "../wire/wire_format.ts";
import { type AnswerHead, answerIn } from "./answers.ts";
import { askingForUsage } from "./asked_usage.ts";
import { endpointsOf } from "./endpoints.ts";
import { watchedResponse } from "./foreign_response.ts";
import {
  isPlainResponse,
  type Known,
  mayHaveBody,
  withBody,
  withoutLength,
} from "./passed_response.ts";
import { type ReadBody, readBody } from "./read_body.ts";
import { recordedStream } from "./recorded_stream.ts";
import { refusal, RETRY_COUNT } from "./refusal.ts";
import { askedRequest, targetOf } from "./request_body.ts";
import { WholeBody } from "./whole_body.ts";

/** The type of `fetch`, as far as clients call it. */
export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/**
 * How long the body of an answer is waited for before the caller gets its response: as a rule it comes with its headers. Later,
 * it passes as a stream does.
 */
const ANSWER_LIMITS = { ms: 100, bytes: Infinity };

/** How far the body of an error is read before the caller gets its response: it may never end. */
const ERROR_LIMITS = { ms: 1000, bytes: 1024 * 1024 };

/** Options of {@link auditFetch}. */
export interface AuditFetchOptions extends CaptureOptions {
  /** What fetches. Default: the global `fetch` as it is when this is made, so that this can take its place. */
  readonly fetch?: Fetch | undefined;
  /** `gen_ai.provider.name` of all calls. Default: what the host, or else the format, tells. */
  readonly provider?: string | undefined;
  /**
   * Whether streams of OpenAI's chat completions, and of completions, are asked for their usage where the request does not say itself
   * whether it wants it. What the provider tells more for that is recorded, and left out of what the caller reads. Default `false`:
   * some who speak as OpenAI does refuse such a request.
   */
  readonly streamUsage?: boolean | undefined;
}

/**
 * A `fetch` that records the calls of models that are made through it: for any client of an endpoint that speaks as OpenAI's,
 * Anthropic's or Gemini's do.
 *
 * Requests to chat completions, responses, messages, embeddings and completions, and to Gemini's content, embeddings and interactions,
 * are recorded, each attempt by itself; all others pass untouched. Where other services have such paths, too, it must be seen by a request that
 * it asks a model. Bodies pass byte for byte, streams as they come; only `streamUsage` changes them. What the `fetch`
 * beneath gives may be another package's response.
 *
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work; what fetches.
 * @returns To be given to a client as its `fetch`. It rejects with what the `fetch` beneath rejects with, and with an
 *   `AuditLogError` when the call cannot be recorded and `onAuditFailure` is `"refuse"`. Clients that count their attempts in a header, as
 *   the SDKs of OpenAI and Anthropic do, would take that for a broken connection: they get a response that throws it when it is looked at.
 * @throws {AuditLogError} `INVALID_OPTION`.
 *
 * @example
 * ```ts
 * import { AuditLog } from "@audit-log/llm";
 * import { auditFetch } from "@audit-log/llm/fetch";
 *
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db" });
 * const fetch = auditFetch(log, { user: "alice" });
 * export function ask(question: string): Promise<Response> {
 *   return fetch("https://api.openai.com/v1/chat/completions", {
 *     method: "POST",
 *     headers: { authorization: "Bearer ...", "content-type": "application/json" },
 *     body: JSON.stringify({ model: "gpt-4o", messages: [{ role: "user", content: question }] }),
 *   });
 * }
 * ```
 */
export function auditFetch(log: AuditLog, options: AuditFetchOptions = {}): Fetch {
  checkCaptureOptions(options, ["fetch", "provider", "streamUsage"]);
  const { fetch, provider, streamUsage = false, ...others } = options;
  if (provider !== undefined && (typeof provider !== "string" || provider === "")) {
    throw invalidOption("provider", "must be a name that is not empty");
  }
  if (fetch !== undefined && typeof fetch !== "function") {
    throw invalidOption("fetch", "must be a function");
  }
  if (typeof streamUsage !== "boolean") throw invalidOption("streamUsage", "must be a boolean");
  const capture = new Capture(log, others);
  const beneath = fetch ?? globalThis.fetch;
  const endpointOf = endpointsOf(provider);
  return async (input, init) => {
    const endpoint = endpointOf(targetOf(input, init));
    if (endpoint === undefined) return await beneath(input, init);
    const asked = askedRequest(input, init);
    const { signal } = asked;
    const reading = asked.read();
    const read = reading instanceof Promise ? await unlessAborted(reading, signal) : reading;
    if (read.text === null) return await beneath(read.input, read.init); // its body broke: it is fetch's to reject
    const asking = streamUsage && endpoint.format.hasStreamOptions === true
      ? askingForUsage(read.init?.body, asked.header)
      : undefined;
    const sent = asking === undefined ? read.init : { ...read.init, body: asking };
    const text = asking ?? read.text;
    const request = await requestOf(endpoint.format, text, others.inlineMedia ?? false);
    if (endpoint.needsModel && !request.model) return await beneath(read.input, read.init);
    const secrets = sentSecrets(endpoint.url, asked.header);
    const retries = Number(asked.header(RETRY_COUNT) ?? NaN);
    let call: CapturedCall;
    try {
      const beginning = capture.begin({
        ...request,
        provider: endpoint.provider,
        operation: endpoint.format.operation,
        model: request.model ?? endpoint.model ?? "",
        metadata: {
          ...request.metadata,
          ...endpoint.server,
          attempt: Number.isSafeInteger(retries) ? retries + 1 : undefined,
        },
      }, signal);
      call = await unlessAborted(beginning, signal, (late) => late.abort({}, signal?.reason));
    } catch (error) {
      if (signal?.aborted === true) throw error;
      if (asked.header(RETRY_COUNT) !== null) return refusal(error);
      throw error;
    }
    call.conceal(secrets);
    let response: Response;
    try {
      response = await beneath(read.input, sent);
    } catch (error) {
      await recordError(call, error, {}, signal);
      throw error;
    }
    const wants = {
      format: endpoint.format,
      isStream: request.parameters["stream"] === true,
      hidesUsage: asking !== undefined,
    };
    return await answered(call, response, wants, signal);
  };
}

/**
 * What is waited for before a request is made, unless its caller wants it no more meanwhile: that rejects with the caller's
 * reason at once, as `fetch` does. One that was stopped before is `fetch`'s to reject.
 *
 * @param late Given what came all the same.
 */
function unlessAborted<T>(
  waiting: Promise<T>,
  signal: AbortSignal | undefined,
  late: (value: T) => unknown = () => {},
): Promise<T> {
  if (signal === undefined || signal.aborted) return waiting;
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      reject(signal.reason);
      waiting.then(late).catch(() => {});
    };
    signal.addEventListener("abort", aborted, { once: true });
    const settled = (): void => signal.removeEventListener("abort", aborted);
    waiting.finally(settled).then(resolve, reject);
  });
}

/** What a request asks; as a text where its body is not what its path says. Of one that cannot be read, that is said. */
async function requestOf(
  format: WireFormat,
  text: string | undefined,
  keepMedia: boolean,
): Promise<WireRequest> {
  const unknown = { model: undefined, parameters: {} };
  if (text === undefined) {
    return { ...unknown, input: "", metadata: { "request.unreadable": true } };
  }
  try {
    return await format.request(looseOf(jsonValue(text)), keepMedia);
  } catch {
    return { ...unknown, input: withoutCredentials(text), metadata: {} };
  }
}

/** Content types of streams, and of what is one value. */
const EVENTS = /^text\/event-stream\b/i;
const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json\b/i;

/** Passes an answer on, and records it. */
async function answered(
  call: CapturedCall,
  response: Response,
  wants: Pick<AnswerHead, "format" | "isStream" | "hidesUsage">,
  signal: AbortSignal | undefined,
): Promise<Response> {
  let head: AnswerHead;
  try {
    const headers = headersOf(response);
    call.note(requestIdsOf(headers));
    const type = headerIn(headers, "content-type") ?? "";
    const { ok, status } = knownOf(response);
    const isStream = ok && (wants.isStream || EVENTS.test(type));
    head = { ...wants, ok, status, isStream, isJson: !isStream && JSON_TYPE.test(type) };
  } catch (error) {
    await recordError(call, error, {}, signal);
    return response; // what cannot be looked at is the caller's to find out
  }
  if (!isPlainResponse(response)) return watchedResponse(response, call, head, signal);
  const { body } = response;
  if (body === null || body.locked || !mayHaveBody(response.status)) {
    await recordAnswer(call, head.ok ? { output: "" } : answerIn(new WholeBody(""), head));
    return response;
  }
  if (head.isStream) {
    const headers = head.hidesUsage ? withoutLength(response) : undefined;
    return withBody(response, recordedStream(body, call, head, signal), { headers });
  }
  const read = await readBody(body, head.ok ? ANSWER_LIMITS : ERROR_LIMITS, signal);
  if (head.ok && !read.isOver) {
    return withBody(response, recordedStream(read.anew(), call, head, signal));
  }
  const whole = wholeBody(read, call);
  await recordBody(call, head, read, whole ?? new WholeBody(""), signal);
  // Node takes two byte order marks for one.
  const isAsRead = read.isOver && read.error === undefined && !whole?.text.startsWith("\ufeff");
  const known: Known = { whole: isAsRead ? whole : undefined, signal };
  return withBody(response, read.anew(() => known.whole = undefined), { known });
}

const UTF_8 = new TextDecoder();

/** What a body says, unless it is longer than a text may be. */
function wholeBody({ bytes }: ReadBody, call: CapturedCall): WholeBody | undefined {
  try {
    return new WholeBody(UTF_8.decode(bytes));
  } catch {
    call.note({ "response.unreadable": true });
    return undefined;
  }
}

/** Records an answer that is no stream. */
async function recordBody(
  call: CapturedCall,
  head: AnswerHead,
  { error }: ReadBody,
  whole: WholeBody,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (error !== undefined && (head.ok || signal?.aborted === true)) {
    await recordError(call, error.cause, head.ok ? { output: whole.text } : {}, signal);
  } else await recordAnswer(call, answerIn(whole, head));
}

async function recordAnswer(call: CapturedCall, answer: WireResponse): Promise<void> {
  const { error, ...response } = answer;
  await (error === undefined ? call.complete(response) : call.fail(error, response));
}

/** What is known of how a request was answered. What a test has in place of a response may not tell. */
function knownOf(response: Response): Pick<AnswerHead, "ok" | "status"> {
  const { ok, status } = looseOf(response);
  const known = typeof status === "number" ? status : undefined;
  return { ok: typeof ok === "boolean" ? ok : known === undefined || known < 400, status: known };
}

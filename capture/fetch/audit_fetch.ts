import { type AuditLog, AuditLogError } from "../../mod.ts";
import { Capture, type CapturedCall } from "../shared/capture.ts";
import type { CaptureOptions } from "../shared/capture_options.ts";
import { looseOf } from "../shared/loose.ts";
import { recordError } from "../shared/recorded_parts.ts";
import { requestIdsOf, serverOf } from "../shared/transport.ts";
import {
  errorIn,
  type WireFormat,
  type WireRequest,
  type WireResponse,
} from "../wire/wire_format.ts";
import { type Endpoint, endpointOf } from "./endpoints.ts";
import { mayHaveBody, withBody } from "./passed_response.ts";
import { recordedStream } from "./recorded_stream.ts";
import { askedRequest } from "./request_body.ts";

/** The type of `fetch`, as far as clients call it. */
export type Fetch = (input: RequestInfo | URL, init?: RequestInit) => Promise<Response>;

/** Options of {@link auditFetch}. */
export interface AuditFetchOptions extends CaptureOptions {
  /** What fetches. Default: the global `fetch` as it is when this is made, so that this can take its place. */
  readonly fetch?: Fetch | undefined;
  /** `gen_ai.provider.name` of all calls. Default: what the host, or else the format, tells. */
  readonly provider?: string | undefined;
}

/**
 * A `fetch` that records the calls of models that are made through it: for any client of an endpoint that speaks as OpenAI's or
 * Anthropic's do.
 *
 * Requests to chat completions, responses, messages, embeddings and completions are recorded, each attempt by itself; all others
 * pass untouched. Bodies pass byte for byte, streams as they come.
 *
 * @param log Where to record.
 * @param options Who asks, what it costs, what happens when the log does not work; what fetches.
 * @returns To be given to a client as its `fetch`. It rejects with what the `fetch` beneath rejects with, and with an
 *   `AuditLogError` when the call cannot be recorded and `onAuditFailure` is `"refuse"`.
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
  const { fetch, provider, ...others } = options;
  if (provider !== undefined && (typeof provider !== "string" || provider === "")) {
    throw new AuditLogError(
      "INVALID_OPTION",
      "Cannot capture calls: provider must be a name that is not empty",
      { path: "provider" },
    );
  }
  if (fetch !== undefined && typeof fetch !== "function") {
    throw new AuditLogError("INVALID_OPTION", "Cannot capture calls: fetch must be a function", {
      path: "fetch",
    });
  }
  const capture = new Capture(log, others);
  const beneath = fetch ?? globalThis.fetch;
  return async (input, init) => {
    const asked = askedRequest(input, init);
    const endpoint = endpointOf(asked.method, asked.url, provider);
    if (endpoint === undefined) return await beneath(input, init);
    const { text, ...passed } = await asked.read();
    const request = await requestOf(endpoint.format, text, others.inlineMedia ?? false);
    const retries = Number(asked.header("x-stainless-retry-count") ?? NaN);
    const call = await capture.begin({
      ...request,
      provider: endpoint.provider,
      operation: endpoint.format.operation,
      model: request.model ?? endpoint.model ?? "",
      metadata: {
        ...request.metadata,
        ...serverOf(endpoint.url),
        attempt: Number.isSafeInteger(retries) ? retries + 1 : undefined,
      },
    });
    return await answered(call, endpoint, asked.signal, () => beneath(passed.input, passed.init));
  };
}

/** What a request asks; as a text where its body is not what its path says. */
async function requestOf(
  format: WireFormat,
  text: string | undefined,
  keepMedia: boolean,
): Promise<WireRequest> {
  try {
    return await format.request(looseOf(JSON.parse(text ?? "")), keepMedia);
  } catch {
    return { model: undefined, input: text ?? "", metadata: {}, parameters: {} };
  }
}

async function answered(
  call: CapturedCall,
  { format }: Endpoint,
  signal: AbortSignal | undefined,
  fetch: () => Promise<Response>,
): Promise<Response> {
  try {
    const response = await fetch();
    const { body, status, headers } = response;
    call.note(requestIdsOf(headers));
    if (body === null || !mayHaveBody(status)) {
      await (response.ok ? call.complete({ output: "" }) : call.fail(errorIn({}, status)));
      return response;
    }
    if (response.ok && /^text\/event-stream\b/i.test(headers.get("content-type") ?? "")) {
      const stream = body as ReadableStream<Uint8Array<ArrayBuffer>>;
      return withBody(response, recordedStream(stream, call, format.stream(), signal));
    }
    const { bytes, error } = await wholeBody(body as ReadableStream<Bytes>);
    if (error === undefined) {
      await recordBody(call, format, response, bytes);
      return withBody(response, bytes);
    }
    const output = UTF_8.decode(bytes);
    await recordError(call, error.cause, { output }, signal);
    return withBody(response, broken(bytes, error.cause));
  } catch (error) {
    await recordError(call, error, {}, signal);
    throw error;
  }
}

type Bytes = Uint8Array<ArrayBuffer>;

const UTF_8 = new TextDecoder();

/** Reads a body to its end, or to where it breaks. */
async function wholeBody(
  body: ReadableStream<Bytes>,
): Promise<{ bytes: Bytes; error?: { cause: unknown } }> {
  const reader = body.getReader();
  const chunks: Bytes[] = [];
  let error: { cause: unknown } | undefined;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      chunks.push(next.value);
    }
  } catch (cause) {
    error = { cause };
  }
  const bytes = chunks.length === 1 ? chunks[0]! : joined(chunks);
  return error === undefined ? { bytes } : { bytes, error };
}

function joined(chunks: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** A body that breaks where another did: clients take that for something else than a request that fails. */
function broken(bytes: Bytes, error: unknown): ReadableStream<Bytes> {
  let rest: Bytes | undefined = bytes.length === 0 ? undefined : bytes;
  return new ReadableStream({
    type: "bytes",
    pull(controller: ReadableByteStreamController) {
      if (rest === undefined) throw error;
      controller.enqueue(rest);
      rest = undefined;
    },
  }, { highWaterMark: 0 });
}

/** Records an answer that is no stream. */
async function recordBody(
  call: CapturedCall,
  format: WireFormat,
  { ok, status }: Response,
  bytes: Uint8Array,
): Promise<void> {
  const text = UTF_8.decode(bytes);
  let read: WireResponse;
  try {
    const body = looseOf(JSON.parse(text));
    read = ok ? format.response(body) : { output: "", error: errorIn(body, status) };
  } catch {
    // No JSON, or none that its path promises: what it says is kept as it is.
    read = { output: text, ...(ok ? {} : { error: errorIn({}, status) }) };
  }
  const { error, ...response } = read;
  await (error === undefined ? call.complete(response) : call.fail(error, response));
}

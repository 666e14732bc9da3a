import { type Bytes, bytesOf, GatheredBytes } from "./bytes.ts";
import { copiedInit } from "./copied_init.ts";
import { decoded } from "./decoded.ts";

/** What was asked to be fetched, and its body as text where it has one that can be read. */
export interface AskedRequest {
  /** One of its headers. */
  header(name: string): string | null;
  readonly signal: AbortSignal | undefined;
  /** Reads the body, at once where it is a text; what is to be fetched then is given back along with it. */
  read(): Promise<ReadText> | ReadText;
}

interface ReadText extends ToFetch {
  readonly text: string | undefined | null;
}

interface ToFetch {
  readonly input: RequestInfo | URL;
  readonly init: RequestInit | undefined;
}

/** A body as it was read, encoded or not, and what is to be fetched then. */
interface ReadRequest extends ToFetch {
  /** `null` if the body broke: no request is to be made. */
  readonly body: string | Bytes | undefined | null;
}

/** Where a request goes, and by what method. */
export interface Target {
  readonly method: string;
  readonly url: string;
  /** One of its headers; `null` for those that can be read but once, too. */
  header(name: string): string | null;
}

/** Where the arguments of `fetch()` go. Nothing is taken from them. */
export function targetOf(input: RequestInfo | URL, init: RequestInit | undefined): Target {
  const request = isRequest(input) ? input : undefined;
  const headers: unknown = init?.headers ?? request?.headers;
  const header = headersIn(headers);
  return {
    method: init?.method ?? request?.method ?? "GET",
    url: request?.url ?? String(input),
    header: (name) => typeof Object(headers).next === "function" ? null : header(name),
  };
}

/** Looks at the arguments of `fetch()` as they are now: what the caller does to them later changes nothing. */
export function askedRequest(
  input: RequestInfo | URL,
  given: RequestInit | undefined,
): AskedRequest {
  // A Request may stand here, too.
  if (given instanceof Request) return askedRequest(new Request(input, given), undefined);
  const init = copiedInit(given);
  const isOwn = isRequest(input) && (init?.body === undefined || init.body === null);
  const target = input instanceof URL ? new URL(input) : isOwn ? taken(input) : input;
  const request = isRequest(target) ? target : undefined;
  // An option that is null goes before what the request has.
  const own = init?.signal === undefined ? request?.signal : init.signal;
  const signal = own instanceof AbortSignal ? own : undefined;
  const header = headersIn(init?.headers ?? request?.headers);
  const read = async (): Promise<ReadRequest> => {
    if (request !== undefined && isOwn) return await readOwn(request, init, signal);
    const body: unknown = init?.body;
    if (!isIterable(body)) return { body: await contentOf(body), input: target, init };
    if (signal?.aborted === true) return { body: undefined, input: target, init }; // fetch rejects it
    if (body instanceof ReadableStream) return await readStream(body, target, init, signal);
    // It can be read once: what is sent is what was read.
    const bytes = await allOf(streamOf(body), signal);
    return { body: bytes, input: target, init: { ...init, body: bytes } };
  };
  const readText = async (): Promise<ReadText> => {
    const { body, input, init } = await read();
    // What is a text already was not encoded, whatever the header says.
    const text = body instanceof Uint8Array ? await textOf(body, header("content-encoding")) : body;
    return { text, input, init };
  };
  return {
    header,
    signal,
    read() {
      const text: unknown = init?.body;
      return typeof text === "string" ? { text, input: target, init } : readText();
    },
  };
}

const UTF_8 = new TextDecoder();

/** Whether it is a request, of whatever package. */
function isRequest(input: unknown): input is Request {
  if (input instanceof Request) return true;
  if (typeof input !== "object" || input === null) return false;
  const { url, method } = input as Partial<Request>;
  return typeof url === "string" && typeof method === "string";
}

/** Whether a body is a stream: the platform's, one of Node's, or whatever else brings one piece after the other. */
function isIterable(body: unknown): body is AsyncIterable<unknown> {
  // Not every browser's streams can be iterated.
  return body instanceof ReadableStream || typeof Object(body)[Symbol.asyncIterator] === "function";
}

/** What a body brings, as a `fetch` would read it. */
function streamOf(body: AsyncIterable<unknown>): ReadableStream {
  const iterator = body[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel(reason) {
      await iterator.return?.(reason);
    },
  }, { highWaterMark: 0 });
}

/** A request, as `fetch` takes it when it is called: from then on nobody else can read its body. */
function taken(request: Request): Request {
  // What else another class's have would be lost.
  if (Object.getPrototypeOf(request) !== Request.prototype || request.bodyUsed) return request;
  if (!(areTaken ??= isTakenByAnother())) return request;
  let own: Request;
  try {
    own = new Request(request);
  } catch {
    return request; // for fetch to reject
  }
  if (typeof own.signal === "object") heldBy.set(own.signal, [own, request]);
  return own;
}

/**
 * Requests, by the signal of the one that is sent, which is held as long as its answer is read. Node's follow the signal that they were
 * made with only until nobody holds them any more: the caller holds the first of these, and nobody else the other.
 */
const heldBy = new WeakMap<AbortSignal, readonly Request[]>();

let areTaken: boolean | undefined;

/** Whether a request takes the body of one that it is made of, as the standard has it; Bun's has a copy. */
function isTakenByAnother(): boolean {
  const one = new Request("http://localhost", { method: "POST", body: "{}" });
  void new Request(one);
  return one.bodyUsed;
}

/** Reads a body that is a stream. It is sent as one, too: by what it is, `fetch` knows that it cannot be sent again. */
async function readStream(
  body: ReadableStream,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadRequest> {
  if (body.locked) return { body: undefined, input, init }; // for fetch to reject
  const [copy, sent] = body.tee();
  try {
    const bytes = await allOf(copy, signal, (reason) => sent.cancel(reason));
    return { body: bytes, input, init: { ...init, body: sent } };
  } catch (error) {
    const broken = new ReadableStream({ start: (controller) => controller.error(error) });
    return { body: null, input, init: { ...init, body: broken } };
  }
}

/** Reads the body that a request has itself. */
async function readOwn(
  request: Request,
  init: RequestInit | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadRequest> {
  const asked = { input: request, init };
  const canBeRead = !request.bodyUsed && typeof request.arrayBuffer === "function";
  if (!canBeRead || signal?.aborted === true) return { body: undefined, ...asked }; // for fetch to reject
  if (!(request instanceof Request)) return await readOther(request, init, signal);
  // Only the copy's body is looked at: Deno sends one in chunks that was looked at.
  const copy = request.clone().body;
  if (copy === null) return { body: "", ...asked };
  const bytes = await allOf(copy, signal, (reason) => request.body?.cancel(reason));
  return { body: bytes, ...asked };
}

/** Reads the body of a request of another package; as a rule, copies of those can be read only both at once. */
async function readOther(
  request: Request,
  init: RequestInit | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadRequest> {
  const body = request.body as
    | Partial<ReadableStream & { destroy(error: unknown): void }>
    | null
    | undefined;
  if (body === null) return { body: "", input: request, init };
  const bytes = typeof body?.getReader === "function"
    ? await allOf(body as ReadableStream, signal)
    : new Uint8Array(
      await stoppedBy(signal, (reason) => body?.destroy?.(reason), request.arrayBuffer()),
    );
  return { body: bytes, input: request, init: { ...init, body: bytes } };
}

/**
 * All that a body brings. When its request is stopped, it is cancelled.
 *
 * @param alsoStop Stops what else reads of it.
 */
async function allOf(
  body: ReadableStream,
  signal: AbortSignal | undefined,
  alsoStop: (reason: unknown) => Promise<void> | undefined = () => undefined,
): Promise<Bytes> {
  const reader = body.getReader();
  const gather = async (): Promise<Bytes> => {
    const gathered = new GatheredBytes();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      gathered.add(bytesOf(read.value));
    }
    return gathered.all;
  };
  const stop = (reason: unknown): void => {
    for (const stopped of [reader.cancel(reason), alsoStop(reason)]) {
      stopped?.catch(() => {}); // its caller has the reason already
    }
  };
  return await stoppedBy(signal, stop, gather());
}

/** Waits for something that is to be stopped when a request is. */
async function stoppedBy<T>(
  signal: AbortSignal | undefined,
  stop: (reason: unknown) => void,
  work: Promise<T>,
): Promise<T> {
  const aborted = (): void => stop(signal?.reason);
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    return await work;
  } finally {
    signal?.removeEventListener("abort", aborted);
  }
}

/** What a body that is neither a text nor a stream has to say; nothing if it is of a form that is not known. */
async function contentOf(body: unknown): Promise<string | Bytes | undefined> {
  if (body === undefined || body === null) return "";
  if (body instanceof Blob) return new Uint8Array(await body.arrayBuffer());
  return body instanceof Uint8Array ? body as Bytes : undefined;
}

/** A body's text, or nothing if it cannot be read. */
async function textOf(body: Bytes, encoding: string | null): Promise<string | undefined> {
  const bytes = encoding === null ? body : await decoded(body, encoding);
  return bytes === undefined ? undefined : UTF_8.decode(bytes);
}

/** What gives one of some headers. They are looked at when the first is asked for. */
function headersIn(headers: unknown): (name: string) => string | null {
  let known: Headers | undefined;
  return (name) => {
    if (headers === undefined || headers === null) return null;
    try {
      known ??= headers instanceof Headers ? headers : new Headers(headers as HeadersInit);
      return known.get(name);
    } catch {
      return null; // they are the fetch's to refuse
    }
  };
}

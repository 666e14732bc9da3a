/** What was asked to be fetched, and its body as text where it has one that can be read. */
export interface AskedRequest {
  readonly method: string;
  readonly url: string;
  /** One of its headers. */
  header(name: string): string | null;
  readonly signal: AbortSignal | undefined;
  /** Reads the body; what is fetched afterwards is given back along with it. */
  read(): Promise<
    { text: string | undefined; input: RequestInfo | URL; init: RequestInit | undefined }
  >;
}

/** Looks at the arguments of `fetch()`. */
export function askedRequest(
  input: RequestInfo | URL,
  given: RequestInit | undefined,
): AskedRequest {
  // A Request may stand here, too; and what the caller does to options later changes nothing.
  if (given instanceof Request) return askedRequest(new Request(input, given), undefined);
  const init = given === undefined ? undefined : { ...given };
  const request = input instanceof Request ? input : undefined;
  const isOwn = request !== undefined && (init?.body === undefined || init.body === null);
  return {
    method: init?.method ?? request?.method ?? "GET",
    url: request?.url ?? String(input),
    header(name) {
      const headers = init?.headers ?? request?.headers;
      if (headers === undefined) return null;
      return (headers instanceof Headers ? headers : new Headers(headers)).get(name);
    },
    signal: init?.signal ?? request?.signal,
    async read() {
      if (isOwn) return { text: await request.clone().text(), input, init };
      const body = init?.body;
      if (body instanceof ReadableStream) {
        // It can be read once: what is sent is what was read.
        const bytes = new Uint8Array(await new Response(body).arrayBuffer());
        return { text: new TextDecoder().decode(bytes), input, init: { ...init, body: bytes } };
      }
      return { text: await textOf(body), input, init };
    },
  };
}

async function textOf(body: unknown): Promise<string | undefined> {
  if (typeof body === "string") return body;
  if (body instanceof Blob) return await body.text();
  if (body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    return new TextDecoder().decode(body as ArrayBuffer);
  }
  return undefined;
}

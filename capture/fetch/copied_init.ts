/** What `fetch` itself, or one of a runtime or another package, looks for: it may stand on a prototype. */
const OPTIONS: readonly string[] = [
  "method headers body signal redirect referrer referrerPolicy mode credentials cache integrity keepalive duplex priority",
  "window dispatcher client proxy tls unix verbose decompress timeout agent compress follow size highWaterMark",
].flatMap((names) => names.split(" "));

/** A copy of the options of `fetch()`, inherited ones included: what their owner does to them later changes nothing. */
export function copiedInit(given: RequestInit | undefined): RequestInit | undefined {
  if (given === undefined || given === null) return given;
  const all = given as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = { ...all };
  const add = (name: string): void => {
    if (!Object.hasOwn(copy, name)) copy[name] = all[name];
  };
  for (const name in all) add(name);
  for (const name of OPTIONS) if (name in all) add(name);
  if (Object.hasOwn(copy, "headers")) copy["headers"] = copiedHeaders(copy["headers"]);
  if (Object.hasOwn(copy, "body")) copy["body"] = copiedBytes(copy["body"]);
  return copy;
}

/** A copy of headers, which may be what can be read but once. Those of another package are left as they are. */
function copiedHeaders(headers: unknown): unknown {
  if (typeof headers !== "object" || headers === null) return headers;
  if (Object.getPrototypeOf(headers) === Headers.prototype) {
    // What a response does: on Deno, headers made of others at once go through an iterator, which takes fifteen times as long.
    return Object.hasOwn(headers, Symbol.iterator)
      ? new Headers(headers as Headers)
      : new Response(null, { headers: headers as Headers }).headers;
  }
  if (!isIterable(headers)) return { ...headers };
  if (typeof (headers as Partial<Headers>).append === "function") return headers;
  return Array.from(
    headers,
    (pair) => typeof pair === "object" && isIterable(pair) ? [...pair] : pair,
  );
}

/** A copy of bytes; what is none is given back. */
function copiedBytes(body: unknown): unknown {
  if (body instanceof ArrayBuffer) return new Uint8Array(body.slice(0));
  if (!ArrayBuffer.isView(body)) return body;
  const { buffer, byteOffset, byteLength } = body;
  return new Uint8Array(buffer, byteOffset, byteLength).slice();
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof Object(value)[Symbol.iterator] === "function";
}

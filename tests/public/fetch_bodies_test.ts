// auditFetch(): what its caller gets is what it would get without.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { answering, eventBytes, fetched, post, QUESTION } from "../support/fetched.ts";
import { only, outcomes } from "../support/captured.ts";

/** How calls ended, in the order in which they did. */
const endings = async (log: AuditLog): Promise<unknown[]> =>
  (await outcomes(log)).map(([outcome]) => outcome);

const STREAM = { ...QUESTION, stream: true };
const SSE = { "content-type": "text/event-stream" };
const URL_OF_CHAT = "https://llm.example/v1/chat/completions";

function delta(content: string, finish: string | null = null): object {
  return { model: "m", choices: [{ index: 0, delta: { content }, finish_reason: finish }] };
}

/** A stream that gives these chunks, one for each pull, and counts the pulls. */
function chunked(chunks: readonly Uint8Array<ArrayBuffer>[]) {
  const told = { pulls: 0, cancelled: undefined as unknown };
  let next = 0;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      told.pulls++;
      if (next < chunks.length) controller.enqueue(chunks[next++]!);
      else controller.close();
    },
    cancel(reason) {
      told.cancelled = reason;
    },
  }, { highWaterMark: 0 });
  return { stream, told };
}

function pieces(bytes: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer>[] {
  const all = [];
  for (let at = 0; at < bytes.length; at += size) all.push(bytes.slice(at, at + size));
  return all;
}

async function chunksOf(response: Response): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const reader = response.body!.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    chunks.push(read.value);
  }
  return chunks;
}

const TEXT = ": a comment\r\n\r\nid: 1\r\ndata: " +
  JSON.stringify(delta("Grüße, ")) + "\r\n\r\n\r\n" +
  'data: {"choices":\rdata: [{"delta":{"content":"Welt 🌍"}}]}\r\r' +
  'event: x\ndata:{"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

for (const size of [1, 2, 3, 7, 64, 10_000]) {
  test(`events in chunks of ${size} bytes arrive as they were sent`, async (t) => {
    const sent = pieces(new TextEncoder().encode(TEXT) as Uint8Array<ArrayBuffer>, size);
    const copies = sent.map((chunk) => chunk.slice());
    const { log, fetch } = await fetched(t, { fetch: answering(chunked(sent).stream, SSE) });
    const response = await fetch(URL_OF_CHAT, post(STREAM));
    assertEquals(await chunksOf(response), copies);
    assertStrictEquals((await only(log)).outputText, "Grüße, Welt 🌍");
  });
}

for (const stream of [false, true]) {
  test(`bytes, headers and all else are those of a bare fetch, stream: ${stream}`, async (t) => {
    const { provider, fetch } = await fetched(t);
    const url = `${provider.url}/v1/chat/completions`;
    const replies = { text: ["Pa", "ris ✓"], splitBytes: 5, headers: { "x-limit": "7" } };
    provider.reply(replies, replies);
    const bare = await globalThis.fetch(url, post({ ...QUESTION, stream }));
    const audited = await fetch(url, post({ ...QUESTION, stream }));
    assertInstanceOf(audited, Response);
    for (const name of ["url", "status", "statusText", "ok", "redirected", "type"] as const) {
      assertStrictEquals(audited[name], bare[name], name);
    }
    const headersOf = ({ headers }: Response) =>
      [...headers].filter(([name]) => !["date", "x-request-id"].includes(name));
    assertEquals(headersOf(audited), headersOf(bare));
    assertStrictEquals(audited.bodyUsed, false);
    if (stream) assertStrictEquals(takesBuffers(audited), takesBuffers(bare));
    assertEquals(await audited.arrayBuffer(), await bare.arrayBuffer());
    assertStrictEquals(audited.bodyUsed, true);
    const [one, two] = provider.requests;
    assertEquals(two, one);
  });
}

test("an answer can be read in all ways", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const url = `${provider.url}/v1/chat/completions`;
  const read: ((response: Response) => Promise<unknown>)[] = [
    (response) => response.text(),
    (response) => response.json(),
    (response) => response.blob().then((blob) => blob.text()),
    (response) => new Response(response.body, response).text(),
    (response) => Response.prototype.text.call(response),
    async (response) => new TextDecoder().decode(await response.arrayBuffer()),
  ];
  for (const way of read) {
    const text = await way(await fetch(url, post(QUESTION)));
    const { choices } = typeof text === "string" ? JSON.parse(text) : text;
    assertStrictEquals(choices[0].message.content, "Hello!");
  }
  assertEquals(await endings(log), read.map(() => "completed"));
});

test("an answer that is cloned is recorded once, and both can be read", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(STREAM));
  const clone = response.clone();
  assertInstanceOf(clone, Response);
  assertStrictEquals(clone.url, response.url);
  assertStrictEquals(clone.type, response.type);
  const second = clone.clone();
  const texts = await Promise.all([response.text(), clone.text(), second.text()]);
  assertStrictEquals(texts[0], texts[1]);
  assertStrictEquals(texts[0], texts[2]);
  await only(log);
});

test("the body of an answer can be split by tee()", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(STREAM));
  const [one, two] = response.body!.tee();
  const texts = await Promise.all([new Response(one).text(), new Response(two).text()]);
  assertStrictEquals(texts[0], texts[1]);
  assertEquals(await endings(log), ["completed"]);
});

/** A response whose body is a stream of that kind, with these pieces. */
function ofKind(type: "bytes" | undefined, sent: readonly Uint8Array<ArrayBuffer>[]): Response {
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    type: type as "bytes",
    start(controller) {
      // Of a stream of bytes, whoever reads has them alone.
      for (const piece of sent) controller.enqueue(type === undefined ? piece : piece.slice());
      controller.close();
    },
  });
  return new Response(body, { headers: SSE });
}

/** Whether whoever reads a body may bring buffers. */
function takesBuffers({ body }: Response): boolean {
  try {
    body!.getReader({ mode: "byob" }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

for (const type of [undefined, "bytes"] as const) {
  const kind = type ?? "anything";
  const sent = [eventBytes(delta("Pa")), eventBytes(delta("ris", "stop"), "[DONE]")];
  const texts = sent.map((piece) => new TextDecoder().decode(piece));

  test(`a stream of ${kind} takes buffers of its reader if it does without recording`, async (t) => {
    const { fetch } = await fetched(t, { fetch: () => Promise.resolve(ofKind(type, sent)) });
    const response = await fetch(URL_OF_CHAT, post(STREAM));
    assertStrictEquals(takesBuffers(response), takesBuffers(ofKind(type, sent)));
    await response.text();
  });

  test(`pieces of a stream of ${kind} are not taken from others who have them`, async (t) => {
    const others: Response[] = [];
    const { log, fetch } = await fetched(t, {
      fetch() {
        const response = ofKind(type, sent);
        others.push(response.clone());
        return Promise.resolve(response);
      },
    });
    for (let n = 0; n < 2; n++) {
      const response = await fetch(URL_OF_CHAT, post(STREAM));
      assertEquals(await response.text(), texts.join(""));
      assertEquals(await others[n]!.text(), texts.join(""));
    }
    assertEquals(sent.map((piece) => new TextDecoder().decode(piece)), texts);
    assertEquals(await outcomes(log), [["completed", "Paris"], ["completed", "Paris"]]);
  });
}

test("pieces of a long error are not taken from others who have them", async (t) => {
  const sent = [new Uint8Array(1024 * 1024 + 1).fill(0x20), new Uint8Array(0), eventBytes("end")];
  const { log, fetch } = await fetched(t, { fetch: answering(chunked(sent).stream, {}, 500) });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  assertEquals((await response.text()).trim(), "data: end");
  assertEquals(sent.map(({ length }) => length), [1024 * 1024 + 1, 0, 11]);
  assertEquals(await endings(log), ["failed"]);
});

test("a body whose reader brings its own buffers is one still", async (t) => {
  const { log, fetch } = await fetched(t, {
    fetch: () => {
      const body = new ReadableStream({
        type: "bytes",
        start(controller) {
          controller.enqueue(eventBytes(delta("Paris"), delta("", "stop"), "[DONE]"));
          controller.close();
        },
      });
      const response = new Response(null, { headers: SSE });
      Object.defineProperty(response, "body", { value: body });
      return Promise.resolve(response);
    },
  });
  const response = await fetch(URL_OF_CHAT, post(STREAM));
  const reader = response.body!.getReader({ mode: "byob" });
  let text = "";
  for (let done = false; !done;) {
    const read = await reader.read(new Uint8Array(10));
    text += new TextDecoder().decode(read.value);
    done = read.done;
  }
  assert(text.endsWith("data: [DONE]\n\n"), text);
  assertStrictEquals((await only(log)).outputText, "Paris");
});

test("whoever does not read stops the provider", async (t) => {
  const chunks = Array.from({ length: 100 }, (_, n) => eventBytes(delta(`${n}`)));
  const { stream, told } = chunked(chunks);
  const { fetch } = await fetched(t, { fetch: answering(stream, SSE) });
  const response = await fetch(URL_OF_CHAT, post(STREAM));
  assertStrictEquals(told.pulls, 0);
  const reader = response.body!.getReader();
  await reader.read();
  await reader.read();
  await Promise.resolve();
  assertStrictEquals(told.pulls, 2);
  await reader.cancel();
});

test("what a reader does not want is recorded as aborted, with what came", async (t) => {
  const { stream, told } = chunked([eventBytes(delta("Pa")), eventBytes(delta("ris"))]);
  const { log, fetch } = await fetched(t, { fetch: answering(stream, SSE) });
  const response = await fetch(URL_OF_CHAT, post(STREAM));
  const reader = response.body!.getReader();
  await reader.read();
  await reader.cancel("enough");
  assertStrictEquals(told.cancelled, "enough");
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.outcome"]], ["Pa", "aborted"]);
});

test("who stops at the last event has a completed call", async (t) => {
  const all = eventBytes(delta("Paris", "stop"), "[DONE]");
  const { log, fetch } = await fetched(t, { fetch: answering(chunked([all]).stream, SSE) });
  const reader = (await fetch(URL_OF_CHAT, post(STREAM))).body!.getReader();
  await reader.read();
  assertEquals(await endings(log), ["completed"]);
  await reader.cancel();
  assertEquals(await endings(log), ["completed"]);
});

test("a signal that comes while nobody reads is recorded", async (t) => {
  const { stream } = chunked([eventBytes(delta("Pa")), eventBytes(delta("ris"))]);
  const { log, fetch } = await fetched(t, { fetch: answering(stream, SSE), begin: false });
  const controller = new AbortController();
  const { signal } = controller;
  const response = await fetch(URL_OF_CHAT, post(STREAM, { signal }));
  await response.body!.getReader().read();
  controller.abort(new DOMException("too slow", "TimeoutError"));
  while (await log.count() === 0) await new Promise((resolve) => setTimeout(resolve));
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.outcome"]], ["Pa", "aborted"]);
  assertStrictEquals(metadata["error.type"], "TimeoutError");
});

test("a broken connection is recorded with what came, and its error reaches the reader", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  provider.reply({ text: ["Pa", "ris", "!"], cutAfter: 3 });
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(STREAM));
  await assertRejects(() => response.text(), Error);
  const { outputText, metadata } = await only(log);
  assertEquals(metadata["audit.outcome"], "failed");
  assertStrictEquals("Paris!".startsWith(outputText), true);
  assertStrictEquals(typeof metadata["error.type"], "string");
});

test("the very error of a body reaches the reader", async (t) => {
  const error = new Error("the line is cut");
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => controller.enqueue(eventBytes(delta("Pa"))),
    pull: () => Promise.reject(error),
  }, { highWaterMark: 0 });
  const { log, fetch } = await fetched(t, { fetch: answering(stream, SSE) });
  const reader = (await fetch(URL_OF_CHAT, post(STREAM))).body!.getReader();
  await reader.read();
  assertStrictEquals(await assertRejects(() => reader.read()), error);
  const { outputText, metadata } = await only(log);
  assertEquals([outputText, metadata["audit.outcome"]], ["Pa", "failed"]);
  assertStrictEquals(metadata["error.message"], "the line is cut");
});

test("the very error of a fetch reaches the caller", async (t) => {
  const error = new TypeError("no such host");
  const { log, fetch } = await fetched(t, { fetch: () => Promise.reject(error) });
  assertStrictEquals(await assertRejects(() => fetch(URL_OF_CHAT, post(QUESTION))), error);
  const { metadata } = await only(log);
  assertEquals([metadata["audit.outcome"], metadata["error.type"]], ["failed", "TypeError"]);
});

test("headers that refuse changes do so still", async (t) => {
  const { provider, fetch } = await fetched(t);
  const url = `${provider.url}/v1/chat/completions`;
  const refuses = ({ headers }: Response): boolean => {
    try {
      headers.set("x-a", "b");
      return false;
    } catch {
      return true;
    }
  };
  const bare = await globalThis.fetch(url, post(QUESTION));
  const audited = await fetch(url, post(QUESTION));
  const clones = [bare.clone(), audited.clone()];
  assertStrictEquals(refuses(audited), refuses(bare));
  assertStrictEquals(refuses(clones[1]!), refuses(clones[0]!));
  await Promise.all([bare, audited, ...clones].map((response) => response.text()));
});

test("an answer of another class keeps its class", async (t) => {
  class OwnResponse extends Response {
    get own(): boolean {
      return true;
    }
  }
  const own = (): Promise<Response> =>
    Promise.resolve(new OwnResponse(JSON.stringify({ choices: [] })));
  const { log, fetch } = await fetched(t, { fetch: own });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  assertInstanceOf(response, OwnResponse);
  assertStrictEquals(response.own, true);
  assertEquals(await response.json(), { choices: [] });
  await only(log);
});

test("a body can be read once, as any", async (t) => {
  const { provider, fetch } = await fetched(t);
  const response = await fetch(`${provider.url}/v1/chat/completions`, post(QUESTION));
  await response.text();
  await assertRejects(() => response.text(), TypeError);
  assertThrows(() => response.clone(), TypeError);
});

/** What can be told of a response whose text or JSON was asked for, and is asked for again. */
async function toldOf(response: Response, way: "text" | "json"): Promise<unknown[]> {
  const kind = (error: unknown) => error instanceof Error ? error.name : error;
  const asked = () => response[way]().then((value) => ({ value }), (error) => ({ error }));
  const [first, second] = [asked(), asked()];
  const seen = [response.bodyUsed];
  const known: Awaited<typeof first> = await first;
  const told = "error" in known ? String(known.error) : known.value;
  const refused: unknown[] = [];
  for (const again of [() => response.arrayBuffer(), () => response.blob(), asked]) {
    refused.push(
      await again().then((got) => got && "error" in got ? kind(got.error) : "read", kind),
    );
  }
  const other: Awaited<typeof second> = await second;
  refused.push("error" in other ? kind(other.error) : "read");
  for (const again of [() => response.clone(), () => new Response(response.body)]) {
    try {
      again();
      refused.push("made");
    } catch (error) {
      refused.push(kind(error));
    }
  }
  return [told, ...seen, response.bodyUsed, response.body?.locked, refused];
}

for (const way of ["text", "json"] as const) {
  for (
    const body of ['{"choices":[]}', '\ufeff{"choices":[{}]}', '{"choices":', "", "[1,2]", "\ud800"]
  ) {
    const name = `${way}() of ${
      JSON.stringify(body)
    } is as without, and so is all that comes behind`;
    test(name, async (t) => {
      for (const status of [200, 400]) {
        const sent = [new TextEncoder().encode(body)];
        const bare = new Response(chunked(sent).stream, { status });
        const own = answering(chunked(sent).stream, {}, status);
        const { log, fetch } = await fetched(t, { fetch: own });
        const audited = await fetch(URL_OF_CHAT, post(QUESTION));
        assertEquals(await toldOf(audited, way), await toldOf(bare, way));
        await only(log);
      }
    });
  }

  test(`${way}() of an answer whose request is stopped meanwhile rejects with the reason`, async (t) => {
    const { fetch } = await fetched(t, { fetch: answering('{"choices":[]}') });
    const controller = new AbortController();
    const response = await fetch(URL_OF_CHAT, post(QUESTION, { signal: controller.signal }));
    const clone = response.clone();
    const reason = new Error("enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => response[way]()), reason);
    assertStrictEquals(await assertRejects(() => clone[way]()), reason);
  });

  test(`${way}() of an answer whose request is stopped right behind rejects with the reason`, async (t) => {
    const { fetch } = await fetched(t, { fetch: answering('{"choices":[]}') });
    const controller = new AbortController();
    const response = await fetch(URL_OF_CHAT, post(QUESTION, { signal: controller.signal }));
    const read = response[way]();
    const reason = new Error("enough");
    controller.abort(reason);
    assertStrictEquals(await assertRejects(() => read), reason);
    assertStrictEquals(response.bodyUsed, true);
  });

  test(`${way}() is asked of whoever takes its place in the runtime, and of any response`, async (t) => {
    const { fetch } = await fetched(t, {
      fetch: () => Promise.resolve(new Response('{"choices":[]}')),
    });
    const response = await fetch(URL_OF_CHAT, post(QUESTION));
    const other = new Response("[1]");
    assertEquals(JSON.stringify(await response[way].call(other)).replaceAll('"', ""), "[1]");
    await assertRejects(() => response[way].call({} as Response), TypeError);
    const seen: unknown[] = [];
    const original = Response.prototype[way];
    Response.prototype[way] = function (this: Response) {
      seen.push(this);
      return original.call(this);
    };
    try {
      await response[way]();
    } finally {
      Response.prototype[way] = original;
    }
    assertEquals(seen, [response]);
  });

  test(`${way}() of an answer that is being read is refused`, async (t) => {
    const { fetch } = await fetched(t, { fetch: answering('{"choices":[]}') });
    const response = await fetch(URL_OF_CHAT, post(QUESTION));
    const reader = response.body!.getReader();
    await assertRejects(() => response[way](), TypeError);
    const { value } = await reader.read();
    assertStrictEquals(new TextDecoder().decode(value), '{"choices":[]}');
  });
}

test("an answer and its clone are read each by itself, in whatever way", async (t) => {
  const { fetch } = await fetched(t, { fetch: answering('{"choices":[]}') });
  const response = await fetch(URL_OF_CHAT, post(QUESTION));
  const clones = [response.clone(), response.clone(), response.clone()] as const;
  const value = await response.json() as { choices: unknown[] };
  value.choices.push("changed");
  assertEquals(await clones[0].json(), { choices: [] });
  assertStrictEquals(await clones[1].text(), '{"choices":[]}');
  assertStrictEquals((await clones[2].arrayBuffer()).byteLength, 14);
});

test("a clone is read also when the other was, and its request was stopped then", async (t) => {
  const { fetch } = await fetched(t, { fetch: answering('{"choices":[]}') });
  const controller = new AbortController();
  const response = await fetch(URL_OF_CHAT, post(QUESTION, { signal: controller.signal }));
  const clone = response.clone();
  await response.text();
  controller.abort();
  assertStrictEquals(await clone.text(), '{"choices":[]}');
});

const READS: Readonly<Record<string, (response: Response) => Promise<unknown>>> = {
  "text()": (response) => response.text(),
  "json()": (response) => response.json(),
  "arrayBuffer()": (response) => response.arrayBuffer(),
  "its stream": (response) => chunksOf(response),
  "a clone": (response) => response.clone().arrayBuffer(),
};

for (const [name, read] of Object.entries(READS)) {
  test(`chunks that are Buffers, or parts of a buffer that is used again, are read by ${name}`, async (t) => {
    const sent = JSON.stringify({ choices: [], text: "x".repeat(5000) });
    const kept = Buffer.from(sent);
    const whole = (): ReadableStream =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(kept);
          controller.close();
        },
      });
    const reused = (): ReadableStream => {
      const buffer = new Uint8Array(64);
      let at = 0;
      return new ReadableStream({
        pull(controller) {
          if (at >= kept.length) {
            buffer.fill(0);
            return controller.close();
          }
          const piece = kept.subarray(at, at += 64);
          buffer.set(piece);
          controller.enqueue(buffer.subarray(0, piece.length));
        },
      }, { highWaterMark: 0 });
    };
    for (const body of [whole, whole, reused]) {
      const own = (): Promise<Response> => Promise.resolve(new Response(body()));
      const { log, fetch } = await fetched(t, { fetch: own });
      const got = await read(await fetch(URL_OF_CHAT, post(QUESTION)));
      assertStrictEquals(textOf(got), sent);
      assertStrictEquals(kept.toString(), sent);
      await only(log);
    }
  });
}

function textOf(got: unknown): string {
  if (typeof got === "string") return got;
  if (Array.isArray(got)) return Buffer.concat(got).toString();
  return got instanceof ArrayBuffer ? Buffer.from(got).toString() : JSON.stringify(got);
}

test("two byte order marks are read as the runtime reads them", async (t) => {
  const sent = new TextEncoder().encode('\ufeff\ufeff{"choices":[]}');
  const bare = await new Response(chunked([sent.slice()]).stream).text();
  const { fetch } = await fetched(t, { fetch: answering(chunked([sent]).stream) });
  assertStrictEquals(await (await fetch(URL_OF_CHAT, post(QUESTION))).text(), bare);
});

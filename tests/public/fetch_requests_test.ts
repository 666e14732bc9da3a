// auditFetch(): whatever way its caller tells what to fetch, the fetch beneath gets the same.

import { assertEquals, assertStrictEquals } from "@std/assert";
import type { AuditFetchOptions, Fetch } from "@audit-log/llm/fetch";
import nodeFetch, { Request as NodeRequest, type RequestInit as NodeInit } from "node-fetch";
import { Readable } from "node:stream";
import { test } from "node:test";
import { only, outcomes } from "../support/captured.ts";
import { answering, fetched, post, QUESTION } from "../support/fetched.ts";
import { deafFetch } from "../support/fetches.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { Gate } from "../support/providers/server.ts";
import { runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";

const URL_OF_CHAT = "https://llm.example/v1/chat/completions";
const ANSWER = JSON.stringify({ choices: [{ message: { content: "Paris" } }] });
const PAIRS: [string, string][] = [["content-type", "application/json"], ["x-mine", "7"]];
const BODY = JSON.stringify(QUESTION);

/** A fetch that answers, and the request that it got. */
function keeping(): { readonly fetch: Fetch; got: Request | undefined } {
  const kept = {
    got: undefined as Request | undefined,
    fetch: ((input, init) => {
      kept.got = new Request(input, init);
      return answering(ANSWER)!(input, init);
    }) as Fetch,
  };
  return kept;
}

const oneShot: [string, () => unknown][] = [
  ["a generator", function* () {
    yield* PAIRS;
  }],
  ["entries of a Map", () => new Map(PAIRS).entries()],
  ["entries of Headers", () => new Headers(PAIRS).entries()],
  ["what gives one iterator whenever it is asked", () => {
    const iterator = PAIRS[Symbol.iterator]();
    return { [Symbol.iterator]: () => iterator };
  }],
  ["a list of what can be iterated once", () => PAIRS.map((pair) => pair[Symbol.iterator]())],
];
for (const [what, headers] of oneShot) {
  test(`headers that can be read once are read by the fetch beneath: ${what}`, async (t) => {
    const beneath = keeping();
    const { log, fetch } = await fetched(t, { fetch: beneath.fetch });
    await (await fetch(URL_OF_CHAT, post(QUESTION, { headers: headers() as HeadersInit }))).text();
    assertStrictEquals(beneath.got!.headers.get("x-mine"), "7");
    await only(log);
    // Nor are they used up where nothing is recorded.
    await (await fetch(
      "https://llm.example/v1/files",
      post({}, { headers: headers() as HeadersInit }),
    ))
      .text();
    assertStrictEquals(beneath.got!.headers.get("x-mine"), "7");
  });
}

const inherited: [string, () => RequestInit][] = [
  ["of a prototype", () => Object.create(post(QUESTION, { headers: PAIRS }))],
  ["by getters of a class", () => {
    class Init {
      #sent = { method: "POST", headers: PAIRS, body: BODY };
      get method(): string {
        return this.#sent.method;
      }
      get headers(): HeadersInit {
        return this.#sent.headers;
      }
      get body(): string {
        return this.#sent.body;
      }
    }
    return new Init();
  }],
  [
    "that are not enumerable",
    () => Object.defineProperties({ body: BODY, headers: PAIRS }, { method: { value: "POST" } }),
  ],
];
for (const [what, init] of inherited) {
  test(`options ${what} are those of the request`, async (t) => {
    const beneath = keeping();
    const { log, fetch } = await fetched(t, { fetch: beneath.fetch });
    await (await fetch(URL_OF_CHAT, init())).text();
    const { method, headers } = beneath.got!;
    assertEquals([method, headers.get("x-mine"), await beneath.got!.text()], ["POST", "7", BODY]);
    assertStrictEquals((await only(log)).inputText, QUESTION.messages[0]!.content);
  });
}

test("what is changed of a request once it is asked for changes nothing", async (t) => {
  for (
    const made of [
      (): HeadersInit => new Headers(PAIRS),
      () => Object.fromEntries(PAIRS),
      () => PAIRS.map((pair) => [...pair] as [string, string]),
    ]
  ) {
    const beneath = keeping();
    const { log, fetch } = await fetched(t, { fetch: beneath.fetch });
    const [headers, body] = [made(), new TextEncoder().encode(BODY)];
    const init = post(QUESTION, { headers, body });
    const asking = fetch(URL_OF_CHAT, init);
    if (headers instanceof Headers) headers.set("x-mine", "8");
    else if (Array.isArray(headers)) headers[1]![1] = "8";
    else (headers as Record<string, string>)["x-mine"] = "8";
    body.fill(0);
    init.method = "PUT";
    await (await asking).text();
    assertEquals([beneath.got!.method, beneath.got!.headers.get("x-mine")], ["POST", "7"]);
    assertStrictEquals(await beneath.got!.text(), BODY);
    assertStrictEquals((await only(log)).inputText, QUESTION.messages[0]!.content);
  }
});

test("an address that is changed once it is asked for stays what it was", async (t) => {
  const beneath = keeping();
  const { fetch } = await fetched(t, { fetch: beneath.fetch });
  const url = new URL(URL_OF_CHAT);
  const asking = fetch(url, post(QUESTION));
  url.hostname = "other.example";
  await (await asking).text();
  assertEquals(beneath.got!.url, URL_OF_CHAT);
});

const PIECES = [BODY.slice(0, 9), BODY.slice(9)].map((piece) => new TextEncoder().encode(piece));
const streams: [what: string, body: () => AsyncIterable<unknown>][] = [
  ["a stream of Node's", () => Readable.from(PIECES)],
  ["a stream of texts of Node's", () => Readable.from([BODY])],
  ["an async generator", async function* () {
    yield* PIECES;
  }],
  ["what can be iterated", () => ({
    [Symbol.asyncIterator]: () => Readable.from(PIECES)[Symbol.asyncIterator](),
  })],
];
for (const [what, body] of streams) {
  test(`a request whose body is ${what} is recorded, and sent whole`, async (t) => {
    const { provider, log, fetch } = await fetched(t);
    const init = post(QUESTION, { body: body(), duplex: "half" } as object);
    const response = await fetch(`${provider.url}/v1/chat/completions`, init);
    assertEquals((await response.json()).choices[0].message.content, "Hello!");
    assertEquals(provider.requests[0]!.body, QUESTION);
    assertStrictEquals((await only(log)).inputText, QUESTION.messages[0]!.content);
  });
}

test("a body that breaks rejects with its error, and nothing is asked", async (t) => {
  const { provider, log, fetch } = await fetched(t);
  const reason = new RangeError("it broke");
  const body = async function* () {
    yield* PIECES;
    throw reason;
  };
  const init = post(QUESTION, { body: body(), duplex: "half" } as object);
  const asking = fetch(`${provider.url}/v1/chat/completions`, init);
  assertStrictEquals(await asking.then(() => undefined, (error) => error), reason);
  assertEquals([provider.requests.length, await log.count()], [0, 0]);
});

/** A `fetch` of another package, and its requests: made by the standard, and of no class that is known here. */
class OtherRequest {
  readonly #own: Request;
  constructor(url: string, init?: RequestInit) {
    this.#own = new Request(url, init);
  }
  static native(request: OtherRequest, init?: RequestInit): Request {
    return init?.body === undefined
      ? new Request(request.#own, init)
      : new Request(request.#own.url, {
        method: request.#own.method,
        headers: request.#own.headers,
        ...init,
      });
  }
  get url(): string {
    return this.#own.url;
  }
  get method(): string {
    return this.#own.method;
  }
  get headers(): Headers {
    return this.#own.headers;
  }
  get body(): unknown {
    return this.#own.body;
  }
  get signal(): AbortSignal {
    return this.#own.signal;
  }
  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#own.arrayBuffer();
  }
}

const LONG = { ...QUESTION, messages: [{ role: "user", content: "long ".repeat(20_000) }] };
for (const question of [QUESTION, LONG]) {
  const { length } = JSON.stringify(question);
  test(`requests of node-fetch and of others are recorded, and asked as they are: ${length} characters`, async (t) => {
    const others: [string, AuditFetchOptions["fetch"], (url: string) => unknown][] = [
      [
        "node-fetch",
        ((request: NodeRequest, init?: NodeInit) => nodeFetch(request, init)) as never,
        (url) => new NodeRequest(url, post(question) as NodeInit),
      ],
      [
        "node-fetch, a stream",
        ((request: NodeRequest, init?: NodeInit) => nodeFetch(request, init)) as never,
        (url) =>
          new NodeRequest(url, {
            ...post(question) as NodeInit,
            body: Readable.from([JSON.stringify(question)]),
          }),
      ],
      [
        "another",
        ((request: OtherRequest, init?: RequestInit) =>
          globalThis.fetch(OtherRequest.native(request, init))) as never,
        (url) => new OtherRequest(url, post(question)),
      ],
    ];
    for (const [what, beneath, request] of others) {
      const { provider, log, fetch } = await fetched(t, { fetch: beneath });
      const response = await fetch(request(`${provider.url}/v1/chat/completions`) as Request);
      assertEquals((await response.json()).choices[0].message.content, "Hello!", what);
      assertEquals(provider.requests.map(({ method, body }) => [method, body]), [[
        "POST",
        question,
      ]]);
      assertStrictEquals((await only(log)).inputText, question.messages[0]!.content, what);
      const models = new URL("/v1/models", provider.url).href;
      assertEquals((await fetch(request(models) as Request)).status, 404);
      assertEquals(await log.count(), 1);
    }
  });
}

/** A body that never ends, and what it was cancelled with. */
function endless(): {
  readonly body: ReadableStream<Uint8Array>;
  readonly cancelled: Promise<unknown>;
} {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let isOver = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) =>
      new Promise((done) =>
        setTimeout(() => {
          if (!isOver) controller.enqueue(new Uint8Array(1));
          done();
        })
      ),
    cancel(reason) {
      isOver = true;
      resolve(reason);
    },
  });
  return { body, cancelled: promise };
}
const asked: [string, (init: RequestInit) => Parameters<Fetch>][] = [
  ["options", (init) => [URL_OF_CHAT, init]],
  ["what can be iterated", (init) => {
    const iterated = (init.body as ReadableStream).values();
    return [URL_OF_CHAT, { ...init, body: iterated as object as BodyInit }];
  }],
  ["a Request", (init) => [new Request(URL_OF_CHAT, init)]],
  ["another's request", (init) => [new OtherRequest(URL_OF_CHAT, init) as unknown as Request]],
];
for (const [what, args] of asked) {
  test(`a body that still comes is cancelled when its request is stopped: ${what}`, async (t) => {
    const { fetch } = await fetched(t, { fetch: answering(ANSWER) });
    const stop = new AbortController();
    const reason = new RangeError("enough");
    const { body, cancelled } = endless();
    const init = { method: "POST", body, signal: stop.signal, duplex: "half" } as RequestInit;
    const asking = fetch(...args(init));
    await new Promise((resolve) => setTimeout(resolve));
    stop.abort(reason);
    assertStrictEquals(await asking.then(() => undefined, (error) => error), reason);
    // Who cancels both of two copies gives two reasons.
    assertStrictEquals([await cancelled].flat()[0], reason);
  });

  test(`a request that was stopped before is rejected, although its body never ends: ${what}`, async (t) => {
    const { log, fetch } = await fetched(t, {
      fetch: (input, init) =>
        deafFetch(input, { signal: init?.signal ?? (input as Request).signal }),
    });
    const reason = new RangeError("enough");
    const init = {
      method: "POST",
      body: endless().body,
      signal: AbortSignal.abort(reason),
      duplex: "half",
    } as RequestInit;
    const error: unknown = await fetch(...args(init)).then(() => undefined, (error) => error);
    assertStrictEquals(error, reason);
    assertEquals(await outcomes(log), [["aborted", ""]]);
  });
}

// Node's requests follow the signal that they were made with only as long as somebody holds them.
const noSignal = runtimeName === "deno"
  ? "its own fetch forgets the signal of a stream when garbage is collected"
  : noCollector;
for (
  const [what, argsOf] of [
    ["a Request", (request) => [request]],
    ["a Request as the options", (request) => [request.url, request]],
  ] as [what: string, argsOf: (request: Request) => Parameters<Fetch>][]
) {
  testUnless(
    noSignal,
    `whoever stops a stream does so after garbage was collected, too: ${what}`,
    async (t) => {
      const { provider, log, fetch: recording } = await fetched(t);
      for (const fetch of [globalThis.fetch, recording]) {
        const [gate, stop] = [new Gate(), new AbortController()];
        const reason = new RangeError("enough");
        provider.reply({ text: ["One", " two"], gate });
        const { signal } = stop;
        const body = { ...QUESTION, stream: true };
        const request = new Request(`${provider.url}/v1/chat/completions`, post(body, { signal }));
        for (let n = 0; n < 2; n++) gate.release();
        const reader = (await fetch(...argsOf(request))).body!.getReader();
        await reader.read();
        let rounds = 0;
        await collectUntil(() => Promise.resolve(++rounds > 5));
        stop.abort(reason);
        for (let n = 0; n < 9; n++) gate.release();
        const read = async () => {
          while (!(await reader.read()).done);
        };
        assertStrictEquals(await read().then(() => "all of it", (error) => error), reason);
        assertEquals(request.signal.aborted, true); // held until here, as its maker does
      }
      assertEquals((await outcomes(log)).map(([outcome]) => outcome), ["aborted"]);
    },
  );
}

// What a caller can see of auditFetch() and of the runtime's fetch, side by side: stopped requests, streams as bodies, requests of which the
// body is taken.

import { assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { auditFetch, type Fetch } from "@audit-log/llm/fetch";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { QUESTION } from "../support/fetched.ts";
import { observed } from "../support/observed.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd } from "../support/temp.ts";

const CHAT = "/v1/chat/completions";
const ANSWER = JSON.stringify({
  choices: [{ index: 0, message: { role: "assistant", content: "Hello!" }, finish_reason: "stop" }],
});
const BODY = JSON.stringify(QUESTION);

/** A server that answers, or does what the query says: a status, or a redirect. It tells how a body came. */
async function serving(t: TestContext): Promise<{ url: string; came: unknown[] }> {
  const came: unknown[] = [];
  const server = createServer(async (request, response) => {
    let size = 0;
    try {
      for await (const chunk of request) size += (chunk as Uint8Array).length;
    } catch {
      return; // its body broke
    }
    const { url, headers } = request;
    came.push([url, size, headers["transfer-encoding"], headers["content-length"]]);
    const { searchParams } = new URL(url!, "http://localhost");
    const status = Number(searchParams.get("status") ?? 200);
    response.writeHead(status, {
      "content-type": "application/json",
      ...(status === 307 ? { location: CHAT } : {}),
    });
    response.end(ANSWER);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${CHAT}`, came };
}

function streamed(...chunks: (string | Error)[]): ReadableStream {
  const rest = chunks.values();
  return new ReadableStream({
    pull(controller) {
      const { done, value } = rest.next();
      if (done === true) controller.close();
      else if (typeof value === "string") controller.enqueue(new TextEncoder().encode(value));
      else controller.error(value);
    },
  });
}

/** Options that not all types of `fetch` know. */
const post = (others: Readonly<Record<string, unknown>> = {}): RequestInit => ({
  method: "POST",
  body: BODY,
  ...others,
});

type Program = (fetch: Fetch, url: string) => Promise<unknown>;

const PROGRAMS: Readonly<Record<string, Program>> = {
  "who stops a request whose answer has come cannot read it any more": async (fetch, url) => {
    const stop = new AbortController();
    const response = await fetch(url, post({ signal: stop.signal }));
    stop.abort(new RangeError("enough"));
    return [response.status, await failure(response.text())];
  },
  "nor where the answer is an error": async (fetch, url) => {
    const stop = new AbortController();
    const response = await fetch(`${url}?status=400`, post({ signal: stop.signal }));
    stop.abort();
    return [response.status, await failure(response.json())];
  },
  "who stops a request whose answer was read has it": async (fetch, url) => {
    const stop = new AbortController();
    const response = await fetch(url, post({ signal: stop.signal }));
    const text = await response.text();
    stop.abort();
    return [text, response.bodyUsed];
  },
  "an answer is a blob of its type": async (fetch, url) => {
    const { type, size } = await (await fetch(url, post())).blob();
    return [type, size];
  },
  "a stream is sent as a stream": async (fetch, url) => {
    const body = streamed(BODY.slice(0, 9), BODY.slice(9));
    return await (await fetch(url, post({ body, duplex: "half" }))).json();
  },
  "a stream is sent only by who says so, where that is asked for": async (fetch, url) =>
    await failure(fetch(url, post({ body: streamed(BODY) }))),
  "a stream is not sent again where it is redirected": async (fetch, url) =>
    await failure(fetch(`${url}?status=307`, post({ body: streamed(BODY), duplex: "half" }))),
  "a stream that somebody else reads is not sent": async (fetch, url) => {
    const body = streamed(BODY);
    body.getReader();
    return await failure(fetch(url, post({ body, duplex: "half" })));
  },
  "what is no signal is refused": async (fetch, url) =>
    await failure(fetch(url, post({ signal: {} }))),
};

/** What somebody gets who waits for a promise: a response only by its status. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    const value = await promise;
    return value instanceof Response ? value.status : value;
  } catch (error) {
    return ["thrown", error];
  }
}

/** What a program sees, and the server, by the runtime's `fetch` and by one that records. */
async function sideBySide(
  t: TestContext,
  program: Program,
): Promise<[plain: unknown, audited: unknown]> {
  const { url, came } = await serving(t);
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const seen = async (fetch: Fetch): Promise<unknown> =>
    observed([await program(fetch, url), came.splice(0)]);
  return [await seen(fetch), await seen(auditFetch(log))];
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  test(`as with fetch alone: ${name}`, async (t) => {
    const [plain, audited] = await sideBySide(t, program);
    assertEquals(audited, plain);
  });
}

test("a stream that breaks is fetch's to tell, and neither sent nor recorded", async (t) => {
  const { url, came } = await serving(t);
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const init = () =>
    post({ body: streamed(BODY.slice(0, 9), new RangeError("it broke")), duplex: "half" });
  const nameOf = async (fetch: Fetch): Promise<string> =>
    await fetch(url, init()).then(() => "none", ({ name }: Error) => name);
  assertEquals(await nameOf(auditFetch(log)), await nameOf(fetch));
  assertEquals([came, log.size], [[], 0]);
});

/** Whether a request that another is made of has its body no more: as `fetch` is said to begin. */
const areTaken = ((one) => new Request(one) !== one && one.bodyUsed)(
  new Request("http://localhost", { method: "POST", body: "{}" }),
);

testUnless(
  areTaken ? undefined : "this runtime makes requests of others without taking their bodies",
  "as with fetch alone: nobody else can read a request's body from the call on",
  async (t) => {
    const [plain, audited] = await sideBySide(t, async (fetch, url) => {
      const request = new Request(url, post());
      const asking = fetch(request);
      const { bodyUsed } = request;
      const read = await request.text().then(() => "read", ({ name }: Error) => name);
      return [bodyUsed, read, await (await asking).text()];
    });
    assertEquals(audited, plain);
  },
);

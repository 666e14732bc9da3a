// auditFetch(): an answer that a server hands on as its own.

import { assertEquals } from "@std/assert";
import type { Fetch } from "@audit-log/llm/fetch";
import { test, type TestContext } from "node:test";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { only } from "../support/captured.ts";
import { fetched, post, QUESTION } from "../support/fetched.ts";
import { serving } from "../support/serving.ts";
import { atEnd } from "../support/temp.ts";

interface DenoServer {
  readonly addr: { readonly port: number };
  shutdown(): Promise<void>;
}
const { Deno } = globalThis as {
  Deno?: { serve(options: object, handler: () => Promise<Response>): DenoServer };
};
/** Serves what a fetch gives, as it is, and gives what a client sees of that. */
async function relayed(t: TestContext, fetch: () => Promise<Response>): Promise<unknown[]> {
  const server = Deno!.serve({ port: 0, onListen() {} }, fetch);
  atEnd(t, () => server.shutdown());
  const response = await globalThis.fetch(`http://127.0.0.1:${server.addr.port}`);
  const { headers } = response;
  return [
    response.status,
    headers.get("x-a"),
    headers.get("content-encoding"),
    await response.text(),
  ];
}

const encoded: [string, (text: string) => Uint8Array][] = [
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
  ["identity", (text) => new TextEncoder().encode(text)],
];
for (const [encoding, encode] of encoded) {
  for (const stream of [false, true]) {
    const content = "Paris ".repeat(100);
    const choices = [{ index: 0, message: { content }, delta: { content }, finish_reason: "stop" }];
    const text = stream
      ? `data: ${JSON.stringify({ choices })}\n\ndata: [DONE]\n\n`
      : JSON.stringify({ choices });
    const asking = async (t: TestContext) => {
      const origin = await serving(t, (response) => {
        const body = encode(text);
        response.writeHead(200, {
          "content-type": stream ? "text/event-stream" : "application/json",
          "content-encoding": encoding,
          "content-length": body.length,
          "x-a": "b",
        }).end(body);
      });
      return (fetch: Fetch) => () =>
        fetch(`${origin}/v1/chat/completions`, post({ ...QUESTION, stream }));
    };

    test(`an answer by ${encoding} is seen as that of a bare fetch, stream: ${stream}`, async (t) => {
      const ask = await asking(t);
      const { log, fetch } = await fetched(t);
      const seen = await ask(fetch)();
      const bare = await ask(globalThis.fetch)();
      for (const name of ["content-encoding", "content-length", "x-a"]) {
        assertEquals(seen.headers.get(name), bare.headers.get(name));
      }
      assertEquals((await seen.clone().text()) + await seen.text(), text + text);
      assertEquals((await only(log)).outputText, content);
    });

    // Deno's server alone leaves out what its fetch decoded; elsewhere there is nothing to compare.
    if (Deno === undefined) continue;
    test(`an answer by ${encoding} is handed on as that of a bare fetch, stream: ${stream}`, async (t) => {
      const ask = await asking(t);
      const { log, fetch } = await fetched(t);
      const bare = await relayed(t, ask(globalThis.fetch));
      assertEquals(await relayed(t, ask(fetch)), bare);
      assertEquals(bare.at(-1), text);
      assertEquals((await only(log)).outputText, content);
    });
  }
}

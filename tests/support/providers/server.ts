/**
 * A server on this machine that speaks the wire formats of model providers, for tests and examples: plain JSON and
 * server-sent events, errors, broken connections.
 *
 * @module
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { atEnd } from "../temp.ts";
import { messages } from "./anthropic_messages.ts";
import { geminiContent } from "./gemini_content.ts";
import { geminiEmbeddings } from "./gemini_embeddings.ts";
import { geminiInteractions } from "./gemini_interactions.ts";
import { chatCompletions } from "./openai_chat.ts";
import { embeddings } from "./openai_embeddings.ts";
import { responses } from "./openai_responses.ts";
import type { Endpoint, Reply } from "./reply.ts";

export { Door, Gate, type Reply } from "./reply.ts";

/** A request that came in. */
export interface ProviderRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Its JSON. */
  readonly body: Record<string, unknown>;
}

/** A running server. */
export interface Provider {
  /** `http://127.0.0.1:PORT`; clients of OpenAI get it with `/v1` behind. */
  readonly url: string;
  /** What came in, in its order. */
  readonly requests: ProviderRequest[];
  /** Says what the next request gets; each call adds one more. */
  reply(...replies: readonly Reply[]): void;
  /** Resolves when a client goes away before its answer is complete. */
  aborted(): Promise<void>;
  /** Ends it, and all its connections. */
  close(): Promise<void>;
}

const ENDPOINTS: readonly [path: RegExp, endpoint: Endpoint][] = [
  [/\/chat\/completions$/, chatCompletions],
  [/\/responses$/, responses],
  [/\/embeddings$/, embeddings],
  [/\/messages$/, messages],
  // As Google has them.
  [/\/publishers\/anthropic\/models\/[^/:]+:(?:r|streamR)awPredict$/, messages],
  [/:(?:g|streamG)enerateContent$/, geminiContent],
  [/:(?:batchEmbedContents|embedContent|predict)$/, geminiEmbeddings],
  [/\/interactions$/, geminiInteractions],
];

const DEFAULT: Reply = { text: ["Hello", "!"] };

/** Starts a server, for the time of a test where one is given. */
export async function startProvider(t?: TestContext): Promise<Provider> {
  const requests: ProviderRequest[] = [];
  const replies: Reply[] = [];
  let abortions = 0;
  let told: (() => void) | undefined;
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (response.writableFinished || response.destroyed && cut.has(response)) return;
      abortions++;
      told?.();
    });
    const endpoint = ENDPOINTS.find(([path]) => path.test(pathOf(request)))?.[1];
    bodyOf(request).then((text) => {
      const body = jsonOf(text);
      requests.push({
        method: request.method!,
        path: request.url!,
        headers: request.headers as Record<string, string>,
        body: body ?? {},
      });
      if (endpoint === undefined) {
        // Of what is no call of a model, only what a test says.
        if (replies[0]?.json === undefined) response.writeHead(404).end();
        else answerJson(response, replies.shift()!);
        return;
      }
      if (body === undefined) {
        const headers = { "content-type": "application/json" };
        response.writeHead(400, headers).end(JSON.stringify(endpoint.error(400, "No JSON.")));
        return;
      }
      const asked = endpoint.asked?.(pathOf(request), body) ?? body;
      return answer(response, endpoint, replies.shift() ?? DEFAULT, asked);
    }).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  if (t !== undefined) atEnd(t, close);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    reply: (...more) => void replies.push(...more),
    async aborted() {
      while (abortions === 0) await new Promise<void>((resolve) => told = resolve);
      abortions--;
    },
    close,
  };
}

function answerJson(response: ServerResponse, { status = 200, headers, json }: Reply): void {
  response.writeHead(status, {
    "content-type": "application/json",
    "x-request-id": "req_local_1",
    ...headers,
  });
  response.end(JSON.stringify(json));
}

/** Answers whose connection was cut on purpose. */
const cut = new WeakSet<ServerResponse>();

async function answer(
  response: ServerResponse,
  endpoint: Endpoint,
  reply: Reply,
  request: Record<string, unknown>,
): Promise<void> {
  const headers = { [endpoint.requestIdHeader]: "req_local_1", ...reply.headers };
  const { status = 200, error = "It cannot be done." } = reply;
  if (status !== 200) {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(endpoint.error(status, error)));
  } else if (request["stream"] !== true) {
    await reply.gate?.passed();
    const json = new TextEncoder().encode(JSON.stringify(endpoint.whole(reply, request)));
    response.writeHead(200, {
      "content-type": "application/json",
      "content-length": json.length,
      ...headers,
    });
    if (reply.cutBytes === undefined) response.end(json);
    else {
      await new Promise<void>((resolve) => {
        response.write(json.subarray(0, reply.cutBytes), () => resolve());
      });
      cut.add(response);
      response.destroy();
    }
  } else {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", ...headers });
    response.flushHeaders();
    await stream(response, endpoint, reply, request);
  }
}

async function stream(
  response: ServerResponse,
  endpoint: Endpoint,
  reply: Reply,
  request: Record<string, unknown>,
): Promise<void> {
  for (const [index, { name, data }] of endpoint.events(reply, request).entries()) {
    await reply.gate?.passed();
    if (index === reply.cutAfter) {
      cut.add(response);
      response.destroy();
      return;
    }
    if (index === reply.endAfter) {
      response.end();
      return;
    }
    if (index === reply.malformedAfter) await write(response, sse(name, data, '{"half'), reply);
    if (index === reply.streamErrorAfter) {
      const { name, data } = endpoint.streamError(reply.error ?? "It broke.");
      await write(response, sse(name, data), reply);
      response.end();
      return;
    }
    await write(response, sse(name, data), reply);
  }
  await write(response, endpoint.end, reply);
  response.end();
}

function sse(name: string | undefined, data: unknown, json = JSON.stringify(data)): string {
  return `${name === undefined ? "" : `event: ${name}\n`}data: ${json}\n\n`;
}

async function write(response: ServerResponse, text: string, { splitBytes }: Reply): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  const size = splitBytes ?? Math.max(1, bytes.length);
  for (let start = 0; start < bytes.length; start += size) {
    await new Promise<void>((resolve) => {
      response.write(bytes.subarray(start, start + size), () => resolve());
    });
  }
}

function pathOf({ url = "" }: IncomingMessage): string {
  return new URL(url, "http://localhost").pathname;
}

function jsonOf(text: string): Record<string, unknown> | undefined {
  try {
    return text === "" ? {} : JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return await new Blob(chunks as BlobPart[]).text();
}

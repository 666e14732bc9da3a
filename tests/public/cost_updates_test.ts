// Newer prices are fetched when asked for, and never otherwise.

import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { genaiPrices } from "@audit-log/llm/cost";
import { type Provider, updatePrices, waitForUpdate } from "@pydantic/genai-prices";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { priceData } from "../support/price_data.ts";

const usage = { inputTokens: 1_000_000, outputTokens: 0 };

/** A server of prices, its address, and how often it was asked. At the end all is as it was. */
async function servePrices(
  t: TestContext,
  answer: RequestListener,
): Promise<{ url: string; asked: () => number }> {
  const before = await priceData();
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    updatePrices(({ onCalc, setProviderData }) => {
      onCalc(() => {});
      setProviderData([...before]);
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/prices.json`, asked: () => asked };
}

/** OpenAI's prices with another one for GPT-4o. */
async function openaiWith(input_mtok: number): Promise<string> {
  const openai = (await priceData()).find(({ id }) => id === "openai")!;
  const changed: Provider = {
    ...openai,
    models: [{ id: "gpt-4o", match: { equals: "gpt-4o" }, prices: { input_mtok, output_mtok: 1 } }],
  };
  return JSON.stringify([changed]);
}

test("prices are fetched when asked for, and used once they are there", async (t) => {
  const prices = await openaiWith(7);
  const { url, asked } = await servePrices(t, (_, response) => response.end(prices));
  const offline = genaiPrices();
  assertStrictEquals(offline(usage, "gpt-4o", "openai"), 2.5);
  const cost = genaiPrices({ updates: { url } });
  assertStrictEquals(cost(usage, "gpt-4o", "openai"), 2.5);
  await waitForUpdate();
  assertStrictEquals(cost(usage, "gpt-4o", "openai"), 7);
  assertStrictEquals(asked(), 1);
});

test("prices that are old are fetched again with the next call", async (t) => {
  const answers = [await openaiWith(7), await openaiWith(8)];
  const { url, asked } = await servePrices(t, (_, response) => response.end(answers.shift()));
  const cost = genaiPrices({ updates: { url, everyMs: 1 } });
  await waitForUpdate();
  const since = performance.now();
  while (performance.now() - since <= 1); // the clock is all there is to wait for
  assertStrictEquals(cost(usage, "gpt-4o", "openai"), 7);
  await waitForUpdate();
  assertStrictEquals(asked(), 2);
  // Every cost has the newest prices: the package has one set of them.
  assertStrictEquals(genaiPrices({ updates: { url } })(usage, "gpt-4o", "openai"), 8);
});

const failures: [what: string, answer: RequestListener, message: RegExp][] = [
  ["an error", (_, response) => response.writeHead(503).end("no"), /503/],
  ["no JSON", (_, response) => response.end("<html>"), /./],
  ["something else", (_, response) => response.end('{"a":1}'), /Provider/],
  ["nothing", (request) => request.socket.destroy(), /./],
];

for (const [what, answer, message] of failures) {
  test(`when the server of prices answers with ${what}, those before stay, and one is told`, async (t) => {
    const { url } = await servePrices(t, answer);
    const error = await new Promise((onError) => {
      const cost = genaiPrices({ updates: { url, onError } });
      assertStrictEquals(cost(usage, "gpt-4o", "openai"), 2.5);
    });
    assertMatch(String(error), message);
    assertStrictEquals(genaiPrices()(usage, "gpt-4o", "openai"), 2.5);
  });
}

test("an onError that throws or rejects ends no process, and leaves prices as they are", async (t) => {
  const { url } = await servePrices(t, (_, response) => response.writeHead(503).end());
  for (const isAsync of [false, true]) {
    const told = Promise.withResolvers<void>();
    const onError = (() => {
      told.resolve();
      if (isAsync) return Promise.reject(new Error("mine"));
      throw new Error("mine");
    }) as () => void;
    const cost = genaiPrices({ updates: { url, onError } });
    await told.promise;
    await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled one would be told now
    assertStrictEquals(cost(usage, "gpt-4o", "openai"), 2.5);
  }
});

test("prices that could not be fetched are fetched again ten minutes later, not a day", async (t) => {
  const answers = [503, 200];
  const prices = await openaiWith(7);
  const { url, asked } = await servePrices(t, (_, response) => {
    response.writeHead(answers.shift() ?? 200).end(prices);
  });
  const { now } = performance;
  t.after(() => {
    performance.now = now;
  });
  const told = Promise.withResolvers<unknown>();
  const cost = genaiPrices({ updates: { url, onError: told.resolve } });
  await told.promise;
  await waitForUpdate();
  for (const [minutes, times] of [[9, 1], [11, 2], [100, 2]] as const) {
    performance.now = () => now.call(performance) + minutes * 60_000;
    cost(usage, "gpt-4o", "openai");
    await waitForUpdate();
    assertStrictEquals(asked(), times);
  }
  assertStrictEquals(cost(usage, "gpt-4o", "openai"), 7);
});

test("nothing is fetched unless asked for", async (t) => {
  const { fetch } = globalThis;
  t.after(() => {
    globalThis.fetch = fetch;
  });
  const fetched: unknown[] = [];
  globalThis.fetch = (input) => {
    fetched.push(input);
    return Promise.reject(new Error("no network"));
  };
  for (const cost of [genaiPrices(), genaiPrices({}), genaiPrices({ updates: false })]) {
    cost(usage, "gpt-4o", "openai");
  }
  await waitForUpdate();
  assertEquals(fetched, []);
});

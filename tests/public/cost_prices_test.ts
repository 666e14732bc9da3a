// What a call costs, by the prices of @pydantic/genai-prices.

import { assertEquals, assertGreater, assertStrictEquals, assertThrows } from "@std/assert";
import { type Cost, genaiPrices, type Usage } from "@audit-log/llm/cost";
import fc from "fast-check";
import { test } from "node:test";
import {
  amountFor,
  dollars,
  isNamedByItself,
  priceData,
  pricesOn,
  type Tokens,
} from "../support/price_data.ts";
import { check, LONG_MS } from "../support/property.ts";
import { checkRefusal } from "../support/refused.ts";

const DAY = "2026-10-01";
const at = new Date(`${DAY}T12:00:00Z`);
const cost = genaiPrices({ at });

/** The names of OpenTelemetry's conventions, and whose prices they must get. */
const PROVIDERS: [convention: string, library: string][] = [
  ["anthropic", "anthropic"],
  ["aws.bedrock", "aws"],
  ["azure.ai.inference", "azure"],
  ["azure.ai.openai", "azure"],
  ["cohere", "cohere"],
  ["deepseek", "deepseek"],
  ["gcp.gemini", "google"],
  ["gcp.gen_ai", "google"],
  ["gcp.vertex_ai", "google"],
  ["groq", "groq"],
  ["mistral_ai", "mistral"],
  ["openai", "openai"],
  ["perplexity", "perplexity"],
  ["x_ai", "x-ai"],
];

function usageOf({ input, output, read, written, reasoning }: Tokens): Usage {
  return {
    inputTokens: input,
    outputTokens: output,
    cacheReadTokens: read,
    cacheCreationTokens: written,
    reasoningTokens: reasoning,
  };
}

const anyTokens: fc.Arbitrary<Tokens> = fc.tuple(
  fc.nat(150_000),
  fc.nat(150_000),
  fc.nat(150_000),
  fc.nat(50_000),
  fc.nat(50_000),
).map(([plain, read, written, spoken, reasoning]) => ({
  input: plain + read + written,
  output: spoken + reasoning,
  read,
  written,
  reasoning,
}));

for (const [convention, library] of PROVIDERS) {
  test(
    `models of ${convention} cost what the data of ${library} says, to the last decimal`,
    { timeout: LONG_MS },
    async () => {
      const provider = (await priceData()).find(({ id }) => id === library)!;
      const models = provider.models
        .filter((model) => isNamedByItself(provider, model))
        .filter((model) => ["input_mtok", "output_mtok"].every((p) => p in pricesOn(model, DAY)));
      assertGreater(models.length, 2);
      let compared = 0;
      const property = fc.asyncProperty(
        fc.constantFrom(...models),
        anyTokens,
        (model, tokens) => {
          const amount = amountFor(pricesOn(model, DAY), tokens);
          if (amount === undefined) return Promise.resolve();
          compared++;
          assertStrictEquals(cost(usageOf(tokens), model.id, convention), dollars(amount));
          return Promise.resolve();
        },
      );
      await check(property, 200);
      assertGreater(compared, 100);
    },
  );
}

const known: [usage: Usage, model: string, provider: string | undefined, costUsd: number][] = [
  [{ inputTokens: 1000, outputTokens: 500 }, "gpt-4o", "openai", 0.0075],
  [{ inputTokens: 1000, outputTokens: 500 }, "gpt-4o-2024-08-06", "openai", 0.0075],
  [{ inputTokens: 1000, outputTokens: 500 }, "gpt-4o", undefined, 0.0075],
  [{ inputTokens: 1000, outputTokens: 500 }, "gpt-4o", "azure.ai.openai", 0.0075],
  [{ inputTokens: 1000, outputTokens: 500, cacheReadTokens: 400 }, "gpt-4o", "openai", 0.007],
  [{ inputTokens: 1000, outputTokens: 500 }, "claude-sonnet-4-5-20250929", "anthropic", 0.0105],
  [
    { inputTokens: 1000, outputTokens: 500, cacheReadTokens: 600, cacheCreationTokens: 200 },
    "claude-sonnet-4-5-20250929",
    "anthropic",
    0.00903,
  ],
  [
    { inputTokens: 1000, outputTokens: 500 },
    "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "aws.bedrock",
    0.0105,
  ],
  [{ inputTokens: 1000, outputTokens: 500 }, "claude-3-5-sonnet@20241022", "gcp.vertex_ai", 0.0105],
  [{ inputTokens: 1000, outputTokens: 500 }, "gemini-2.5-flash", "gcp.gemini", 0.00155],
  [{ inputTokens: 1000, outputTokens: 500 }, "models/gemini-2.5-flash", "gcp.gemini", 0.00155],
  [
    { inputTokens: 1000, outputTokens: 500, reasoningTokens: 300 },
    "sonar-deep-research",
    "perplexity",
    0.0045,
  ],
  [{ inputTokens: 1000 }, "text-embedding-3-small", "openai", 0.00002],
  [{ inputTokens: 1000, outputTokens: 0 }, "text-embedding-3-small", "openai", 0.00002],
  [{ inputTokens: 0, outputTokens: 0 }, "gpt-4o", "openai", 0],
];

for (const [usage, model, provider, costUsd] of known) {
  const tokens = JSON.stringify(usage);
  test(`${tokens} cost ${costUsd} with ${model} of ${provider ?? "whoever has it"}`, () => {
    assertStrictEquals(cost(usage, model, provider), costUsd);
  });
}

const some: Usage = { inputTokens: 1000, outputTokens: 500 };
const unknown: [why: string, usage: Usage, model: string, provider: string | undefined][] = [
  ["nothing is known of the usage", {}, "gpt-4o", "openai"],
  ["the input is not known", { outputTokens: 500 }, "gpt-4o", "openai"],
  ["the output is not known", { inputTokens: 1000 }, "gpt-4o", "openai"],
  ["the model is not known", some, "my-own-model", "openai"],
  ["the model is not known to anybody", some, "my-own-model", undefined],
  ["the model has no name", some, "", "openai"],
  ["the provider is not known", some, "gpt-4o", "acme"],
  ["the provider has no prices", some, "granite-3-8b", "ibm.watsonx.ai"],
  ["the model is paid for by the hour", { ...some, outputTokens: 0 }, "whisper-1", "openai"],
  ["the model is paid for by the page", some, "mistral-ocr-2512", "mistral_ai"],
  ["the data has no price at all", some, "gpt-4.1", "github-copilot"],
  ["the output has no price", some, "text-embedding-3-small", "openai"],
  ["more was cached than given", { ...some, cacheReadTokens: 1001 }, "gpt-4o", "openai"],
  ["more was thought than said", { ...some, reasoningTokens: 501 }, "gpt-4o", "openai"],
  ["a count is negative", { ...some, inputTokens: -1 }, "gpt-4o", "openai"],
  ["a count is NaN", { ...some, outputTokens: NaN }, "gpt-4o", "openai"],
  ["a count is infinite", { ...some, outputTokens: Infinity }, "gpt-4o", "openai"],
  ["a count is no number", { ...some, inputTokens: "9" as unknown as number }, "gpt-4o", "openai"],
];

for (const [why, usage, model, provider] of unknown) {
  test(`the cost is null when ${why}`, () => {
    assertStrictEquals(cost(usage, model, provider), null);
  });
}

test("nothing makes the cost throw, or be anything but null or a number", async () => {
  const count = fc.option(fc.oneof(fc.nat(), fc.double(), fc.anything()), { nil: undefined });
  const usage = fc.oneof(
    fc.record({
      inputTokens: count,
      outputTokens: count,
      cacheReadTokens: count,
      cacheCreationTokens: count,
      reasoningTokens: count,
    }, { requiredKeys: [] }),
    fc.anything(),
  );
  const name = fc.oneof(fc.constantFrom("gpt-4o", "openai", "litellm", "__proto__"), fc.anything());
  const untyped = cost as (...args: unknown[]) => unknown;
  const property = fc.asyncProperty(usage, name, name, (...args) => {
    const costUsd = untyped(...args);
    const isCost = costUsd === null || typeof costUsd === "number" && costUsd >= 0;
    return Promise.resolve(isCost && costUsd !== Infinity);
  });
  await check(property, 1000);
});

test("the price of a token may depend on how many there are", () => {
  const price: Cost = genaiPrices({ at: new Date("2026-02-10T12:00:00Z") });
  const perToken = (inputTokens: number) =>
    price({ inputTokens, outputTokens: 0 }, "gemini-2.5-pro", "gcp.gemini")! / inputTokens;
  assertStrictEquals(perToken(200_000), 1.25e-6);
  assertStrictEquals(perToken(400_000), 2.5e-6);
});

test("prices are those of the time that was asked for", () => {
  const o3 = (day: string) => genaiPrices({ at: new Date(day) })(some, "o3", "openai");
  assertEquals([o3("2025-06-01"), o3("2025-07-01")], [0.03, 0.006]);
});

test("a time that is changed afterwards changes nothing", () => {
  const time = new Date("2025-06-01");
  const price = genaiPrices({ at: time });
  time.setFullYear(2026);
  assertStrictEquals(price(some, "o3", "openai"), 0.03);
});

const malformed: [options: unknown, path: string][] = [
  [{ at: "2026-01-01" }, "at"],
  [{ at: new Date(NaN) }, "at"],
  [{ update: true }, "update"],
  [{ updates: { everyMs: 0 } }, "updates.everyMs"],
  [{ updates: { everyMs: NaN } }, "updates.everyMs"],
  [{ updates: { url: "nowhere" } }, "updates.url"],
  [{ updates: { onError: "log" } }, "updates.onError"],
  [{ updates: { every: 1 } }, "updates.every"],
  [{ updates: "yes" }, "updates"],
  [null, ""],
];

for (const [options, path] of malformed) {
  test(`genaiPrices() refuses ${JSON.stringify(options)}`, () => {
    checkRefusal(assertThrows(() => genaiPrices(options as never)), "INVALID_OPTION", path);
  });
}

// The names that are recorded are those of OpenTelemetry's semantic conventions, of GenAI, servers, HTTP and errors: each is looked up in the
// published package.

import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { assertEquals, assertGreater } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { chatRequest } from "../../capture/ai_sdk/requests.ts";
import { requestParameters } from "../../capture/wire/request_parameters.ts";

const root = new URL("../../", import.meta.url);

/** All names of attributes, events and metrics; of those that end with a name of somebody else's, such as a header's, what comes before. */
const known = new Set<string>(
  Object.values(conventions).map((value: unknown) =>
    typeof value === "function" ? String(value("")).replace(/\.$/, "") : value
  ).filter((value) => typeof value === "string"),
);

/** Names that are read and never written: events that the conventions had before version 1.28, and what Anthropic's client, OpenLLMetry and Strands have. */
const READ = [
  "gen_ai.content.prompt",
  "gen_ai.content.completion",
  "gen_ai.event.content",
  "gen_ai.usage.cache_creation_input_tokens",
  "gen_ai.usage.cache_read_input_tokens",
  "gen_ai.usage.cache_write.input_tokens",
];

const GEN_AI = /\bgen_ai\.[a-z_]+(?:\.[a-z_]+)*/g;
/** Other names begin as variables do: these are in quotes, or in patterns. */
const OTHER = /(?<=["'`|^:])(?:server|http|error|exception)\.[a-z_]+(?:\.[a-z_]+)*/g;

/** Where names are, and those in each. */
function namesIn(folder: string): [path: string, names: string[]][] {
  return readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((path) => path.endsWith(".ts"))
    .map((path) => {
      const text = readFileSync(new URL(path, root), "utf8");
      return [path, [...text.match(GEN_AI) ?? [], ...text.replaceAll("\\", "").match(OTHER) ?? []]];
    });
}

/** Whether a name is one of the conventions, or what several of them begin with. */
function isKnown(name: string): boolean {
  return known.has(name) || READ.includes(name) ||
    [...known].some((whole) => whole.startsWith(`${name}.`));
}

for (const folder of ["capture", "src", "adapters"]) {
  test(`all names of the conventions in ${folder}/ are some`, () => {
    const files = namesIn(folder);
    const unknown = files.flatMap(([path, names]) =>
      names.filter((name) => !isKnown(name)).map((name) => `${path}: ${name}`)
    );
    assertEquals(unknown, []);
    const all = files.flatMap(([, names]) => names);
    if (folder === "adapters") return;
    assertGreater(all.filter((name) => name.startsWith("gen_ai.")).length, 5);
    assertGreater(all.filter((name) => !name.startsWith("gen_ai.")).length, 3);
  });
}

test("parameters of requests get names of the conventions", async () => {
  const asked = {
    temperature: 1,
    top_p: 1,
    top_k: 1,
    max_tokens: 1,
    frequency_penalty: 1,
    presence_penalty: 1,
    stop: "a",
    seed: 1,
    n: 1,
    encoding_format: "float",
  };
  const { metadata, parameters } = requestParameters(asked, []);
  assertEquals(parameters, {});
  const params = { topP: 1, topK: 1, maxOutputTokens: 1, stopSequences: ["a"], seed: 1 };
  const sdk = await chatRequest(params, { provider: "openai.chat", modelId: "m" }, false);
  assertEquals(sdk.parameters, {});
  const names = [...Object.keys(metadata), ...Object.keys(sdk.metadata!)];
  assertEquals(names.length, 15);
  assertEquals(names.filter((name) => !known.has(name)), []);
});

test("the guide names none that is not in the conventions, and the version that they are of", () => {
  const guide = readFileSync(new URL("docs/capture.md", root), "utf8");
  const names = guide.match(/`(?:gen_ai|server|http|error|exception)\.[a-z_]+(?:\.[a-z_]+)*`/g)!
    .map((name) => name.slice(1, -1));
  assertGreater(names.length, 5);
  assertEquals(names.filter((name) => !isKnown(name)), []);
  const { imports } = JSON.parse(readFileSync(new URL("deno.json", root), "utf8"));
  const [, version] = /`@opentelemetry\/semantic-conventions` ([\d.]+)/.exec(guide)!;
  const lock = readFileSync(new URL("deno.lock", root), "utf8");
  const [, installed] = /"@opentelemetry\/semantic-conventions@([\d.]+)": \{/.exec(lock)!;
  assertEquals(version, installed, imports["@opentelemetry/semantic-conventions"]);
});

// redactTexts(): a function that redacts a text, applied to all texts of an entry.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import type { JsonObject, JsonValue } from "@audit-log/llm";
import {
  type RedactableEntry,
  type RedactedText,
  redactTexts,
  type RedactTextsOptions,
} from "@audit-log/llm/redact";
import fc from "fast-check";
import { test } from "node:test";
import { check } from "../support/property.ts";
import { checkRefusal } from "../support/refused.ts";

const SECRET = "s3cr3t";

/** Replaces the secret, and counts how often. */
function hide(text: string): RedactedText {
  const parts = text.split(SECRET);
  return { text: parts.join("[HIDDEN]"), counts: { secret: parts.length - 1, other: 0 } };
}

function entryWith(changed: Partial<RedactableEntry>): RedactableEntry {
  return Object.freeze({
    user: "alice",
    model: "m",
    inputText: "in",
    outputText: "out",
    costUsd: 0.1,
    latencyMs: 2,
    metadata: {},
    ...changed,
  });
}

/** What a redactor of such options makes of an entry, and what it found. */
function redact(
  changed: Partial<RedactableEntry>,
  options: Partial<RedactTextsOptions> = {},
): RedactableEntry & { found: Record<string, number> } {
  const found: Record<string, number> = {};
  const redactor = redactTexts({ name: "test", redact: hide, ...options });
  const entry = redactor.redact(entryWith(changed), (kind, count = 1) => {
    found[kind] = (found[kind] ?? 0) + count;
  });
  assert(!(entry instanceof Promise), "a synchronous function made an asynchronous redactor");
  return { ...entry, found };
}

test("a redactor has the name and version that it was given", () => {
  const redactor = redactTexts({ name: "mine", version: "1.2", redact: hide });
  assertEquals([redactor.name, redactor.version], ["mine", "1.2"]);
  assertStrictEquals(redactTexts({ name: "mine", redact: hide }).version, undefined);
});

test("prompt, response and all strings in metadata are redacted, and what was found is counted", () => {
  const metadata = { a: SECRET, b: [{ c: `x ${SECRET}`, d: 1, e: null, f: true }, SECRET] };
  const entry = redact({ inputText: `${SECRET} ${SECRET}`, outputText: `(${SECRET})`, metadata });
  assertEquals(entry, {
    ...entryWith({}),
    inputText: "[HIDDEN] [HIDDEN]",
    outputText: "([HIDDEN])",
    metadata: { a: "[HIDDEN]", b: [{ c: "x [HIDDEN]", d: 1, e: null, f: true }, "[HIDDEN]"] },
    found: { secret: 6 },
  });
});

test("model, cost, latency and user stay", () => {
  const { found, ...entry } = redact({ user: SECRET, model: SECRET });
  assertEquals(entry, entryWith({ user: SECRET, model: SECRET }));
  assertEquals(found, {});
});

test("names of members are redacted as texts are, and none is lost that becomes another's", () => {
  const metadata = {
    [SECRET]: { [SECRET]: 1, [`${SECRET} `]: 2 },
    "[HIDDEN]": 3,
    b: [{ [SECRET]: 4 }],
  };
  const { metadata: redacted, found } = redact({ metadata });
  assertEquals(redacted, {
    "[HIDDEN] (2)": { "[HIDDEN]": 1, "[HIDDEN] ": 2 },
    "[HIDDEN]": 3,
    b: [{ "[HIDDEN]": 4 }],
  });
  assertEquals(found, { secret: 4 });
  const both = { [`${SECRET}s3cr3t`.slice(0, 6)]: 1, [`x${SECRET}`]: 2 };
  const same = redact({ metadata: both }, {
    redact: (text) => text.includes(SECRET) ? "[X]" : text,
  });
  assertEquals(same.metadata, { "[X]": 1, "[X] (2)": 2 });
});

test("names that stay are those that wrappers and the conventions have, and those that are kept", () => {
  const metadata = {
    "audit.call": 1,
    "gen_ai.usage.input_tokens": 1,
    "gemini.response.candidates": 1,
    "openai.response.choices": 1,
    "otel.trace_state": "a",
    "span.otel.trace_id": "a",
    "langchain.run_name": "a",
    "attempt": 1,
    "request.parameters": 1,
    [`s.${SECRET}`]: 1,
  };
  const all = () => "[X]";
  assertEquals(Object.keys(redact({ metadata }, { redact: all, keep: [`s.${SECRET}`] }).metadata), [
    ...Object.keys(metadata),
  ]);
  // A namespace alone is no name of theirs.
  const mail = { "gen_ai.a@b.c": 1, "openai.two words": 2 };
  assertEquals(redact({ metadata: mail }, { redact: all }).metadata, { "[X]": 1, "[X] (2)": 2 });
});

test("the user is redacted when asked for", () => {
  assertEquals(redact({ user: SECRET }, { user: true }).user, "[HIDDEN]");
});

test("an entry that was given is not changed", () => {
  const metadata = { a: [SECRET] };
  const entry = entryWith({ inputText: SECRET, metadata });
  redact(entry);
  assertEquals(entry, entryWith({ inputText: SECRET, metadata: { a: [SECRET] } }));
});

const safe: JsonObject = {
  "audit.call": SECRET,
  "audit.ref": SECRET,
  "gen_ai.response.id": SECRET,
  "gen_ai.response.finish_reasons": [SECRET],
  "gen_ai.tool.call.id": SECRET,
  "error.type": SECRET,
  "langchain.run_id": SECRET,
  "langchain.parent_run_id": SECRET,
  "langchain.root_run_id": SECRET,
  "otel.trace_id": SECRET,
  "otel.span_id": SECRET,
  "otel.parent_span_id": SECRET,
};

test("ids of providers, finish reasons and the like stay, where they are keys of the entry", () => {
  assertEquals(redact({ metadata: safe }).metadata, safe);
  const { metadata } = redact({ metadata: { within: safe } });
  assertEquals((metadata["within"] as JsonObject)["audit.call"], "[HIDDEN]");
});

for (
  const key of [
    "audit.anything.else",
    "gen_ai.conversation.id",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.request.stop_sequences",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.evaluation.explanation",
    "session",
  ]
) {
  test(`${key} is redacted, unless it is to be kept`, () => {
    const metadata = { [key]: SECRET };
    assertEquals(redact({ metadata }).metadata, { [key]: "[HIDDEN]" });
    assertEquals(redact({ metadata }, { keep: [key] }).metadata, metadata);
  });
}

const json: [what: string, text: string, redacted: string][] = [
  ["white space", `{ "a" : "${SECRET}" }\n`, '{ "a" : "[HIDDEN]" }\n'],
  [
    "numbers",
    `[1.0, 1e5, 12345678901234567890, "${SECRET}"]`,
    '[1.0, 1e5, 12345678901234567890, "[HIDDEN]"]',
  ],
  ["members named twice", `{"a":"${SECRET}","a":"b"}`, '{"a":"[HIDDEN]","a":"b"}'],
  ["names of members", `{"${SECRET}":1}`, '{"[HIDDEN]":1}'],
  ["escapes elsewhere", `["\\u00e9\\/","${SECRET}"]`, '["\\u00e9\\/","[HIDDEN]"]'],
  ["an escaped quote", `["\\"${SECRET}\\\\","x"]`, '["\\"[HIDDEN]\\\\","x"]'],
  ["the secret in escapes", '["\\u00733cr3t"]', '["[HIDDEN]"]'],
  [
    "JSON within",
    `{"arguments":"{\\"a\\":\\"${SECRET}\\"}"}`,
    '{"arguments":"{\\"a\\":\\"[HIDDEN]\\"}"}',
  ],
  ["escapes in JSON within", '{"a":"[\\"\\\\u00733cr3t\\"]"}', '{"a":"[\\"[HIDDEN]\\"]"}'],
  ["empty strings", `["","${SECRET}",""]`, '["","[HIDDEN]",""]'],
  ["nothing in it", " [ ] ", " [ ] "],
];

for (const [what, text, redacted] of json) {
  test(`a text that is JSON stays JSON: ${what}`, () => {
    const metadata = { a: text };
    const entry = redact({ inputText: text, outputText: text, metadata });
    assertEquals([entry.inputText, entry.outputText, entry.metadata["a"]], Array(3).fill(redacted));
    JSON.parse(redacted);
  });
}

for (
  const text of [
    `{"a":"${SECRET}"`,
    `[${SECRET}]`,
    `{${SECRET}}`,
    `"${SECRET}"`,
    `x {"a":"${SECRET}"}`,
  ]
) {
  test(`what only looks like JSON is a text: ${text}`, () => {
    assertStrictEquals(redact({ inputText: text }).inputText, text.replace(SECRET, "[HIDDEN]"));
  });
}

/** The secret as JSON may write it. */
const ESCAPED = "\\u00733cr\\u0033t";
const broken: [what: string, text: string, redacted: string][] = [
  ["that was cut", `{"a":1,"b":"x ${ESCAPED} y`, '{"a":1,"b":"x [HIDDEN] y'],
  ["that was cut in an escape", `{"b":"${ESCAPED}\\u00`, '{"b":"[HIDDEN]u00'],
  ["whose beginning was cut", `x ${ESCAPED}","b":"${ESCAPED}"}`, 'x [HIDDEN]","b":"[HIDDEN]"}'],
  ["within such a text", `{"a":"{\\"b\\":\\"\\${ESCAPED}`, '{"a":"{\\"b\\":\\"[HIDDEN]'],
  ["line by line", `{"a":"${ESCAPED}"}\n{"a":"b"}\n`, '{"a":"[HIDDEN]"}\n{"a":"b"}\n'],
  ["behind something else", `data: {"a":"${ESCAPED}"}`, 'data: {"a":"[HIDDEN]"}'],
  ["with comments", `{"a":"${ESCAPED}"} // ${SECRET}`, '{"a":"[HIDDEN]"} // [HIDDEN]'],
  ["whose quotes are others", `{'a': 'x ${ESCAPED}'}`, "{'a': 'x [HIDDEN]'}"],
  ["without quotes", `Path C:\\new, ${SECRET}`, "Path C:\\new, [HIDDEN]"],
  ["that is none, but lines", `- a\n-\t${ESCAPED} "b"\r\n`, '- a\n-\t[HIDDEN] "b"\r\n'],
];
for (const [what, text, redacted] of broken) {
  test(`what escapes hide is redacted of JSON ${what}`, () => {
    const { inputText, metadata } = redact({ inputText: text, metadata: { a: text } });
    assertEquals([inputText, metadata["a"]], [redacted, redacted]);
  });
}

test("what a word begins with is redacted behind an escape, too", () => {
  const cards = (text: string) => text.replace(/\b\d{16}\b/g, "[CARD]");
  const { inputText } = redact({ inputText: `{"a":"\\n4111111111111111` }, { redact: cards });
  assertEquals(inputText, '{"a":"\\n[CARD]');
});

test("a text of many millions of characters with an escape is redacted", () => {
  const inputText = `{"a":"${ESCAPED}${"a".repeat(16_000_000)}`;
  assertEquals(redact({ inputText }).inputText.slice(0, 16), '{"a":"[HIDDEN]aa');
});

test("a text with escapes in which nothing is found stays as it is, and as it is looked at, too", () => {
  const texts: string[] = [];
  const seen = (text: string) => {
    texts.push(text);
    return text;
  };
  const inputText = 'He said "C:\\new\\u0041" and {"b": "\\q';
  assertEquals(redact({ inputText, outputText: "" }, { redact: seen }).inputText, inputText);
  assertEquals(texts, [inputText, "C:\newA", "q"]);
});

test("each string of JSON is given for itself, decoded", () => {
  const texts: string[] = [];
  const seen = (text: string) => {
    texts.push(text);
    return text;
  };
  const inputText = '[{"role":"user","content":"a\\nb"},{"n":1.5}]';
  redact({ inputText, outputText: "" }, { redact: seen });
  assertEquals(texts, ["role", "user", "content", "a\nb", "n"]);
});

test("numbers of JSON are left alone, or become strings when they are replaced", () => {
  const digits = (text: string) => text.replace(/^-?4{4,}$/, "[CARD]");
  const inputText = '{"card": 4444444444, "n":[-1.50e+3,0], "s":"44444"}';
  const numbers = (given: boolean) => redact({ inputText }, { redact: digits, numbers: given });
  assertStrictEquals(
    numbers(false).inputText,
    '{"card": 4444444444, "n":[-1.50e+3,0], "s":"[CARD]"}',
  );
  assertStrictEquals(
    numbers(true).inputText,
    '{"card": "[CARD]", "n":[-1.50e+3,0], "s":"[CARD]"}',
  );
});

test("a long JSON text takes no longer by the square of its length", () => {
  const strings = Array.from({ length: 200_000 }, () => SECRET);
  const { inputText, found } = redact({ inputText: JSON.stringify(strings) });
  assertEquals(found, { secret: 200_000 });
  assertStrictEquals(inputText, JSON.stringify(strings.map(() => "[HIDDEN]")));
});

test("a function may give a text alone: what it changed counts as one text each", () => {
  const replace = (text: string) => text.replaceAll(SECRET, "x");
  const entry = redact(
    { inputText: `${SECRET}${SECRET}`, outputText: "none", metadata: { a: SECRET } },
    { redact: replace },
  );
  assertEquals([entry.inputText, entry.found], ["xx", { text: 2 }]);
});

test("an asynchronous function makes an asynchronous redactor, which asks for one text at a time", async () => {
  let running = 0;
  const order: string[] = [];
  const redactor = redactTexts({
    name: "test",
    redact: async (text) => {
      assertStrictEquals(++running, 1);
      await new Promise((resolve) => setTimeout(resolve));
      running--;
      order.push(text);
      return hide(text);
    },
  });
  const found: unknown[] = [];
  const metadata = { a: "3", b: [SECRET, "5"] };
  const given = entryWith({ inputText: "1", outputText: `["${SECRET}","2"]`, metadata });
  const redacting = redactor.redact(given, (...what) => found.push(what));
  assertInstanceOf(redacting, Promise);
  assertEquals(await redacting, {
    ...given,
    outputText: '["[HIDDEN]","2"]',
    metadata: { a: "3", b: ["[HIDDEN]", "5"] },
  });
  assertEquals(order, ["1", SECRET, "2", "a", "3", "b", SECRET, "5"]);
  assertEquals(found, [["secret", 1], ["secret", 1]]);
});

test("a function may be asynchronous for some texts only", async () => {
  const redactor = redactTexts({
    name: "test",
    redact: (text) => text.length > 3 ? Promise.resolve(hide(text)) : hide(text),
  });
  const given = entryWith({ inputText: "a", outputText: SECRET, metadata: { a: "b", c: SECRET } });
  assertEquals(await redactor.redact(given, () => {}), {
    ...given,
    outputText: "[HIDDEN]",
    metadata: { a: "b", c: "[HIDDEN]" },
  });
});

test("what the function throws is thrown, and no entry comes back", async () => {
  const error = new Error("cannot tell");
  const raise = () => {
    throw error;
  };
  assertStrictEquals(assertThrows(() => redact({}, { redact: raise })), error);
  for (const at of [0, 1]) {
    let calls = 0;
    const redactor = redactTexts({
      name: "test",
      redact: (text) => calls++ === at ? Promise.reject(error) : Promise.resolve(text),
    });
    assertStrictEquals(
      await assertRejects(async () => await redactor.redact(entryWith({}), () => {})),
      error,
    );
  }
});

for (
  const given of [
    undefined,
    null,
    1,
    {},
    { text: 1 },
    { text: "a", counts: { a: -1 } },
    { text: "a", counts: { a: 0.5 } },
  ]
) {
  test(`a function that gives ${JSON.stringify(given)} is refused, without the text in the message`, async () => {
    const call = () => redact({ inputText: SECRET }, { redact: () => given as string });
    const error = checkRefusal(assertThrows(call), "INVALID_OPTION", "redact");
    assert(!error.message.includes(SECRET));
    const redactor = redactTexts({ name: "test", redact: () => Promise.resolve(given as string) });
    const rejected = await assertRejects(async () =>
      await redactor.redact(entryWith({}), () => {})
    );
    checkRefusal(rejected, "INVALID_OPTION", "redact");
  });
}

const malformed: [options: unknown, path: string][] = [
  [null, ""],
  [{ redact: hide }, "name"],
  [{ name: "", redact: hide }, "name"],
  [{ name: "a" }, "redact"],
  [{ name: "a", redact: hide, version: 1 }, "version"],
  [{ name: "a", redact: hide, user: "yes" }, "user"],
  [{ name: "a", redact: hide, numbers: 1 }, "numbers"],
  [{ name: "a", redact: hide, keep: "session" }, "keep"],
  [{ name: "a", redact: hide, keep: [1] }, "keep"],
  [{ name: "a", redact: hide, users: true }, "users"],
];

for (const [options, path] of malformed) {
  test(`redactTexts(${JSON.stringify(options)}) is refused`, () => {
    checkRefusal(assertThrows(() => redactTexts(options as never)), "INVALID_OPTION", path);
  });
}

const odd = fc.constantFrom("", '"', "\\", "\\\\", "\ud800", "\u2028", "{", "[", "[1]", "]");
const text = fc.array(fc.oneof(fc.string({ unit: "binary" }), odd, fc.constant(SECRET)), {
  maxLength: 4,
})
  .map((parts) => parts.join(""));
const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, 1.5),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string(), tie("value"), { maxKeys: 3, noNullPrototype: true }),
    tie("value").map((value) => JSON.stringify(value, null, 2)),
  ),
}));

test("wherever a secret is, in whatever nesting of JSON, it is gone, and all else is the same", async () => {
  const mark = "something else";
  const property = fc.asyncProperty(value, value, (a, b) => {
    const inputText = JSON.stringify(a);
    const given = { inputText, outputText: typeof b === "string" ? b : "", metadata: { a, b } };
    const entry = redact(given);
    const all = JSON.stringify([entry.inputText, entry.outputText, entry.metadata]);
    assert(!all.includes(SECRET), all);
    if (inputText.startsWith("[") || inputText.startsWith("{")) JSON.parse(entry.inputText);
    // Redacting with a something else, and back, must give what there was.
    const there = redact(given, { redact: (text) => text.replaceAll(SECRET, mark) });
    const back = redact(there, { redact: (text) => text.replaceAll(mark, SECRET) });
    assertEquals(back.metadata["b"], b);
    assertEquals(normal(back.inputText), normal(inputText));
    return Promise.resolve();
  });
  await check(property, 300);
});

/** A text that is JSON with its strings written in one way. */
function normal(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

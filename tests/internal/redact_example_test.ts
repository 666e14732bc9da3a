// The example of a redactor, over a package that others wrote.

import { assert, assertEquals, assertLess, assertStrictEquals } from "@std/assert";
import { test } from "node:test";
import { piiRedactor } from "../../examples/redact.ts";
import type { RedactableEntry } from "../../mod.ts";
import { noRealData, realInteractions } from "../support/data.ts";
import { testUnless } from "../support/skip.ts";

async function redact(
  changed: Partial<RedactableEntry>,
): Promise<RedactableEntry & { found: Record<string, number> }> {
  const found: Record<string, number> = {};
  const entry = await piiRedactor.redact({
    user: "alice",
    model: "gpt-4o",
    inputText: "",
    outputText: "",
    costUsd: null,
    latencyMs: null,
    metadata: {},
    ...changed,
  }, (kind, count = 1) => {
    found[kind] = (found[kind] ?? 0) + count;
  });
  return { ...entry, found };
}

const replaced: [text: string, redacted: string][] = [
  ["Write to anna.schmidt@example.org, please.", "Write to [EMAIL], please."],
  ["cc: john+news@mail.co.uk; o'brien.pat@x.io", "cc: [EMAIL]; [EMAIL]"],
  ["mailto:kai@uni-köln.de", "mailto:[EMAIL]"],
  ["Call +1 415-555-2671 or 415.555.2671", "Call [PHONE] or [PHONE]"],
  ["Tel. +49 30 901820, +33 1 42 68 53 00", "Tel. [PHONE], [PHONE]"],
  ["Card 4111 1111 1111 1111 exp 12/28", "Card [CREDIT_CARD] exp 12/28"],
  ["5555555555554444 3782-822463-10005", "[CREDIT_CARD] [CREDIT_CARD]"],
  ["to DE89 3704 0044 0532 0130 00 today", "to [IBAN] today"],
  ["GB82WEST12345698765432", "[IBAN]"],
  ["My SSN is 219-09-9999.", "My SSN is [SSN]."],
  ["key=sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z", "key=[API_KEY]"],
  ["sk-ant-api03-AbCdEfGhIjKl_MnOpQrSt-UvWxYz", "[API_KEY]"],
  ["aws_access_key_id = AKIAIOSFODNN7EXAMPLE", "aws_access_key_id = [API_KEY]"],
  ["ghp_16C7e42F292c6912E7710c838347Ae178B4a", "[API_KEY]"],
  ["Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "Bearer [API_KEY]"],
  ['{"to":"a@b.com","n":4155552671}', '{"to":"[EMAIL]","n":4155552671}'],
  ["[EMAIL] a@b.com", "[EMAIL] [EMAIL]"],
];

for (const [text, redacted] of replaced) {
  test(`the example makes of ${JSON.stringify(text)}: ${redacted}`, async () => {
    const { inputText, found } = await redact({ inputText: text });
    assertStrictEquals(inputText, redacted);
    const marks = (of: string) => of.match(/\[[A-Z_]+\]/g)?.length ?? 0;
    const counts = Object.values(found).reduce((sum, count) => sum + count, 0);
    assertStrictEquals(counts, marks(redacted) - marks(text));
  });
}

for (
  const text of [
    "The capital of France is Paris.",
    "Hello, how are you doing today?",
    "In 1989, 17 students solved 3.1415 * 2 = 6.283.",
    "Meeting on 2024-05-13T10:15:30Z in room 4.012",
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "function add(a, b) { return a + b; } // a @ b",
    "550e8400-e29b-41d4-a716-446655440000",
    '{"temperature":0.7,"max_tokens":1024,"model":"gpt-4o-2024-08-06"}',
  ]
) {
  test(`the example leaves alone: ${text}`, async () => {
    const { inputText, found } = await redact({ inputText: text });
    assertEquals([inputText, found], [text, {}]);
  });
}

test("the example redacts all texts of an entry, and counts by kind", async () => {
  const mail = "a@b.com";
  const given = { inputText: `${mail} ${mail}`, outputText: "219-09-9999", metadata: { mail } };
  const { inputText, outputText, metadata, found } = await redact(given);
  assertEquals([inputText, outputText, metadata], ["[EMAIL] [EMAIL]", "[SSN]", {
    mail: "[EMAIL]",
  }]);
  assertEquals(found, { EMAIL: 3, SSN: 1 });
});

for (const part of ["a.", "a@a.", "a", "1 ", "1", "A1B2 ", "sk-", "eyJa.", "+1", " ", "a-"]) {
  test(
    `the example is done soon with very much of ${JSON.stringify(part)}`,
    { timeout: 20_000 },
    async () => {
      // Time that grows with the square of the length would be a minute.
      const inputText = part.repeat(400_000 / part.length);
      const { inputText: redacted } = await redact({ inputText });
      assert(typeof redacted === "string");
    },
  );
}

testUnless(noRealData, "the example changes few of the project's real texts", async () => {
  const interactions = realInteractions().filter((_, index) => index % 10 === 0);
  let changed = 0;
  for (const { input_text: inputText, output_text: outputText } of interactions) {
    const entry = await redact({ inputText, outputText });
    if (entry.inputText !== inputText || entry.outputText !== outputText) changed++;
  }
  assertLess(changed, interactions.length / 20);
});

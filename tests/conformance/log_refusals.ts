/**
 * What somebody is told whose entry, call or annotation is refused.
 *
 * @module
 */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { AuditLog } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

const ASKED = { model: "m", inputText: "Hi" };

/** What is done with a value of an entry's field that cannot be recorded, and what it is called. */
const ACTIONS: [
  start: string,
  fields: readonly string[],
  act: (log: AuditLog, wrong: object) => Promise<unknown>,
][] = [
  [
    "Cannot record the entry: ",
    ["user", "model", "costUsd", "latencyMs", "metadata"],
    (log, wrong) => log.record(interaction(wrong)),
  ],
  [
    "Cannot begin the call: ",
    ["user", "model", "inputText", "metadata"],
    (log, wrong) => log.begin({ ...ASKED, ...wrong }),
  ],
  [
    "Cannot begin the call: ",
    ["user", "model", "inputText", "metadata"],
    (log, wrong) => log.begin({ ...ASKED, ...wrong }, { begin: false }),
  ],
  [
    "Cannot end the call: ",
    ["outputText", "costUsd", "latencyMs", "metadata"],
    async (log, wrong) =>
      (await log.begin(ASKED, { begin: false })).complete({ outputText: "", ...wrong }),
  ],
  [
    "Cannot end the call: ",
    ["partialOutput", "costUsd", "latencyMs", "metadata"],
    async (log, wrong) => (await log.begin(ASKED, { begin: false })).fail(new Error("x"), wrong),
  ],
  [
    "Cannot annotate the entry: ",
    ["user", "metadata"],
    async (log, wrong) => {
      const reading = await log.query({ limit: 1 });
      return await log.annotate(reading[0]!.entryId, { name: "x", ...wrong });
    },
  ],
  [
    "Cannot record the gap: ",
    ["user", "metadata"],
    (log, wrong) => log.recordGap({ lost: 1, ...wrong }),
  ],
];

export function refusalsConformance(name: string, place: MakePlace): void {
  for (const redact of [undefined, async <T>(entry: T): Promise<T> => await entry]) {
    const how = redact === undefined ? "" : ", before it is redacted";

    test(`${name}: who gives a value that cannot be recorded is told what could not be done${how}`, async (t) => {
      const log = await place(t).open(redact === undefined ? {} : { redact });
      await log.record(interaction());
      for (const [start, fields, act] of ACTIONS) {
        for (const field of fields) {
          const { message } = await assertRefused(
            () => act(log, { [field]: true }),
            "INVALID_ENTRY",
            field,
          );
          assertStringIncludes(message, `${start}${field} must be`);
          assertEquals(message.indexOf(start), 0);
        }
      }
      assertEquals(log.size, 1);
    });
  }

  test(`${name}: who ends a call with too long a text is told that it could not be ended`, async (t) => {
    const log = await place(t).open({ maxRecordBytes: 1000 });
    const call = await log.begin(ASKED);
    const outputText = "x".repeat(1000);
    const { message } = await assertRefused(() => call.complete({ outputText }), "ENTRY_TOO_LARGE");
    assertStringIncludes(message, "Cannot end the call: its record would have");
  });

  test(`${name}: a field that is written in another way is answered with its name`, async (t) => {
    const log = await place(t).open();
    const { entryId } = await log.record(interaction());
    const call = await log.begin(ASKED, { begin: false });
    const cases: [given: string, meant: string, act: (wrong: object) => Promise<unknown>][] = [
      ["input_text", "inputText", (wrong) => log.record(interaction(wrong))],
      ["cost_usd", "costUsd", (wrong) => log.recordAll([interaction(wrong)])],
      ["input_text", "inputText", (wrong) => log.begin({ ...ASKED, ...wrong })],
      ["input-format", "inputFormat", (wrong) => log.begin({ ...ASKED, ...wrong })],
      ["output_text", "outputText", (wrong) => call.complete(wrong as { outputText: string })],
      ["partial_output", "outputText", (wrong) => call.complete(wrong as { outputText: string })],
      ["partial_output", "partialOutput", (wrong) => call.fail("x", wrong)],
      ["output_text", "partialOutput", (wrong) => call.abort(wrong)],
      ["cost_usd", "costUsd", (wrong) => call.abort(wrong)],
      ["input_tokens", "inputTokens", (wrong) => call.abort({ usage: wrong })],
      ["Score", "score", (wrong) => log.annotate(entryId, { name: "x", ...wrong })],
      ["Lost", "lost", (wrong) => log.recordGap({ lost: 1, ...wrong })],
      ["Since", "since", (wrong) => log.query(wrong)],
      ["verifier_key", "verifierKey", (wrong) => log.verify(wrong)],
      ["max_record_bytes", "maxRecordBytes", (wrong) => place(t).open(wrong)],
    ];
    for (const [given, meant, act] of cases) {
      const { message, path } = await act({ [given]: "x" }).then(
        () => ({ message: "it was taken", path: undefined }),
        (error) => error,
      );
      assertStringIncludes(message, `did you mean ${meant}?`, given);
      assertStringIncludes(path ?? "", given);
    }
    assertEquals(log.size, 1);
  });
}

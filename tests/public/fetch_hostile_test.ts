// What a hostile provider sends harms neither the process nor the caller.

import { assertEquals } from "@std/assert";
import { AuditLog } from "@audit-log/llm";
import { auditFetch } from "@audit-log/llm/fetch";
import { test } from "node:test";
import { post, QUESTION } from "../support/fetched.ts";
import { atEnd } from "../support/temp.ts";

const sse = (...events: object[]): string =>
  events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
const delta = (content_index: unknown) => ({
  type: "response.output_text.delta",
  output_index: 0,
  content_index,
  delta: "POLLUTED",
});
const item = (content: unknown) => ({
  type: "response.output_item.added",
  output_index: 0,
  item: { type: "message", content },
});
const hole = [
  { type: "response.output_item.added", output_index: 0, item: { type: "reasoning" } },
  { type: "response.reasoning_summary_part.added", output_index: 0, summary_index: 5, part: {} },
];

for (
  const text of [sse(item({}), delta("__proto__")), sse(item([]), delta("__proto__")), sse(...hole)]
) {
  test(`a stream is passed on whole and pollutes nothing: ${text.slice(0, 90)}`, async (t) => {
    const log = await AuditLog.open();
    atEnd(t, () => log.close());
    const headers = { "content-type": "text/event-stream" };
    const fetch = auditFetch(log, {
      fetch: () => Promise.resolve(new Response(text, { headers })),
    });
    const response = await fetch(
      "https://api.openai.com/v1/responses",
      post({ model: "m", input: "Hi" }),
    );
    assertEquals(await response.text(), text);
    assertEquals([({} as { text?: unknown }).text, ([] as { text?: unknown }).text], [
      undefined,
      undefined,
    ]);
    assertEquals(await log.count(), 1);
  });
}

test("an error that is null is the caller's to read", async (t) => {
  const log = await AuditLog.open();
  atEnd(t, () => log.close());
  const fetch = auditFetch(log, {
    fetch: () => Promise.resolve(Response.json({ error: null }, { status: 400 })),
  });
  const response = await fetch("https://api.openai.com/v1/chat/completions", post(QUESTION));
  assertEquals(await response.json(), { error: null });
  assertEquals((await log.query())[0]!.metadata["audit.outcome"], "failed");
});

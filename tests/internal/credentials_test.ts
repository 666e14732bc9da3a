// What is left out of what is recorded beside what was said: what looking for it costs.

import { assert } from "@std/assert";
import process from "node:process";
import { withoutCredentials } from "../../capture/shared/credentials.ts";
import { collectUntil, noCollector } from "../support/garbage.ts";
import { testUnless } from "../support/skip.ts";

testUnless(
  noCollector,
  "names that were looked at do not keep the texts in memory in which they were",
  async () => {
    const encoder = new TextEncoder();
    const decoder = new TextDecoder();
    const long = "x".repeat(1_000_000);
    const before = process.memoryUsage.rss();
    for (let n = 0; n < 300; n++) {
      for (
        const text of [
          `${long} https://example.com/?a_parameter_with_number_${n}=1`,
          `{"${long}": {"a_member_with_number_${n}": `,
          JSON.stringify({ long, [`another_member_with_number_${n}`]: 1 }),
        ]
      ) {
        // As the body of a request comes: a text of its own.
        withoutCredentials({ text: decoder.decode(encoder.encode(text)) });
      }
    }
    let turns = 0;
    await collectUntil(() => Promise.resolve(++turns > 5));
    const grown = process.memoryUsage.rss() - before;
    assert(grown < 150_000_000, `${grown} bytes more`);
  },
);

// What is printed on a terminal of texts that somebody else has written.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { visibleJson } from "../../src/cli/display.ts";

test("JSON stays the same JSON, whatever stands between its tokens", () => {
  const json = '{"a":\t"\u001b[2J\u202e",\r"b":[1,\t2]}\t\r';
  const shown = visibleJson(json);
  assertEquals(shown, '{"a": "\\u001b[2J\\u202e", "b":[1, 2]}');
  assertEquals(JSON.parse(shown), { a: "\u001b[2J\u202e", b: [1, 2] });
});

// Bytes that are to be UTF-8.

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { textIn } from "../../src/utf8.ts";

const UTF_8 = new TextEncoder();

test("a text is read from its UTF-8, whatever is in it", () => {
  const texts = [
    "",
    "plain",
    "straße",
    "東京\u2028",
    "💬",
    "\0",
    "\ufeffmark",
    "\ufffd",
    "a\ufffdb💬",
  ];
  for (const text of texts) assertEquals(textIn(UTF_8.encode(text)), text);
});

for (
  const [what, bytes] of Object.entries({
    "a byte that begins nothing": [0x61, 0xff],
    "a byte that goes on with nothing": [0x80],
    "a character that is cut short": [0xf0, 0x9f, 0x92],
    "a character that takes more bytes than it needs": [0xc0, 0x80],
    "half of a surrogate pair": [0xed, 0xa0, 0x80],
    "a number beyond Unicode": [0xf4, 0x90, 0x80, 0x80],
    "a wrong byte beside what stands for one": [0xef, 0xbf, 0xbd, 0xff],
  })
) {
  test(`no text is read from ${what}`, () => {
    assertEquals(textIn(Uint8Array.from(bytes)), undefined);
  });
}

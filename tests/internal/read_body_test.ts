// A body that is read before its reader gets it, and given anew.

import { assertEquals } from "@std/assert";
import { readBody } from "../../capture/fetch/read_body.ts";
import { WholeBody } from "../../capture/fetch/whole_body.ts";
import { test } from "node:test";

const LIMITS = { ms: 1000, bytes: Infinity };
const TEXT = '{"of":["much"]}';

for (
  const [name, touch] of Object.entries({
    "reads it": (body: ReadableStream) => body.getReader().read(),
    "leaves it": (body: ReadableStream) => body.cancel(),
    "reads a copy of it": (body: ReadableStream) => body.tee()[1].getReader().read(),
  })
) {
  test(`a body that is given anew tells when somebody ${name}, and not before`, async () => {
    const { bytes, anew } = await readBody(new Response(TEXT).body!, LIMITS, undefined);
    let isTouched = false;
    const body = anew(() => isTouched = true);
    assertEquals([new TextDecoder().decode(bytes), isTouched], [TEXT, false]);
    await touch(body);
    assertEquals(isTouched, true);
  });
}

test("the value of a body's JSON is taken once: who asks again gets another", () => {
  const whole = new WholeBody(TEXT);
  const read = whole.readJson();
  assertEquals(whole.takeJson() === read, true);
  assertEquals(whole.takeJson() === read, false);
  assertEquals(whole.takeJson(), read);
});

test("integers that JavaScript has not are texts in what is recorded, and as they come to the reader", () => {
  const whole = new WholeBody('{"id":12345678901234567890}');
  assertEquals(whole.readJson(), { id: "12345678901234567890" });
  assertEquals(whole.takeJson(), JSON.parse('{"id":12345678901234567890}'));
});

// Server-sent events, wherever their bytes are cut.

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { SseReader } from "../../capture/shared/sse.ts";
import { check } from "../support/property.ts";

interface ServerSentEvent {
  name: string;
  data: string;
}

/** A reader, and a function that has it read some more and gives the events that this completes. */
function reading() {
  let events: ServerSentEvent[] = [];
  const reader = new SseReader((name, data) => events.push({ name, data }));
  const read = (bytes: Uint8Array): ServerSentEvent[] => {
    events = [];
    reader.read(bytes);
    return events;
  };
  return { reader, read };
}

/** The events in a text, cut into pieces of so many bytes. */
function eventsIn(text: string, size = Infinity): ServerSentEvent[] {
  const bytes = new TextEncoder().encode(text);
  const { read } = reading();
  const events: ServerSentEvent[] = [];
  for (let start = 0; start < bytes.length; start += size) {
    events.push(...read(bytes.subarray(start, start + size)));
  }
  return events;
}

const cases: [what: string, text: string, events: [string, string][]][] = [
  ["an event", "data: 1\n\n", [["message", "1"]]],
  ["one that names its type", "event: ping\ndata: {}\n\n", [["ping", "{}"]]],
  ["data of several lines", "data: a\ndata: b\n\n", [["message", "a\nb"]]],
  ["no space behind the colon, or two", "data:a\ndata:  b\n\n", [["message", "a\n b"]]],
  ["comments and fields that say nothing", ": hi\nid: 7\nretry: 1\ndata: a\n\n", [[
    "message",
    "a",
  ]]],
  ["a field without a colon", "data\n\n", [["message", ""]]],
  ["no data", "event: ping\n\n\n\ndata: a\n\n", [["message", "a"]]],
  ["CR LF", "data: a\r\n\r\ndata: b\r\n\r\n", [["message", "a"], ["message", "b"]]],
  ["CR alone", "data: a\r\rdata: b\r\r", [["message", "a"], ["message", "b"]]],
  ["one that is not ended", "data: a\n\ndata: b\n", [["message", "a"]]],
  ["a byte order mark", "\ufeffdata: a\n\n", [["message", "a"]]],
  ["many bytes a character", "data: 李雷 😀\n\n", [["message", "李雷 😀"]]],
];
for (const [what, text, events] of cases) {
  test(`${what}, in pieces of every size`, () => {
    for (const size of [1, 2, 3, 5, Infinity]) {
      assertEquals(eventsIn(text, size), events.map(([name, data]) => ({ name, data })), `${size}`);
    }
  });
}

test("however a text is cut, its events are the same", async () => {
  const line = fc.constantFrom("data: a", "data:é😀", "event: x", ": c", "data", "", "id: 1");
  const end = fc.constantFrom("\n", "\r", "\r\n");
  await check(
    fc.asyncProperty(
      fc.array(fc.tuple(line, end)),
      fc.integer({ min: 1, max: 9 }),
      (lines, size) => {
        const text = lines.flat().join("");
        assertEquals(eventsIn(text, size), eventsIn(text));
        return Promise.resolve();
      },
    ),
    500,
  );
});

test("whatever its bytes are, and however they are cut, data is what they decode to", async () => {
  const piece = fc.constantFrom([0x61], [0xc3, 0xa9], [0xf0, 0x9f, 0x98, 0x80], BOM, [0xff], [
    0xc3,
  ]);
  await check(
    fc.asyncProperty(
      fc.array(piece),
      fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1 }),
      (pieces, sizes) => {
        const said = Uint8Array.from(pieces.flat());
        const bytes = new Uint8Array([...BOM, ...DATA, ...said, ...END]);
        const { read } = reading();
        const events: ServerSentEvent[] = [];
        for (let start = 0, n = 0; start < bytes.length; n++) {
          const end = start + (sizes[n] ?? bytes.length);
          events.push(...read(bytes.subarray(start, end)));
          start = end;
        }
        const data = new TextDecoder("utf-8", { ignoreBOM: true }).decode(said);
        assertEquals(events, [{ name: "message", data }]);
        return Promise.resolve();
      },
    ),
    500,
  );
});

const BOM = [0xef, 0xbb, 0xbf];
const [DATA, END] = ["data: ", "\n\n"].map((text) => new TextEncoder().encode(text)) as [
  Uint8Array,
  Uint8Array,
];

/** More than a line is kept of. */
const LONG = 33 * 1024 * 1024;

test("a line that is longer than is kept leaves out its event, and none behind it", () => {
  const kinds: [string, (text: (length: number) => string) => string[]][] = [
    ["in one piece", (x) => [`data: ${x(LONG)}\n\n`]],
    ["in pieces", (x) => ["data: ", ...Array(33).fill(x(LONG / 33)), "\ndata: b\n\n"]],
    ["of many lines", (x) => [...Array(33).fill(`data: ${x(LONG / 33)}\n`), "\n"]],
  ];
  for (const [what, pieces] of kinds) {
    const { reader, read: readBytes } = reading();
    const read = (text: string): ServerSentEvent[] => readBytes(new TextEncoder().encode(text));
    assertEquals(read("data: a\n\n").map(({ data }) => data), ["a"], what);
    assertEquals(pieces((length) => "x".repeat(length)).flatMap(read), [], what);
    assertEquals(reader.tooLong, 1, what);
    assertEquals(read("event: e\ndata: c\n\n"), [{ name: "e", data: "c" }], what);
    assertEquals(reader.tooLong, 1, what);
  }
});

test("a line that is longer than is kept, and never ends, is told", () => {
  const { reader } = reading();
  const piece = new TextEncoder().encode("x".repeat(1024 * 1024));
  for (let n = 0; n < 32; n++) reader.read(piece);
  assertEquals(reader.tooLong, 0);
  reader.read(piece);
  reader.read(piece);
  assertEquals(reader.tooLong, 1);
});

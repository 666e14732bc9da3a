// What ends or escapes a string of JSON is found alike with and without WebAssembly.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { test } from "node:test";
import { type LineRoom, loopRoom, vectorRoom } from "../../src/stop_bits.ts";
import { check } from "../support/property.ts";

const CAPACITY = 4096;

/** Where a room marks stops in a line, and whether it says that the line is ASCII. */
function marked(room: LineRoom, line: Uint8Array): { stops: number[]; isAscii: boolean } {
  room.bytes.set(line);
  // Vectors are whole: what is behind the line is looked at, too.
  room.bytes.fill(0, line.length, line.length + 16);
  const isAscii = room.mark(line.length);
  const isMarked = (at: number) => ((room.stops[at >> 5]! >>> (at & 31)) & 1) === 1;
  return { stops: Array.from(line.keys()).filter(isMarked), isAscii };
}

/** The same, by the definition. */
function stopsIn(line: Uint8Array): { stops: number[]; isAscii: boolean } {
  const stops = [...line.keys()].filter((at) => {
    const byte = line[at]!;
    return byte < 0x20 || byte === 0x22 || byte === 0x5c;
  });
  return { stops, isAscii: line.every((byte) => byte < 0x80) };
}

const rooms = { loop: loopRoom(CAPACITY), vectors: vectorRoom(CAPACITY) };

for (const [name, room] of Object.entries(rooms)) {
  test(`${name}: every byte is marked as what it is, wherever it stands`, () => {
    assert(
      room !== undefined,
      "there is WebAssembly with vectors on each runtime that this runs on",
    );
    for (let byte = 0; byte < 256; byte++) {
      for (let at = 0; at < 40; at++) {
        const line = new Uint8Array(40).fill(0x61);
        line[at] = byte;
        assertEquals(marked(room, line), stopsIn(line), `${byte} at ${at}`);
      }
    }
  });

  test(`${name}: what is marked is of this line, not of the one before`, async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.array(fc.constantFrom(0x1f, 0x20, 0x21, 0x22, 0x23, 0x5b, 0x5c, 0x5d, 0x7f, 0x80, 0xff), {
        minLength: 1,
        maxLength: CAPACITY - 16,
      }).map((all) => Uint8Array.from(all)),
    );
    await check(
      fc.asyncProperty(bytes, (line) => {
        assertEquals(marked(room!, line), stopsIn(line));
        return Promise.resolve();
      }),
      500,
    );
  });
}

test("where no memory is to be had for vectors, there is no such room", () => {
  assertEquals(vectorRoom(2 ** 40), undefined);
});

test("without WebAssembly there is no such room", () => {
  const present = Object.getOwnPropertyDescriptor(globalThis, "WebAssembly")!;
  try {
    Reflect.deleteProperty(globalThis, "WebAssembly");
    assertEquals(vectorRoom(CAPACITY), undefined);
  } finally {
    Object.defineProperty(globalThis, "WebAssembly", present);
  }
  assert(vectorRoom(CAPACITY) !== undefined);
});

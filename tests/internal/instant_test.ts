import { assertEquals } from "@std/assert";
import { test } from "node:test";
import { formatTimestamp, InstantScanner, parseInstant } from "../../src/instant.ts";

/** Texts, and the instant that each names: milliseconds, then microseconds beyond. */
const TIMES: [text: string, milliseconds: number, micros?: number][] = [
  ["1970-01-01", 0],
  ["1970-01-01T00:00", 0],
  ["1970-01-01T00:00:00Z", 0],
  ["2026-01-31T08:09:10.123Z", Date.UTC(2026, 0, 31, 8, 9, 10, 123)],
  ["2026-01-31 08:09:10.123", Date.UTC(2026, 0, 31, 8, 9, 10, 123)],
  ["2026-01-31T08:09:10,1", Date.UTC(2026, 0, 31, 8, 9, 10, 100)],
  ["2026-01-31T08:09:10.000001", Date.UTC(2026, 0, 31, 8, 9, 10), 1],
  ["2026-01-31T08:09:10.782592+00:00", Date.UTC(2026, 0, 31, 8, 9, 10, 782), 592],
  ["2026-01-31T08:09:10.123456789Z", Date.UTC(2026, 0, 31, 8, 9, 10, 123), 456],
  ["2026-01-31T00:30:00+01:00", Date.UTC(2026, 0, 30, 23, 30)],
  ["2026-01-31T23:30-0130", Date.UTC(2026, 1, 1, 1, 0)],
  ["2024-02-29T12:00:00Z", Date.UTC(2024, 1, 29, 12)],
  ["2000-02-29", Date.UTC(2000, 1, 29)],
  ["1969-12-31T23:59:59.999999Z", -1, 999],
  ["0000-01-01T00:00:00Z", Date.parse("0000-01-01T00:00:00Z")],
  ["0099-12-31T23:59:59Z", Date.parse("0099-12-31T23:59:59Z")],
  ["9999-12-31T23:59:59.999Z", Date.parse("9999-12-31T23:59:59.999Z")],
];

for (const [text, milliseconds, micros = 0] of TIMES) {
  test(`parseInstant() reads ${text}`, () => {
    assertEquals(parseInstant(text), milliseconds * 1000 + micros);
  });
}

const NO_TIMES = [
  "",
  "now",
  "2026",
  "2026-01",
  "2026-1-31",
  "26-01-31",
  "+002026-01-31",
  "2026-00-10",
  "2026-13-10",
  "2026-01-00",
  "2026-01-32",
  "2026-04-31",
  "2026-02-29",
  "1900-02-29",
  "2026-01-31T",
  "2026-01-31T08",
  "2026-01-31T24:00",
  "2026-01-31T08:60",
  "2026-01-31T08:09:60",
  "2026-01-31T08:09:10.",
  "2026-01-31T08:09:10.1234567890",
  "2026-01-31T08:09.5",
  "2026-01-31t08:09:10Z",
  "2026-01-31T08:09:10z",
  "2026-01-31T08:09:10 Z",
  "2026-01-31T08:09:10+24:00",
  "2026-01-31T08:09:10+01:60",
  "2026-01-31T08:09:10+01",
  "2026-01-31T08:09:10Z+01:00",
  "2026-01-31Z",
  "2026-01-31+01:00",
  " 2026-01-31",
  "2026-01-31\n",
  "٢٠٢٦-٠١-٣١",
  "2026-W05-6",
];

for (const text of NO_TIMES) {
  test(`parseInstant() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(parseInstant(text), undefined);
  });
}

test("formatTimestamp() writes what parseInstant() reads", () => {
  assertEquals(formatTimestamp(0), "1970-01-01T00:00:00.000Z");
  for (
    const milliseconds of [1, 1e12 + 7, Date.UTC(2026, 11, 31, 23, 59, 59, 999), 253402300799999]
  ) {
    assertEquals(parseInstant(formatTimestamp(milliseconds)), milliseconds * 1000);
  }
});

/** Reads a text by its bytes, behind others. */
function scanned(scanner: InstantScanner, text: string): number | undefined {
  const bytes = new TextEncoder().encode(`before${text}2026`);
  return scanner.scan(bytes, 6, bytes.length - 4);
}

test("an InstantScanner reads of bytes what parseInstant() reads of the text, whatever it read before", () => {
  const scanner = new InstantScanner();
  const texts = [...TIMES.map(([text]) => text), ...NO_TIMES];
  const shaped = [
    "2026-01-31T08:09:10.123Z",
    "2026-02-30T08:09:10.123Z",
    "2026-02-28T08:09:10.124Z",
  ];
  const changed = shaped.flatMap((text) =>
    Array.from(
      text,
      (_, at) => ["0", "9", "x", "é"].map((put) => text.slice(0, at) + put + text.slice(at + 1)),
    )
      .flat()
  );
  for (const text of [...texts, ...shaped, ...changed, ...texts]) {
    assertEquals(scanned(scanner, text), parseInstant(text), text);
    assertEquals(scanned(scanner, shaped[0]!), parseInstant(shaped[0]!));
  }
});

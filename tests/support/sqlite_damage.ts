/**
 * Damaging the bytes of a SQLite database: anywhere, and where its format (https://sqlite.org/fileformat2.html) has what
 * leads to all else.
 *
 * @module
 */

import fc from "fast-check";

/** A place in a database. */
type Place =
  | { in: "file"; part: number }
  | { in: "header"; at: number }
  /** In the head of a page, where one of its cells is said to be, or where that cell begins. */
  | { in: "page" | "pointer" | "cell"; page: number; cell: number; at: number };

/** What is done to a file's bytes. */
export type SqliteDamage =
  | { do: "overwrite"; place: Place; bytes: Uint8Array }
  | { do: "flip"; place: Place; bit: number }
  | { do: "append"; bytes: Uint8Array }
  | { do: "cut"; part: number }
  | { do: "cutPages" | "appendPages"; pages: number }
  | { do: "zero"; page: number; pages: number }
  | { do: "swap" | "copy"; page: number; other: number };

const part = fc.double({ min: 0, max: 1, noNaN: true });
const page = fc.nat(60);
const place = fc.oneof(
  fc.record({ in: fc.constant("file"), part }),
  fc.record({ in: fc.constant("header"), at: fc.nat(107) }),
  fc.record({
    in: fc.constantFrom("page", "pointer", "cell", "cell", "cell"),
    page,
    cell: fc.nat(300),
    at: fc.nat(40),
  }),
);
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 12 }),
  fc.uint8Array({ minLength: 1, maxLength: 1 }),
  fc.constantFrom([0], [0xff, 0xff], [0x80, 0x80], [0, 0, 0, 0], [0x7f, 0xff, 0xff, 0xff], [9], [1])
    .map((values) => Uint8Array.from(values)),
);

/** One change to a database's bytes. */
export const sqliteDamage: fc.Arbitrary<SqliteDamage> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("overwrite"), place, bytes }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("flip"), place, bit: fc.nat(7) }) },
  fc.record({ do: fc.constant("append"), bytes }),
  fc.record({ do: fc.constant("cut"), part }),
  fc.record({ do: fc.constantFrom("cutPages", "appendPages"), pages: fc.nat(3) }),
  fc.record({ do: fc.constant("zero"), page, pages: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constantFrom("swap", "copy"), page, other: page }),
) as fc.Arbitrary<SqliteDamage>;

/** The bytes with a change. */
export function damagedDatabase(bytes: Uint8Array, damage: SqliteDamage): Uint8Array {
  const size = pageSize(bytes);
  const copy = bytes.slice();
  switch (damage.do) {
    case "overwrite":
    case "flip": {
      if (copy.length === 0) return copy;
      const at = placeIn(copy, damage.place) % copy.length;
      if (damage.do === "flip") copy[at]! ^= 1 << damage.bit;
      else copy.set(damage.bytes.subarray(0, copy.length - at), at);
      return copy;
    }
    case "append":
      return Uint8Array.from([...copy, ...damage.bytes]);
    case "cut":
      return copy.slice(0, Math.floor(copy.length * damage.part));
    case "cutPages":
      return copy.slice(0, Math.max(0, copy.length - damage.pages * size));
    case "appendPages": {
      const longer = new Uint8Array(copy.length + damage.pages * size);
      longer.set(copy);
      return longer;
    }
    case "zero":
      return copy.fill(0, pageAt(copy, damage.page), pageAt(copy, damage.page + damage.pages));
    case "swap":
    case "copy": {
      const [one, two] = [pageAt(copy, damage.page), pageAt(copy, damage.other)];
      copy.set(bytes.subarray(one, one + size), two);
      if (damage.do === "swap") copy.set(bytes.subarray(two, two + size), one);
      return copy;
    }
  }
}

function placeIn(bytes: Uint8Array, place: Place): number {
  if (place.in === "file") return Math.floor(place.part * bytes.length);
  if (place.in === "header") return place.at;
  const start = pageAt(bytes, place.page);
  const head = start === 0 ? 100 : start;
  // A page of a tree says first of which kind it is; those inside have four bytes more.
  const isInside = bytes[head] === 2 || bytes[head] === 5;
  const isTree = isInside || bytes[head] === 10 || bytes[head] === 13;
  if (!isTree || place.in === "page") return head + place.at % 12;
  const cells = Math.max(1, twoBytes(bytes, head + 3));
  const pointer = head + (isInside ? 12 : 8) + 2 * (place.cell % cells);
  if (place.in === "pointer") return pointer + place.at % 2;
  return start + twoBytes(bytes, pointer) + place.at;
}

/** Where a page starts, the number counted on from the first again where there are not so many. */
function pageAt(bytes: Uint8Array, page: number): number {
  const pages = Math.max(1, Math.floor(bytes.length / pageSize(bytes)));
  return page % pages * pageSize(bytes);
}

function pageSize(bytes: Uint8Array): number {
  const size = twoBytes(bytes, 16);
  return size >= 512 ? size : size === 1 ? 65536 : 4096;
}

function twoBytes(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0);
}

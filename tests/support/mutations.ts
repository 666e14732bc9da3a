/**
 * Damaging texts of lines in the ways that editors, mail and attackers do.
 *
 * @module
 */

import fc from "fast-check";

/** One change to a text's bytes, or to its lines. */
type Mutation =
  | { do: "flip"; at: number; bit: number }
  | { do: "insert"; at: number; byte: number }
  | { do: "delete" | "double" | "cut"; at: number }
  | { do: "deleteLine" | "doubleLine" | "emptyLine" | "swapLines"; at: number }
  | { do: "space"; at: number; space: string }
  | { do: "crlf" | "enDash" | "noFinalNewline" | "urlSafe" };

const at = fc.nat();

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ do: fc.constant("flip"), at, bit: fc.nat(7) }),
  fc.record({
    do: fc.constant("insert"),
    at,
    byte: fc.oneof(fc.nat(255), fc.constantFrom(..."\n\r \t=+/AZ09-".split("").map(byteOf))),
  }),
  fc.record({ do: fc.constantFrom("delete", "double", "cut"), at }),
  fc.record({ do: fc.constantFrom("deleteLine", "doubleLine", "emptyLine", "swapLines"), at }),
  fc.record({
    do: fc.constant("space"),
    at,
    space: fc.constantFrom(" ", "\t", "\r", "\u00a0", "\u0085", "\u2028", "\ufeff"),
  }),
  fc.record({ do: fc.constantFrom("crlf", "enDash", "noFinalNewline", "urlSafe") }),
) as fc.Arbitrary<Mutation>;

/** One to three changes to a text. The result may be the text itself. */
export const mutations: fc.Arbitrary<(text: string) => Uint8Array> = fc
  .array(mutation, { minLength: 1, maxLength: 3 })
  .map((changes) => (text) => changes.reduce(mutate, new TextEncoder().encode(text)));

function mutate(bytes: Uint8Array, change: Mutation): Uint8Array {
  switch (change.do) {
    case "flip": {
      if (bytes.length === 0) return bytes;
      const flipped = new Uint8Array(bytes);
      flipped[change.at % bytes.length]! ^= 1 << change.bit;
      return flipped;
    }
    case "insert":
      return splice(bytes, change.at % (bytes.length + 1), 0, [change.byte]);
    case "delete":
    case "double":
    case "cut": {
      if (bytes.length === 0) return bytes;
      const at = change.at % bytes.length;
      if (change.do === "cut") return bytes.slice(0, at);
      return change.do === "delete" ? splice(bytes, at, 1) : splice(bytes, at, 0, [bytes[at]!]);
    }
    case "deleteLine":
      return byLine(bytes, change.at, () => []);
    case "doubleLine":
      return byLine(bytes, change.at, (line) => [line, line]);
    case "emptyLine":
      return byLine(bytes, change.at, (line) => ["", line]);
    case "space":
      return byLine(bytes, change.at, (line) => [
        line + latin1(new TextEncoder().encode(change.space)),
      ]);
    case "swapLines": {
      const lines = latin1(bytes).split("\n");
      const [first, second] = [change.at % lines.length, (change.at + 1) % lines.length];
      [lines[first], lines[second]] = [lines[second]!, lines[first]!];
      return ofLatin1(lines.join("\n"));
    }
    case "crlf":
      return ofLatin1(latin1(bytes).replaceAll("\n", "\r\n"));
    case "enDash":
      return ofLatin1(latin1(bytes).replaceAll("\u00e2\u0080\u0094", "\u00e2\u0080\u0093"));
    case "noFinalNewline":
      return ofLatin1(latin1(bytes).replace(/\n$/, ""));
    case "urlSafe":
      return ofLatin1(latin1(bytes).replace("+", "-").replace("/", "_"));
  }
}

function byLine(bytes: Uint8Array, at: number, change: (line: string) => string[]): Uint8Array {
  const lines = latin1(bytes).split("\n");
  const chosen = at % lines.length;
  return ofLatin1(lines.flatMap((line, i) => i === chosen ? change(line) : line).join("\n"));
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: number[] = []): Uint8Array {
  return new Uint8Array([...bytes.subarray(0, at), ...insert, ...bytes.subarray(at + remove)]);
}

/** Each byte as the character of that number: not what TextDecoder calls latin1. */
function latin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function ofLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, byteOf);
}

function byteOf(character: string): number {
  return character.charCodeAt(0) & 0xff;
}

/**
 * Changing one byte of a file, so that what was fine must be refused.
 *
 * @module
 */

const [ZERO, NINE] = [0x30, 0x39];

/** The bytes with the one at a position changed: a digit to another, a letter to another, so that most stays well-formed. */
export function altered(bytes: Uint8Array, position: number): Uint8Array {
  const copy = bytes.slice();
  const byte = copy[position];
  if (byte >= ZERO && byte <= NINE) copy[position] = byte === NINE ? ZERO + 1 : byte + 1;
  else if (/[A-Za-z]/.test(String.fromCharCode(byte))) copy[position] = byte === 0x41 ? 0x42 : 0x41;
  else copy[position] = byte ^ 1;
  return copy;
}

/** So many positions, evenly spread over a part of a file, its first and last among them. */
export function spread(count: number, from: number, to: number): number[] {
  const last = to - from - 1;
  const positions = Array.from(
    { length: count },
    (_, n) => from + Math.round(n * last / (count - 1)),
  );
  return [...new Set(positions)];
}

/** Where a signed note's text ends, and where the signatures of its lines are in it. */
export function partsOf(note: Uint8Array): { text: number; signatures: [number, number][] } {
  // One character a byte, so that positions are those of bytes.
  const whole = Array.from(note, (byte) => String.fromCharCode(byte)).join("");
  const text = whole.lastIndexOf("\n\n") + 1;
  const signatures = [...whole.slice(text + 1).matchAll(/([^ \n]+)\n/g)].map((match) => {
    const from = text + 1 + match.index;
    return [from, from + match[1].length] as [number, number];
  });
  return { text, signatures };
}

import type { OpenFile } from "../ports.ts";

/** Lines this near to each other are read together: a read costs more than the bytes between them. */
const GAP_BYTES = 32 * 1024;
/** How much is read together. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Where a line is in a file, in bytes. */
interface Place {
  readonly offset: number;
  readonly length: number;
}

/**
 * Reads the bytes of some lines, together with the newline behind each, in as few reads as makes sense.
 *
 * @param places Where the lines are, sorted by offset, upwards or downwards.
 * @returns The bytes of each, in the same order; shorter where the file ends.
 */
export async function readLines(file: OpenFile, places: readonly Place[]): Promise<Uint8Array[]> {
  const upwards = places.length < 2 || places[0]!.offset < places[1]!.offset;
  const sorted = upwards ? places : [...places].reverse();
  const lines: Uint8Array[] = [];
  for (let first = 0; first < sorted.length;) {
    let last = first;
    const { offset } = sorted[first]!;
    while (last + 1 < sorted.length) {
      const next = sorted[last + 1]!;
      const near = next.offset - endOf(sorted[last]!) <= GAP_BYTES;
      if (!near || endOf(next) - offset > MOST_BYTES) break;
      last++;
    }
    const bytes = await readFully(file, offset, endOf(sorted[last]!) - offset);
    for (; first <= last; first++) {
      const place = sorted[first]!;
      lines.push(bytes.subarray(place.offset - offset, endOf(place) - offset));
    }
  }
  return upwards ? lines : lines.reverse();
}

function endOf(place: Place): number {
  return place.offset + place.length + 1;
}

/** Reads some bytes; fewer where the file ends. */
export async function readFully(
  file: OpenFile,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const read = await file.read(bytes.subarray(filled), position + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}

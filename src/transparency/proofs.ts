/**
 * Roots and proofs out of tiles: RFC 9162, sections 2.1.3.1 and 2.1.4.1, which RFC 6962 has in 2.1.1
 * and 2.1.2.
 *
 * Each hash of a proof is the root of a range of leaves that begins where a subtree can begin. Such
 * a range is a row of perfect subtrees, from large to small, and each of those is one hash of a tile
 * or is computed from neighbours in one tile.
 *
 * @module
 */

import { AuditLogError } from "../errors.ts";
import { emptyRoot, HASH_BYTES, nodeHash, type Sha256 } from "./hash.ts";
import {
  checkSize,
  isCount,
  perfectRoot,
  TILE_WIDTH,
  type TileId,
  tilePath,
  tileWidth,
} from "./tile.ts";

/** Where tiles are kept. */
export interface TileReader {
  /**
   * The first hashes of a tile.
   *
   * It is asked for as many as the tile has in the tree of the given size, so that a partial tile
   * that was kept for that size will do. Several calls may be under way at a time, for different
   * tiles.
   *
   * @param id The tile.
   * @param width How many hashes, 1 to 256.
   * @returns `width * 32` bytes, which are only read.
   */
  read(id: TileId, width: number): Promise<Uint8Array>;
  /**
   * Where roots of large subtrees above the leaves are kept, which many proofs have in common and which never change; by
   * a name of the subtree. Left out, each proof computes them again.
   */
  readonly roots?: Map<string, Uint8Array>;
}

/**
 * The root of a tree, MTH of RFC 9162, section 2.1.1. Reads a tile for each level: three for a
 * million leaves, at most seven.
 *
 * @param sha256 The runtime's SHA-256.
 * @param reader The tiles of that tree, or of one that has grown from it.
 * @param size The number of leaves, 0 to 2^53 - 1.
 * @returns 32 bytes.
 * @throws {RangeError} If the size is out of range.
 * @throws {AuditLogError} `DAMAGED` if a tile has not the length that was asked for. What the reader
 * throws is passed on.
 */
export async function treeRoot(
  sha256: Sha256,
  reader: TileReader,
  size: number,
): Promise<Uint8Array> {
  checkSize(size);
  if (size === 0) return emptyRoot(sha256);
  const [root] = await rangeRoots(sha256, reader, size, [{ from: 0, to: size }]);
  return root!;
}

/**
 * A proof that a leaf is in a tree, PATH of RFC 9162, section 2.1.3.1. Reads at most two tiles for
 * each level.
 *
 * @param sha256 The runtime's SHA-256.
 * @param reader The tiles of that tree, or of one that has grown from it.
 * @param index The leaf, 0 to `size - 1`.
 * @param size The number of leaves, 1 to 2^53 - 1.
 * @returns Hashes of 32 bytes, the leaf's sibling first; none if the leaf is alone.
 * @throws {RangeError} If the index or the size is out of range.
 * @throws {AuditLogError} `DAMAGED` if a tile has not the length that was asked for. What the reader
 * throws is passed on.
 */
export async function inclusionProof(
  sha256: Sha256,
  reader: TileReader,
  index: number,
  size: number,
): Promise<Uint8Array[]> {
  checkSize(size);
  if (!isCount(index) || index >= size) {
    throw new RangeError(`Cannot prove leaf ${index}: the tree has ${size} leaves`);
  }
  const ranges: LeafRange[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return await rangeRoots(sha256, reader, size, ranges.reverse());
}

/**
 * A proof that a tree has grown from another, PROOF of RFC 9162, section 2.1.4.1. Reads at most two
 * tiles for each level.
 *
 * The RFC leaves out the smaller tree without leaves, and its proof between equal trees is empty;
 * so it is here for both.
 *
 * @param sha256 The runtime's SHA-256.
 * @param reader The tiles of the larger tree, or of one that has grown from it.
 * @param from The number of leaves of the smaller tree, 0 to `to`.
 * @param to The number of leaves of the larger tree, 0 to 2^53 - 1.
 * @returns Hashes of 32 bytes.
 * @throws {RangeError} If a size is out of range.
 * @throws {AuditLogError} `DAMAGED` if a tile has not the length that was asked for. What the reader
 * throws is passed on.
 */
export async function consistencyProof(
  sha256: Sha256,
  reader: TileReader,
  from: number,
  to: number,
): Promise<Uint8Array[]> {
  checkSize(to);
  if (!isCount(from) || from > to) {
    throw new RangeError(`Cannot prove that a tree of ${to} leaves has grown from one of ${from}`);
  }
  if (from === 0) return [];
  const ranges: LeafRange[] = [];
  let [first, end] = [0, to];
  while (end !== from) {
    const middle = first + splitOf(end - first);
    if (from <= middle) {
      ranges.push({ from: middle, to: end });
      end = middle;
    } else {
      ranges.push({ from: first, to: middle });
      first = middle;
    }
  }
  // When what is left is the whole smaller tree, whoever checks has its root.
  if (first > 0) ranges.push({ from: first, to: end });
  return await rangeRoots(sha256, reader, to, ranges.reverse());
}

/** The leaves from one to before another, beginning where a subtree can. */
interface LeafRange {
  readonly from: number;
  readonly to: number;
}

/** A perfect subtree: where its hashes are. */
interface Subtree {
  readonly tile: TileId;
  /** The first of the tile's hashes that belong to it. */
  readonly offset: number;
  /** How many do: 1, 2, 4, ... or 128. */
  readonly width: number;
}

/** Where a tree of so many leaves, two or more, is split: the largest power of two below. */
function splitOf(leaves: number): number {
  let split = 1;
  while (split * 2 < leaves) split *= 2;
  return split;
}

/** From how many hashes on the root of a subtree is worth keeping. */
const KEPT_WIDTH = 8;

/** The roots of ranges of a tree's leaves. Reads each tile once. */
async function rangeRoots(
  sha256: Sha256,
  reader: TileReader,
  size: number,
  ranges: readonly LeafRange[],
): Promise<Uint8Array[]> {
  const rows = ranges.map(subtreesOf);
  const wanted = new Map(rows.flat().map(({ tile }) => [keyOf(tile), tile]));
  const tiles = new Map(
    await Promise.all(
      [...wanted].map(async ([key, id]) => [key, await readTile(reader, id, size)] as const),
    ),
  );
  const rootOf = ({ tile, offset, width }: Subtree): Uint8Array => {
    const roots = tile.level > 0 && width >= KEPT_WIDTH ? reader.roots : undefined;
    const name = `${keyOf(tile)}/${offset}/${width}`;
    const known = roots?.get(name);
    if (known !== undefined) return known;
    const start = offset * HASH_BYTES;
    const hashes = tiles.get(keyOf(tile))!.subarray(start, start + width * HASH_BYTES);
    const root = perfectRoot(sha256, hashes);
    roots?.set(name, root);
    return root;
  };
  return rows.map((row) =>
    row.map(rootOf).reduceRight((right, left) => nodeHash(sha256, left, right))
  );
}

/** The perfect subtrees that a range consists of, from left to right. */
function subtreesOf({ from, to }: LeafRange): Subtree[] {
  const subtrees: Subtree[] = [];
  while (from < to) {
    let [level, width, step] = [0, 1, 1];
    // Up to 128 hashes of a tile: all 256 are one hash of the level above.
    while (step * 2 <= to - from) {
      step *= 2;
      if (width * 2 < TILE_WIDTH) width *= 2;
      else [level, width] = [level + 1, 1];
    }
    // The range begins at a multiple of the step, so this is exact.
    const position = from / step * width;
    const index = Math.floor(position / TILE_WIDTH);
    subtrees.push({ tile: { level, index }, offset: position - index * TILE_WIDTH, width });
    from += step;
  }
  return subtrees;
}

async function readTile(reader: TileReader, id: TileId, size: number): Promise<Uint8Array> {
  const width = tileWidth(id, size);
  const hashes = await reader.read(id, width);
  if (hashes.length !== width * HASH_BYTES) {
    throw new AuditLogError(
      "DAMAGED",
      `Cannot compute hashes of the tree: ${tilePath(id, width)} has ${hashes.length} bytes ` +
        `instead of ${width * HASH_BYTES}`,
    );
  }
  return hashes;
}

function keyOf({ level, index }: TileId): string {
  return `${level}/${index}`;
}

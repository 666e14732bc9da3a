/**
 * Tiles: how the hashes of a tree are cut into pieces that never change once they are full, as C2SP
 * tlog-tiles lays it down.
 *
 * A tile holds up to 256 hashes that stand side by side. At level 0 they are the hashes of leaves;
 * above that each is the root of a full tile below, so a hash at level L stands for `256**L` leaves.
 * The seven levels of nodes between two levels of tiles are not stored but computed.
 *
 * ```
 * level 2                     [ 0 ]
 *                               |
 * level 1           [ 0   1 ... 255 ]                [ 256 ... 272 ]
 *                     |    \                                    |
 * level 0   [ 0 ... 255 ]  [ 256 ... 511 ]  ...  [ 69632 ... 69887 ]  [ 69888 ... 69999 ]
 * ```
 *
 * That is the tree of 70,000 leaves. A partial tile is at the right end of its level and has no hash
 * above it.
 *
 * Sizes and indexes go up to 2^53 - 1, beyond what bit operators can take. Division by a power of
 * two is exact in a double.
 *
 * @module
 */

import { HASH_BYTES, pairHash, type Sha256 } from "./hash.ts";

/** How many hashes a full tile has. */
export const TILE_WIDTH = 256;

/** The length of a full tile in bytes. */
export const TILE_BYTES: number = TILE_WIDTH * HASH_BYTES;

/** Which tile: its place in the tree. */
export interface TileId {
  /** 0 for hashes of leaves; 0 to 63, of which a tree of at most 2^53 - 1 leaves needs 0 to 6. */
  readonly level: number;
  /** Its place in the level: 0, 1, 2, ... */
  readonly index: number;
}

/** A tile, or the beginning of one. */
export interface TilePart {
  /** Which tile. */
  readonly id: TileId;
  /** How many of its hashes, from the first on. */
  readonly width: number;
}

/** How many leaves are between the one with an index and the next that is the first of a tile. */
export function leavesToTile(index: number): number {
  return (TILE_WIDTH - index % TILE_WIDTH) % TILE_WIDTH;
}

const MAX_LEVEL = 63;

/**
 * How many hashes a tile has in a tree, C2SP tlog-tiles, sections "Merkle Tree" and "Partial Tiles".
 *
 * @param id The tile.
 * @param size The number of leaves of the tree, 0 to 2^53 - 1.
 * @returns 256 for a full tile, 1 to 255 for a partial one, 0 if the tree has no such tile.
 * @throws {RangeError} If a number is out of its range.
 */
export function tileWidth(id: TileId, size: number): number {
  checkId(id);
  checkSize(size);
  // The product may exceed 2^53, but 256 is a power of two, so it is not rounded.
  const width = hashesAt(id.level, size) - id.index * TILE_WIDTH;
  return Math.min(TILE_WIDTH, Math.max(0, width));
}

/**
 * The right edge of a tree: for each of its levels, from 0 on, the tile that comes after the full
 * ones. Its width is 0 to 255; the tree has as many levels as the result has parts.
 *
 * @param size The number of leaves of the tree, 0 to 2^53 - 1.
 * @throws {RangeError} If the size is out of range.
 */
export function edgeTiles(size: number): TilePart[] {
  checkSize(size);
  const parts: TilePart[] = [];
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    const hashes = hashesAt(level, size);
    const index = Math.floor(hashes / TILE_WIDTH);
    parts.push({ id: { level, index }, width: hashes - index * TILE_WIDTH });
  }
  return parts;
}

/**
 * The path of a tile below a log's prefix, C2SP tlog-tiles, section "Merkle Tree":
 * `tile/0/x001/x234/067` is the full tile 1,234,067 of level 0, and `tile/0/x001/x234/067.p/112`
 * its first 112 hashes.
 *
 * @param id The tile.
 * @param width How many of its hashes, 1 to 256.
 * @throws {RangeError} If a number is out of its range.
 */
export function tilePath(id: TileId, width: number): string {
  checkId(id);
  if (!(Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH)) {
    throw new RangeError(`Cannot name a tile: its width is ${width}`);
  }
  const digits = String(id.index).padStart(3, "0");
  // Three digits to a folder, counted from the right.
  const index = digits.replace(/\d(?=(?:\d{3})+$)/g, "$&/").split("/")
    .map((group, n, groups) => (n < groups.length - 1 ? "x" : "") + group.padStart(3, "0"))
    .join("/");
  return `tile/${id.level}/${index}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}

/**
 * The root of a full tile, which is one hash at the level above.
 *
 * @param sha256 The runtime's SHA-256.
 * @param hashes The tile, {@link TILE_BYTES} bytes.
 * @throws {RangeError} If the tile has another length.
 */
export function tileRoot(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  if (hashes.length !== TILE_BYTES) {
    throw new RangeError(`Cannot compute the root of a tile: it has ${hashes.length} bytes`);
  }
  return perfectRoot(sha256, hashes);
}

/**
 * The root over hashes whose number is a power of two: a node within a tile.
 *
 * @param sha256 The runtime's SHA-256.
 * @param hashes 1, 2, 4, ... or 256 hashes, end to end.
 * @returns A hash that shares no memory with what was given.
 */
export function perfectRoot(sha256: Sha256, hashes: Uint8Array): Uint8Array {
  // Level by level, each in the place of the one below: no memory for every hash.
  const level = new Uint8Array(hashes);
  const node = new Uint8Array(HASH_BYTES);
  for (let nodes = hashes.length / (2 * HASH_BYTES); nodes >= 1; nodes /= 2) {
    for (let n = 0; n < nodes; n++) {
      level.set(pairHash(sha256, level, n, node), n * HASH_BYTES);
    }
  }
  return level.slice(0, HASH_BYTES);
}

/**
 * Refuses what cannot be a number of leaves.
 *
 * @param size The number.
 * @throws {RangeError} Unless it is an integer from 0 to 2^53 - 1.
 */
export function checkSize(size: number): void {
  if (!isCount(size)) throw new RangeError(`Cannot have a tree of ${size} leaves`);
}

/** Whether a value is an integer from 0 to 2^53 - 1. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

/** How many hashes a level has: one for each `256**level` leaves. */
function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level);
}

function checkId({ level, index }: TileId): void {
  if (!isCount(level) || level > MAX_LEVEL || !isCount(index)) {
    throw new RangeError(`Cannot have a tile at level ${level}, index ${index}`);
  }
}

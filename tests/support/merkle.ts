/**
 * Merkle trees straight from the definitions of RFC 6962, section 2.1, to compare with: slow, and
 * written as the RFC writes them.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import * as nodeCrypto from "node:crypto";
import type { TileReader } from "../../src/transparency/proofs.ts";
import { type TileId, tilePath } from "../../src/transparency/tile.ts";

/** SHA-256 of the runtime. */
export function sha256(data: string | Uint8Array): Uint8Array {
  return new Uint8Array(digest(data));
}

/** The same, put where it may be: it stays there until the next is. */
export function sha256Into(data: string | Uint8Array, into?: Uint8Array): Uint8Array {
  const hash = sha256(data);
  if (into === undefined) return hash;
  into.set(hash);
  return into;
}

// In one go it takes a third of the time; early versions of Node 20 cannot.
const digest: (data: string | Uint8Array) => Uint8Array = "hash" in nodeCrypto
  ? (data) => nodeCrypto.hash("sha256", data, "buffer")
  : (data) => nodeCrypto.createHash("sha256").update(data).digest();

/** SHA-256 as a browser has it. */
export async function webCrypto(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array(bytes)));
}

/** Bytes as hexadecimal digits, so that a failure can be read. */
export function hex(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString("hex");
}

/** Hexadecimal digits as bytes. */
export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

/** Hashes end to end. */
export function concat(hashes: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(hashes));
}

/** The hash of a node. */
export function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat([Uint8Array.of(1), left, right]));
}

/** So many hashes of leaves, no two the same. */
export function leaves(count: number, salt = ""): Uint8Array[] {
  return Array.from({ length: count }, (_, n) => sha256(`\0record ${salt}${n}`));
}

/** The largest power of two less than `n`, for `n` from 2 on. */
function k(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

/** A tree over hashes of leaves. Ranges of leaves, `from` to before `to`, are the RFC's `D[from:to]`. */
export class Model {
  readonly leaves: readonly Uint8Array[];
  // Nothing but memory: the same range always has the same root.
  readonly #known = new Map<string, Uint8Array>();

  constructor(leaves: readonly Uint8Array[]) {
    this.leaves = leaves;
  }

  /** MTH(D[from:to]). */
  mth(from: number, to: number): Uint8Array {
    if (from === to) return sha256("");
    if (to - from === 1) return this.leaves[from]!;
    const key = `${from}:${to}`;
    let root = this.#known.get(key);
    if (root === undefined) {
      const middle = from + k(to - from);
      root = node(this.mth(from, middle), this.mth(middle, to));
      this.#known.set(key, root);
    }
    return root;
  }

  /** PATH(m, D[from:to]); `m` counts from `from`. */
  path(m: number, from: number, to: number): Uint8Array[] {
    if (to - from === 1) return [];
    const split = k(to - from);
    return m < split
      ? [...this.path(m, from, from + split), this.mth(from + split, to)]
      : [...this.path(m - split, from + split, to), this.mth(from, from + split)];
  }

  /** PROOF(m, D[0:n]). */
  proof(m: number, n: number): Uint8Array[] {
    return this.#subproof(m, 0, n, true);
  }

  #subproof(m: number, from: number, to: number, isWhole: boolean): Uint8Array[] {
    if (m === to - from) return isWhole ? [] : [this.mth(from, to)];
    const split = k(to - from);
    return m <= split
      ? [...this.#subproof(m, from, from + split, isWhole), this.mth(from + split, to)]
      : [...this.#subproof(m - split, from + split, to, false), this.mth(from, from + split)];
  }

  /** The hashes of a tile in the tree of all leaves, or the first `width` of them. */
  tile({ level, index }: TileId, width: number): Uint8Array {
    const step = 256 ** level;
    return concat(
      Array.from({ length: width }, (_, i) => {
        const from = (index * 256 + i) * step;
        if (from + step > this.leaves.length) throw new Error("the tile is not that wide");
        return this.mth(from, from + step);
      }),
    );
  }
}

/** The root that a proof of inclusion leads to, found by undoing {@link Model.path}. */
export function rootByPath(
  m: number,
  n: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!(m < n)) return undefined;
  if (n === 1) return proof.length === 0 ? leaf : undefined;
  const last = proof.at(-1);
  if (last === undefined) return undefined;
  const split = k(n);
  const isLeft = m < split;
  const inner = rootByPath(isLeft ? m : m - split, isLeft ? split : n - split, leaf, [
    ...proof.slice(0, -1),
  ]);
  if (inner === undefined) return undefined;
  return isLeft ? node(inner, last) : node(last, inner);
}

/** The roots, of the smaller tree and the larger, that a proof of consistency leads to. */
export function rootsByProof(
  m: number,
  n: number,
  fromRoot: Uint8Array,
  proof: readonly Uint8Array[],
  isWhole = true,
): [Uint8Array, Uint8Array] | undefined {
  if (!(m > 0 && m <= n)) return undefined;
  const last = proof.at(-1);
  const rest = proof.slice(0, -1);
  if (m === n && isWhole) return last === undefined ? [fromRoot, fromRoot] : undefined;
  if (last === undefined) return undefined;
  if (m === n) return rest.length === 0 ? [last, last] : undefined;
  const split = k(n);
  if (m <= split) {
    const inner = rootsByProof(m, split, fromRoot, rest, isWhole);
    return inner && [inner[0], node(inner[1], last)];
  }
  const inner = rootsByProof(m - split, n - split, fromRoot, rest, false);
  return inner && [node(last, inner[0]), node(last, inner[1])];
}

/** A reader that notes what it was asked for. */
export class NotingReader implements TileReader {
  readonly #tile: (id: TileId, width: number) => Uint8Array;
  /** Tiles and widths, in the order of the calls. */
  reads: { id: TileId; width: number }[] = [];

  constructor(tile: (id: TileId, width: number) => Uint8Array) {
    this.#tile = tile;
  }

  // deno-lint-ignore require-await -- so that what is thrown becomes a rejection
  async read(id: TileId, width: number): Promise<Uint8Array> {
    this.reads.push({ id, width });
    return this.#tile(id, width);
  }
}

/** Checks that no tile was read twice, and at most two at each level. */
export function checkReads({ reads }: NotingReader): void {
  const paths = reads.map(({ id, width }) => tilePath(id, width));
  assertEquals(new Set(paths).size, paths.length, `read twice: ${paths}`);
  for (const { id: { level } } of reads) {
    assert(reads.filter(({ id }) => id.level === level).length <= 2, `${paths}`);
  }
}

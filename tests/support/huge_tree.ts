/**
 * A tree of up to 2^53 - 1 leaves that fits into memory: all leaves are the same but for one. Each of
 * its hashes depends only on the height and on whether the special leaf is beneath. It counts in
 * BigInt, and so in another way than what it is compared with.
 *
 * @module
 */

import type { TileId } from "../../src/transparency/tile.ts";
import { concat, node, sha256 } from "./merkle.ts";

const MAX_HEIGHT = 56;

export class HugeTree {
  readonly special: bigint;
  /** By height, 0 for leaves: roots of perfect subtrees without the special leaf, and with it. */
  readonly #plain = [sha256("\0plain")];
  readonly #marked = [sha256("\0special")];

  constructor(special: number) {
    this.special = BigInt(special);
    for (let height = 0; height < MAX_HEIGHT; height++) {
      const [plain, marked] = [this.#plain[height]!, this.#marked[height]!];
      const isRight = (this.special >> BigInt(height)) % 2n === 1n;
      this.#plain.push(node(plain, plain));
      this.#marked.push(isRight ? node(plain, marked) : node(marked, plain));
    }
  }

  /** The special leaf. */
  get leaf(): Uint8Array {
    return this.#marked[0]!;
  }

  /** All others. */
  get otherLeaf(): Uint8Array {
    return this.#plain[0]!;
  }

  /** The root of a perfect subtree of `2**height` leaves; positions among those count from 0. */
  subtree(height: number, position: bigint): Uint8Array {
    const isMarked = this.special >> BigInt(height) === position;
    return (isMarked ? this.#marked : this.#plain)[height]!;
  }

  /** The root of the first so many leaves: binary digits from the right. */
  root(size: number): Uint8Array {
    let root: Uint8Array | undefined;
    for (let height = 0; height < MAX_HEIGHT; height++) {
      const count = BigInt(size) >> BigInt(height);
      if (count % 2n === 0n) continue;
      const peak = this.subtree(height, count - 1n);
      root = root === undefined ? peak : node(peak, root);
    }
    return root ?? sha256("");
  }

  /** The first hashes of a tile. */
  readonly tile = ({ level, index }: TileId, width: number): Uint8Array =>
    concat(
      Array.from(
        { length: width },
        (_, i) => this.subtree(8 * level, BigInt(index) * 256n + BigInt(i)),
      ),
    );
}

import { AuditLogError } from "../errors.ts";
import { equalHashes } from "./hash.ts";

/** How many leaves are kept in mind at a time. */
const MOST = 64;

/**
 * Leaves of records that are in the log where its tree has leaves already, as far as they were looked at. They are the same, as a rule: the
 * tree was quicker and read them. They are not, where somebody has put another copy in the log's place meanwhile.
 */
export class Doubts {
  readonly #leaves = new Map<number, Uint8Array>();

  /** Whether another leaf may be kept in mind. */
  get hasRoom(): boolean {
    return this.#leaves.size < MOST;
  }

  /** Keeps a leaf in mind, until it is compared. */
  keep(index: number, leaf: Uint8Array): void {
    this.#leaves.set(index, leaf);
  }

  /** Forgets all of them: the tree is made anew. */
  clear(): void {
    this.#leaves.clear();
  }

  /**
   * Compares them with those of the tree.
   *
   * @param size How many the tree has; those behind are being hashed.
   * @param leafAt One of them, unless its tile is lost.
   * @throws {AuditLogError} `DAMAGED` when one is another. It stays in doubt for ever: nothing that the tree yields is what the log has.
   */
  async settle(
    size: number,
    leafAt: (index: number) => Promise<Uint8Array | undefined>,
  ): Promise<void> {
    for (const [index, leaf] of this.#leaves) {
      if (index >= size) continue;
      checkSame(index, leaf, await leafAt(index));
      this.#leaves.delete(index);
    }
  }
}

/**
 * Makes sure that a leaf is the one that a tree was made of, where it is known which that was.
 *
 * @throws {AuditLogError} `DAMAGED`.
 */
export function checkSame(index: number, leaf: Uint8Array, known: Uint8Array | undefined): void {
  if (known === undefined || equalHashes(leaf, known)) return;
  throw new AuditLogError(
    "DAMAGED",
    `Cannot compute the tree: entry ${index} is not the one that it was made of; the log was altered, or replaced ` +
      "by another copy, while it was open. Verify it",
  );
}

import { LazyThread } from "../lazy_thread.ts";
import type { HashedLeaves, HashThread } from "../ports.ts";
import type { WrittenLines } from "../stores/store.ts";
import type { Tree } from "./tree.ts";

/** From how many records on another thread hashes them sooner than this one. */
const WORTH_A_THREAD = 64;
/** How many records may be on their way to that thread and back: some 40 MB. */
const MOST_AHEAD = 16_384;

/** Adds records to a tree that another thread hashes, started when it is first worth it. */
export class AsideHasher {
  readonly #thread: LazyThread<HashThread>;
  readonly #grown: (tree: Tree) => void;
  #ahead = 0;
  #last: Promise<void> = Promise.resolve();

  /**
   * @param startThread Starts a thread, where there are any.
   * @param grown Told when a tree has grown.
   */
  constructor(
    startThread: (() => Promise<HashThread>) | undefined,
    grown: (tree: Tree) => void,
  ) {
    this.#thread = new LazyThread(startThread);
    this.#grown = grown;
  }

  /** Where records are hashed, for people. */
  get place(): string {
    return this.#thread.place;
  }

  /** How many records are being hashed there. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Whether to leave so many records to the thread. Those that it has must stay before them. */
  mayTake(count: number): boolean {
    if (this.#ahead === 0 && count < WORTH_A_THREAD) return false;
    void this.#thread.start();
    return this.#thread.ready !== undefined && this.#ahead < MOST_AHEAD;
  }

  /** Has lines hashed that follow on the tree, and on those under way. */
  hash(tree: Tree, { slab, bounds, release }: WrittenLines): void {
    const count = bounds.length - 1;
    const start = this.#ahead === 0 ? { start: new Uint8Array(tree.partial(0)) } : {};
    const hashed = this.#thread.started!.hash({ slab, bounds, ...start });
    this.#ahead += count;
    hashed.catch(() => {}); // it is awaited when those before it are in the tree
    this.#last = this.#take(this.#last, tree, count, hashed, release);
  }

  /** Resolves when those that were given there last are in the tree, or will not be. */
  get last(): Promise<void> {
    return this.#last;
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    while (this.#ahead > 0) await this.#last;
  }

  /** Ends the thread. */
  close(): void {
    // One that is just starting, too.
    if (this.#thread.started !== undefined) this.#thread.started.close();
    else void this.#thread.settled().then(() => this.#thread.started?.close());
  }

  async #take(
    before: Promise<void>,
    tree: Tree,
    count: number,
    hashed: Promise<HashedLeaves>,
    release: WrittenLines["release"],
  ): Promise<void> {
    await before;
    try {
      const { leaves, roots, slab } = await hashed;
      release(slab);
      // Behind leaves that were lost nothing has its place.
      if (this.#thread.hasFailed) return;
      tree.appendHashed(leaves, roots);
      this.#grown(tree);
    } catch (error) {
      // The tree does not follow any more, until it is brought up by reading.
      this.#thread.fail(error);
    } finally {
      this.#ahead -= count;
    }
  }
}

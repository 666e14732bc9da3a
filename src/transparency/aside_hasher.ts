import type { HashedLeaves, HashThread } from "../ports.ts";
import type { WrittenLines } from "../stores/store.ts";
import { reasonOf } from "./failure.ts";
import type { Tree } from "./tree.ts";

/** From how many records on another thread hashes them sooner than this one. */
const WORTH_A_THREAD = 64;
/** How many records may be on their way to that thread and back: some 40 MB. */
const MOST_AHEAD = 16_384;
const NOT_NEEDED = "few records at a time need no other";

/** Adds records to a tree that another thread hashes, started when it is first worth it. */
export class AsideHasher {
  readonly #startThread: (() => Promise<HashThread>) | undefined;
  readonly #grown: (tree: Tree) => void;
  #starting: Promise<void> | undefined;
  #thread: HashThread | undefined;
  #failure: string | undefined;
  #isClosed = false;
  #ahead = 0;
  /** Resolves when those that were given there last are in the tree, or will not be. */
  #last: Promise<void> = Promise.resolve();

  /**
   * @param startThread Starts a thread, where there are any.
   * @param grown Told when a tree has grown.
   */
  constructor(
    startThread: (() => Promise<HashThread>) | undefined,
    grown: (tree: Tree) => void,
  ) {
    this.#startThread = startThread;
    this.#grown = grown;
  }

  /** Where records are hashed, for people. */
  get place(): string {
    const isAside = this.#thread !== undefined && this.#failure === undefined;
    return isAside ? "another thread" : `this thread: ${this.#failure ?? NOT_NEEDED}`;
  }

  /** How many records are being hashed there. */
  get ahead(): number {
    return this.#ahead;
  }

  /** Whether to leave so many records to the thread. Those that it has must stay before them. */
  mayTake(count: number): boolean {
    if (this.#failure !== undefined) return false;
    if (this.#ahead === 0 && count < WORTH_A_THREAD) return false;
    if (this.#thread === undefined) this.#starting ??= this.#start();
    return this.#thread !== undefined && this.#ahead < MOST_AHEAD;
  }

  /** Has lines hashed that follow on the tree, and on those under way. */
  hash(tree: Tree, { slab, bounds, release }: WrittenLines): void {
    const count = bounds.length - 1;
    const start = this.#ahead === 0 ? { start: new Uint8Array(tree.partial(0)) } : {};
    const hashed = this.#thread!.hash({ slab, bounds, ...start });
    this.#ahead += count;
    hashed.catch(() => {}); // it is awaited when those before it are in the tree
    this.#last = this.#take(this.#last, tree, count, hashed, release);
  }

  /** Resolves when nothing is under way any more, or it is no longer waited for. */
  async settled(isWaitedFor: () => boolean): Promise<void> {
    while (this.#ahead > 0 && isWaitedFor()) await this.#last;
  }

  /** Ends the thread. */
  close(): void {
    this.#isClosed = true;
    this.#thread?.close();
  }

  async #start(): Promise<void> {
    try {
      this.#thread = await this.#startThread?.();
    } catch (error) {
      this.#failure = reasonOf(error);
    }
    if (this.#isClosed) this.#thread?.close();
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
      if (this.#failure !== undefined) return;
      tree.appendHashed(leaves, roots);
      this.#grown(tree);
    } catch (error) {
      // The tree does not follow any more, until it is brought up by reading.
      this.#failure ??= reasonOf(error);
    } finally {
      this.#ahead -= count;
    }
  }
}

// The tree of a log large enough for tiles above tiles, and its verification, over records that are made when they are
// read.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { test } from "node:test";
import type { HashThread } from "../../src/ports.ts";
import type { LogRecord } from "../../src/record.ts";
import type { WrittenLines } from "../../src/stores/store.ts";
import type { TreeStore } from "../../src/stores/tree_store.ts";
import { MemoryTree } from "../../src/stores/memory_tree.ts";
import { LeafHasher } from "../../src/transparency/leaf_hasher.ts";
import { LogTree } from "../../src/transparency/log_tree.ts";
import { verifyLog } from "../../src/transparency/verification.ts";
import type { FullTile } from "../../src/transparency/tree.ts";
import { hex, Model, sha256 } from "../support/merkle.ts";
import { Gate } from "../support/notes.ts";

/** More than 256 tiles, so that one tile of level 1 is full and another is not. */
const SIZE = 66_000;

const lineOf = (index: number): string => `record ${index}`;
const model = new Model(
  Array.from({ length: SIZE + 600 }, (_, index) => sha256(`\0${lineOf(index)}`)),
);

/** Records that are not kept anywhere, with tiles and checkpoints in memory. */
class Records extends MemoryTree implements TreeStore {
  size: number;
  /** How many records were read. */
  read = 0;
  /** How often a tile was. */
  tiles = 0;
  /** Records that are other ones. */
  readonly altered = new Map<number, string>();
  /** Called when all records were inspected. */
  inspected: () => Promise<unknown> = () => Promise.resolve();

  constructor(size: number) {
    super({ async *read() {} });
    this.size = size;
  }

  override async *lines(from: number, to: number): AsyncGenerator<readonly string[]> {
    for (let first = from; first < Math.min(to, this.size); first += 1000) {
      const count = Math.min(1000, Math.min(to, this.size) - first);
      this.read += count;
      yield Array.from({ length: count }, (_, n) => this.#line(first + n));
    }
  }

  override async *inspect() {
    let index = 0;
    for await (const lines of this.lines(0, this.size)) {
      yield lines.map((bytes) => ({ bytes, entryId: `id ${index++}`, faults: [] }));
    }
    await this.inspected();
  }

  override tile(id: Parameters<TreeStore["tile"]>[0]): Promise<Uint8Array | undefined> {
    this.tiles++;
    return super.tile(id);
  }

  verify() {
    return verifyLog({
      store: this,
      sha256,
      size: () => Promise.resolve(this.size),
      given: { verifierKeys: [], remembered: [] },
      onProgress: () => {},
    });
  }

  #line(index: number): string {
    return this.altered.get(index) ?? lineOf(index);
  }
}

/** Every tile of the records, made once. */
const tilesOf: Promise<FullTile[]> = (async () => {
  const store = new Records(SIZE);
  const tree = new LogTree(sha256, store);
  assertEquals(hex(await tree.root(SIZE)), hex(model.mth(0, SIZE)));
  await tree.saveAll();
  assertEquals([await store.tileCount(0), await store.tileCount(1)], [257, 1]);
  const tiles: FullTile[] = [];
  for (const [level, count] of [[0, 257], [1, 1]] as const) {
    const roots = await store.tileRoots(level, 0, count);
    for (const [index, root] of roots.entries()) {
      tiles.push({ level, index, root, hashes: (await store.tile({ level, index }))! });
    }
  }
  return tiles;
})();

/** Records whose tiles are all kept, or all but one of them. */
async function withTiles(missing?: number): Promise<Records> {
  const store = new Records(SIZE);
  const tiles = (await tilesOf).map((tile) => ({ ...tile, hashes: tile.hashes.slice() }));
  await store.keepTiles(tiles.filter(({ level, index }) => level > 0 || index !== missing));
  return store;
}

test("a tree is taken up from its tiles, and hashes no record but those behind them", async () => {
  const store = await withTiles();
  store.read = 0;
  const tree = new LogTree(sha256, store);
  assertEquals(hex(await tree.root(SIZE)), hex(model.mth(0, SIZE)));
  assertEquals(store.read, SIZE % 256);
  for (const [index, size] of [[0, SIZE], [65_535, SIZE], [65_536, SIZE], [5, 65_536], [9, 300]]) {
    const proof = await tree.inclusion(index!, size!);
    assertEquals(proof.map(hex), model.path(index!, 0, size!).map(hex));
  }
  for (const [from, to] of [[1, SIZE], [65_535, 65_537], [256, 65_536], [65_536, SIZE]]) {
    const proof = await tree.consistency(from!, to!);
    assertEquals(proof.map(hex), model.proof(from!, to!).map(hex));
  }
  store.size += 600;
  assertEquals(hex(await tree.root(SIZE + 600)), hex(model.mth(0, SIZE + 600)));
  // The last of them once more: whether it is still there.
  assertEquals(store.read, SIZE % 256 + 1 + 600);
  assertEquals(hex(await tree.root(SIZE)), hex(model.mth(0, SIZE)));
});

test("a proof of a large log reads few tiles", async () => {
  const store = await withTiles();
  const tree = new LogTree(sha256, store);
  await tree.root(SIZE);
  for (const index of [0, 30_000, 65_535, 65_900, SIZE - 1]) {
    store.tiles = 0;
    await tree.inclusion(index, SIZE);
    assert(store.tiles <= 3, `${store.tiles} for ${index}`);
  }
});

test("where tiles are missing, what can be used is, and the rest is hashed", async () => {
  for (const missing of [0, 200, 255, 256]) {
    const store = await withTiles(missing);
    const tree = new LogTree(sha256, store);
    assertEquals(hex(await tree.root(SIZE)), hex(model.mth(0, SIZE)));
    assertEquals(store.read, SIZE - missing * 256);
    await tree.saveAll();
    assertEquals([await store.tileCount(0), await store.tileCount(1)], [257, 1]);
    assertEquals(await store.tile({ level: 0, index: missing }), (await tilesOf)[missing]!.hashes);
  }
});

test("proofs that were made of altered tiles leave nothing behind when the tiles are made anew", async () => {
  const store = await withTiles();
  const hashes = (await store.tile({ level: 1, index: 0 }))!;
  hashes[40 * 32] = hashes[40 * 32]! ^ 1;
  const tree = new LogTree(sha256, store);
  await tree.root(SIZE);
  const expected = model.path(20_000, 0, SIZE).map(hex);
  assert((await tree.inclusion(20_000, SIZE)).map(hex).join() !== expected.join());
  assertEquals(hex(await tree.rootOfRecords(SIZE)), hex(model.mth(0, SIZE)));
  await tree.reset();
  assertEquals((await tree.inclusion(20_000, SIZE)).map(hex), expected);
  await tree.saveAll();
  assertEquals((await store.verify()).faultCount, 0);
});

test("verification names the entry whose hash is another, in whatever tile", async () => {
  const store = await withTiles();
  const altered = [0, 255, 256, 300, 65_535, 65_700];
  for (const index of altered) store.altered.set(index, "another");
  const { faults } = await store.verify();
  const [above, ...named] = faults.toSorted((a, b) => (a.index ?? -1) - (b.index ?? -1));
  // The first of each tile: behind an entry that was removed, all others would be elsewhere.
  assertEquals(named.map(({ index }) => index), [0, 256, 65_535, 65_700]);
  for (const { kind, index, entryId, message } of named) {
    assertEquals([kind, entryId], ["tile", `id ${index}`]);
    assertMatch(message, new RegExp(`^Entry ${index}: `));
  }
  assertMatch(above!.message, /^The stored tile 0 of level 1 is not/);
});

test("what is recorded and kept while a log is verified is no fault", async () => {
  const store = await withTiles();
  store.inspected = async () => {
    store.size += 600;
    const tree = new LogTree(sha256, store);
    await tree.root(store.size);
    await tree.saveAll();
  };
  const { faults, size } = await store.verify();
  assertEquals([faults, size], [[], SIZE]);
  assertEquals(await store.tileCount(0), 260);
  store.inspected = () => Promise.resolve();
  store.size = SIZE;
  const cut = await store.verify();
  assertEquals(cut.faults.map(({ kind, index }) => [kind, index]), [["tile", SIZE]]);
});

/** Records of {@link lineOf}, and their bytes as a store hands them on. */
function written(from: number, to: number): [number, LogRecord[], WrittenLines] {
  const lines = Array.from({ length: to - from }, (_, n) => lineOf(from + n));
  const bounds = [0];
  for (const line of lines) bounds.push(bounds.at(-1)! + 1 + line.length);
  const slab = new TextEncoder().encode(`\n${lines.join("\n")}`).buffer;
  const records = lines.map((line) => ({ line }) as LogRecord);
  return [from, records, { slab, bounds: Uint32Array.from(bounds), release: () => {} }];
}

test("a thread that fails before it has answered what came before holds nobody up", async () => {
  const store = new Records(0);
  const hasher = new LeafHasher(sha256);
  const gate = new Gate();
  let asked = 0;
  const thread: HashThread = {
    async hash(leaves) {
      if (asked++ > 0) throw new Error("it was killed");
      await gate.passed;
      return hasher.hash(leaves);
    },
    close: () => {},
  };
  const tree = new LogTree(sha256, store, () => Promise.resolve(thread));
  await tree.root(0);
  for (let from = 0; from < 500; from += 100) {
    tree.add(...written(from, from + 100));
    await Promise.resolve(); // the thread is there from the second on
  }
  store.size = 500;
  const root = tree.root(500);
  gate.open();
  assertEquals(hex(await root), hex(model.mth(0, 500)));
  assertEquals([asked, tree.hashing], [4, "this thread: it was killed"]);
  // What could not be hashed there was read, behind the last that was.
  assertEquals(store.read, 1 + 300);
});

test("records that come right behind the last that were hashed are in the tree once, whoever waits for them", async () => {
  // How long behind the answer of the thread, in turns of promises: at one of them nobody is hashing, and nobody reads yet.
  for (let turns = 0; turns < 16; turns++) {
    const store = new Records(0);
    const hasher = new LeafHasher(sha256);
    const gate = new Gate();
    const thread: HashThread = {
      async hash(leaves) {
        await gate.passed;
        return hasher.hash(leaves);
      },
      close: () => {},
    };
    const tree = new LogTree(sha256, store, () => Promise.resolve(thread));
    await tree.root(0);
    tree.add(...written(0, 100)); // here, while the thread starts
    await Promise.resolve();
    tree.add(...written(100, 200));
    store.size = 300; // the log has the next batch already, and the tree has not been told of it
    const root = tree.root(300);
    await Promise.resolve();
    gate.open();
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    tree.add(...written(200, 300));
    assertEquals(hex(await root), hex(model.mth(0, 300)), `${turns} turns`);
    store.size = 400;
    tree.add(...written(300, 400));
    assertEquals(hex(await tree.root(400)), hex(model.mth(0, 400)), `${turns} turns`);
  }
});

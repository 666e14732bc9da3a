/**
 * What every `TreeStore` does: tiles, which may be lost, and checkpoints, which may not, beside the records of a
 * store. Whoever writes one proves it by calling {@link treeStoreConformance}.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { FullTile, LogStore, StoredCheckpoint, TreeStore } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { foreignLine, interactions, steadyClock } from "../support/interaction.ts";
import { concat, hex, sha256 } from "../support/merkle.ts";
import { recordsOf } from "../support/records.ts";
import { atEnd } from "../support/temp.ts";

/** A store and what is kept beside its records. */
export interface TreeStorePair {
  readonly store: Pick<LogStore, "append" | "close">;
  readonly tree: TreeStore;
}

/** Where one tree store is: each `open()` opens the same one, except in memory. */
export interface TreeStorePlace {
  /** Whether what is kept is there when it is opened again. */
  readonly persistent: boolean;
  /** Opens it; the caller closes the store. */
  open(): Promise<TreeStorePair>;
}

/** Makes a place for a new tree store, for the time of a test. */
export type MakeTreeStore = (t: TestContext) => TreeStorePlace;

/** A tile whose hashes and root tell which one it is. */
function tileOf(level: number, index: number): FullTile {
  const hashes = new Uint8Array(8192).fill(16 * level + index % 16);
  hashes[8191] = index % 256;
  const root = new Uint8Array(32).fill(255 - index % 256);
  root[0] = level;
  return { level, index, hashes, root };
}

const UTF_8 = new TextEncoder();
const bytesOf = (line: string | Uint8Array): Uint8Array =>
  typeof line === "string" ? UTF_8.encode(line) : new Uint8Array(line);

/** So many records, some of which other programs wrote, with times that run backwards here and there. */
function sample(count: number) {
  const lines = Array.from({ length: 7 }, (_, n) =>
    foreignLine({
      entry_id: `foreign ${n}`,
      input_text: "\0\u2028💬",
      user: ["", "a\0b", "é"][n % 3]!,
      model: "a\0b",
      cost_usd: [null, 0.1, 1e308][n % 3]!,
      timestamp: `${n % 2 === 0 ? 2026 : 9999}-01-31T08:00:0${9 - n}.000001+00:00`,
    }));
  const entries = interactions(count - lines.length, { metadata: { text: "\0\ud800\u2028" } });
  return recordsOf({ clock: steadyClock(), entries, lines });
}

async function linesOf(tree: TreeStore, from: number, to: number): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const chunk of tree.lines(from, to)) {
    assert(chunk.length > 0, "an empty chunk");
    found.push(...chunk.map(bytesOf));
  }
  return found;
}

/** What was found of records. */
interface Inspected {
  /** The hashes of all leaves, end to end. */
  readonly leaves: string | undefined;
  /** How many they are, and the ids of the first, the last, and one between. */
  readonly ids: readonly string[];
}

/** Which of so many ids are asked for: to find one of lines, they are read again. */
const asked = (count: number) => [0, Math.floor(count / 2), count - 1];

/** Inspects all records. Nothing may be wrong with them. */
async function inspected(tree: TreeStore): Promise<Inspected> {
  const leaves: Uint8Array[] = [];
  const ids: (() => string | undefined | Promise<string | undefined>)[] = [];
  for await (const chunk of tree.inspect()) {
    if ("idOf" in chunk) {
      assertEquals(chunk.faulty, []);
      leaves.push(chunk.leaves);
      for (let at = 0; at < chunk.leaves.length / 32; at++) ids.push(() => chunk.idOf(at));
    } else {
      for (const { bytes, entryId, faults } of chunk) {
        assertEquals(faults, []);
        leaves.push(leafOf(bytesOf(bytes!)));
        ids.push(() => entryId);
      }
    }
  }
  const found = await Promise.all(asked(ids.length).map((at) => ids[at]?.()));
  return { leaves: hex(concat(leaves)), ids: [ids.length, ...found].map(String) };
}

/** What is to be found of records. */
function toBeFound(records: Awaited<ReturnType<typeof sample>>): Inspected {
  const ids = asked(records.length).map((at) => records[at]?.entry.entryId);
  return {
    leaves: hex(concat(records.map(({ line }) => leafOf(UTF_8.encode(line))))),
    ids: [records.length, ...ids].map(String),
  };
}

/** The hash of a record's leaf. */
function leafOf(record: Uint8Array): Uint8Array {
  return sha256(concat([new Uint8Array(1), record]));
}

async function kept(tree: TreeStore): Promise<StoredCheckpoint[]> {
  const found: StoredCheckpoint[] = [];
  for await (const chunk of tree.checkpoints()) {
    for (const { size, note, faults } of chunk) {
      assertEquals(faults, []);
      found.push({ size, note });
    }
  }
  return found;
}

/** A text such as a note is, that tells how many records it is about; it need not be one. */
const checkpointOf = (size: number, about = "acme.example/é"): StoredCheckpoint => ({
  size,
  note: `${about}\n${size}\n"\\\u2028\n\n\u2014 x y\n`,
});

export function treeStoreConformance(name: string, make: MakeTreeStore): void {
  /** Opens a place; what it gives is closed at the end of the test, or before by `close()`. */
  async function opened(t: TestContext, place: TreeStorePlace = make(t)) {
    const { store, tree } = await place.open();
    let open = true;
    const close = async () => {
      if (open) await store.close();
      open = false;
    };
    atEnd(t, close);
    return { store, tree, close, place };
  }

  test(`${name}: beside no record there is nothing`, async (t) => {
    const { tree } = await opened(t);
    assertEquals(await linesOf(tree, 0, 0), []);
    assertEquals(await linesOf(tree, 0, 10), []);
    assertEquals(await inspected(tree), toBeFound([]));
    assertEquals([await tree.tileCount(0), await tree.tileCount(1)], [0, 0]);
    assertEquals(await tree.tile({ level: 0, index: 0 }), undefined);
    assertEquals(await tree.tileRoots(0, 0, 9), []);
    assertEquals(await kept(tree), []);
    assertEquals(await tree.lastCheckpoint(), undefined);
  });

  test(`${name}: lines() gives the bytes of the records in a range, whatever was appended how`, async (t) => {
    const { store, tree } = await opened(t);
    const records = await sample(2600);
    await store.append(records.slice(0, 1));
    await store.append(records.slice(1, 40));
    await store.append(records.slice(40));
    const all = records.map(({ line }) => UTF_8.encode(line));
    const ranges = [[0, 2600], [0, 1], [1, 2], [0, 17], [1000, 1300], [255, 257], [2590, 2600]];
    for (const [from, to] of ranges as [number, number][]) {
      assertEquals(await linesOf(tree, from, to), all.slice(from, to), `${from} to ${to}`);
    }
    assertEquals(await linesOf(tree, 5, 5), []);
    assertEquals(await linesOf(tree, 2598, 3000), all.slice(2598));
    assertEquals(await linesOf(tree, 2600, 3000), []);
  });

  test(`${name}: inspect() finds nothing wrong with what was appended, and gives all of it`, async (t) => {
    const { store, tree, close, place } = await opened(t);
    const records = await sample(1200);
    for (let start = 0; start < records.length; start += 400) {
      await store.append(records.slice(start, start + 400));
      assertEquals(await inspected(tree), toBeFound(records.slice(0, start + 400)));
    }
    if (!place.persistent) return;
    await close();
    assertEquals(await inspected((await opened(t, place)).tree), toBeFound(records));
  });

  test(`${name}: inspect() that is left early holds nothing up`, async (t) => {
    const { store, tree } = await opened(t);
    const records = await sample(1200);
    await store.append(records.slice(0, 1100));
    for await (const _ of tree.inspect()) break;
    for await (const _ of tree.lines(0, 1100)) break;
    await store.append(records.slice(1100));
    assertEquals(await inspected(tree), toBeFound(records));
  });

  test(`${name}: tiles come back as they were kept, each level by itself`, async (t) => {
    const { tree, close, place } = await opened(t);
    const tiles = [tileOf(0, 0), tileOf(0, 1), tileOf(1, 0), tileOf(0, 2)];
    assertEquals(await tree.keepTiles(tiles), true);
    const check = async (tree: TreeStore) => {
      for (const tile of tiles) assertEquals(await tree.tile(tile), tile.hashes);
      assertEquals(await tree.tile({ level: 0, index: 3 }), undefined);
      assertEquals(await tree.tile({ level: 2, index: 0 }), undefined);
      const counts = await Promise.all([0, 1, 2].map((level) => tree.tileCount(level)));
      assertEquals(counts, [3, 1, 0]);
      const roots = [tiles[0]!.root, tiles[1]!.root, tiles[3]!.root];
      assertEquals(await tree.tileRoots(0, 0, 3), roots);
      assertEquals(await tree.tileRoots(0, 1, 3), roots.slice(1));
      assertEquals(await tree.tileRoots(0, 1, 2), roots.slice(1, 2));
      assertEquals(await tree.tileRoots(0, 2, 9), roots.slice(2));
      assertEquals(await tree.tileRoots(0, 2, 2), []);
      assertEquals(await tree.tileRoots(1, 0, 9), [tiles[2]!.root]);
    };
    await check(tree);
    if (!place.persistent) return;
    await close();
    await check((await opened(t, place)).tree);
  });

  test(`${name}: tiles that are there already stay as they are`, async (t) => {
    const { tree } = await opened(t);
    await tree.keepTiles([tileOf(0, 0)]);
    const other = { ...tileOf(0, 7), index: 0 };
    await tree.keepTiles([other, tileOf(0, 1)]);
    await tree.keepTiles([]);
    assertEquals(await tree.tile({ level: 0, index: 0 }), tileOf(0, 0).hashes);
    assertEquals(await tree.tileRoots(0, 0, 2), [tileOf(0, 0).root, tileOf(0, 1).root]);
    assertEquals(await tree.tileCount(0), 2);
  });

  test(`${name}: tileCount() counts up to the first gap`, async (t) => {
    const { tree } = await opened(t);
    await tree.keepTiles([tileOf(0, 1), tileOf(1, 0)]);
    assertEquals([await tree.tileCount(0), await tree.tileCount(1)], [0, 1]);
    await tree.keepTiles([tileOf(0, 4)]);
    assertEquals(await tree.tileCount(0), 0);
    await tree.keepTiles([tileOf(0, 0)]);
    assertEquals(await tree.tileCount(0), 2);
    await tree.keepTiles([tileOf(0, 2), tileOf(0, 3)]);
    assertEquals(await tree.tileCount(0), 5);
    assertEquals(await tree.tileCount(1), 1);
  });

  test(`${name}: dropTiles() forgets all tiles, and no record or checkpoint`, async (t) => {
    const { store, tree } = await opened(t);
    const records = await sample(20);
    await store.append(records);
    await tree.keepTiles([tileOf(0, 0), tileOf(0, 1), tileOf(1, 0)]);
    await tree.keepCheckpoint(checkpointOf(3), []);
    await tree.dropTiles();
    assertEquals([await tree.tileCount(0), await tree.tileCount(1)], [0, 0]);
    assertEquals(await tree.tile({ level: 0, index: 0 }), undefined);
    assertEquals(await tree.tileRoots(0, 0, 2), []);
    assertEquals(await kept(tree), [checkpointOf(3)]);
    assertEquals(await inspected(tree), toBeFound(records));
    await tree.keepTiles([{ ...tileOf(0, 9), index: 0 }]);
    assertEquals(await tree.tile({ level: 0, index: 0 }), tileOf(0, 9).hashes);
  });

  test(`${name}: checkpoints come back in the order in which they were kept, texts as they were`, async (t) => {
    const { tree, close, place } = await opened(t);
    const checkpoints = [0, 0, 1, 7, 7, 2 ** 31, 2 ** 53 - 1].map((size) => checkpointOf(size));
    for (const [n, checkpoint] of checkpoints.entries()) {
      assertEquals(await tree.keepCheckpoint(checkpoint, []), true);
      assertEquals(await tree.lastCheckpoint(), checkpoint.note);
      assertEquals(await kept(tree), checkpoints.slice(0, n + 1));
    }
    if (!place.persistent) return;
    await close();
    const again = await opened(t, place);
    assertEquals(await kept(again.tree), checkpoints);
    assertEquals(await again.tree.lastCheckpoint(), checkpoints.at(-1)!.note);
    const same = checkpointOf(2 ** 53 - 1, "again");
    await again.tree.keepCheckpoint(same, []);
    assertEquals(await kept(again.tree), [...checkpoints, same]);
  });

  test(`${name}: keepCheckpoint() keeps tiles, those of a checkpoint that is not kept, too`, async (t) => {
    const { tree } = await opened(t);
    assertEquals(await tree.keepCheckpoint(checkpointOf(5), [tileOf(0, 0), tileOf(0, 1)]), true);
    assertEquals(await tree.keepCheckpoint(checkpointOf(4), [tileOf(0, 2)]), false);
    assertEquals(await tree.tileCount(0), 3);
    assertEquals(await tree.tile({ level: 0, index: 2 }), tileOf(0, 2).hashes);
    await tree.keepCheckpoint(checkpointOf(6), [{ ...tileOf(0, 9), index: 0 }]);
    assertEquals(await tree.tile({ level: 0, index: 0 }), tileOf(0, 0).hashes);
  });

  test(`${name}: a checkpoint of fewer records than the last is not kept`, async (t) => {
    const { tree } = await opened(t);
    await tree.keepCheckpoint(checkpointOf(5), []);
    assertEquals(await tree.keepCheckpoint(checkpointOf(4), []), false);
    assertEquals(await tree.keepCheckpoint(checkpointOf(0), []), false);
    assertEquals(await kept(tree), [checkpointOf(5)]);
    assertEquals(await tree.lastCheckpoint(), checkpointOf(5).note);
    assertEquals(await tree.keepCheckpoint(checkpointOf(5, "another"), []), true);
    assertEquals(await tree.lastCheckpoint(), checkpointOf(5, "another").note);
  });

  test(`${name}: many checkpoints, and long ones, come back whole`, async (t) => {
    const { tree, close, place } = await opened(t);
    // More than one chunk of rows, and one of a megabyte of bytes.
    const long = "é".repeat(20_000);
    const checkpoints = Array.from({ length: 300 }, (_, n) => checkpointOf(n, n % 10 ? "x" : long));
    for (const checkpoint of checkpoints) await tree.keepCheckpoint(checkpoint, []);
    assertEquals(await kept(tree), checkpoints);
    const longest = checkpointOf(300, "x".repeat(900_000));
    await tree.keepCheckpoint(longest, []);
    assertEquals(await tree.lastCheckpoint(), longest.note);
    if (!place.persistent) return;
    await close();
    const again = await opened(t, place);
    assertEquals(await kept(again.tree), [...checkpoints, longest]);
    assertEquals(await again.tree.lastCheckpoint(), longest.note);
  });

  test(`${name}: checkpoints, tiles and records may be added at the same time`, async (t) => {
    const { store, tree } = await opened(t);
    const records = await sample(200);
    await Promise.all([
      (async () => {
        await store.append(records.slice(0, 100));
        await store.append(records.slice(100));
      })(),
      ...Array.from({ length: 20 }, (_, n) => tree.keepTiles([tileOf(0, n)])),
      ...Array.from({ length: 20 }, (_, n) => tree.keepCheckpoint(checkpointOf(3, `${n}`), [])),
    ]);
    assertEquals(await tree.tileCount(0), 20);
    const about = (await kept(tree)).map(({ note }) => Number(note.split("\n")[0]));
    assertEquals(about.sort((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n));
    assertEquals(await linesOf(tree, 0, 200), records.map(({ line }) => UTF_8.encode(line)));
  });
}

// Published vectors: the eight leaves that every implementation of RFC 6962 is tested with, and the
// proofs of transparency-dev/merkle, see tests/testdata/merkle/README.md.

import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { leafHash, nodeHash } from "../../src/transparency/hash.ts";
import { verifyConsistency, verifyInclusion } from "../../src/transparency/proof_check.ts";
import { consistencyProof, inclusionProof, treeRoot } from "../../src/transparency/proofs.ts";
import { perfectRoot } from "../../src/transparency/tile.ts";
import { Tree } from "../../src/transparency/tree.ts";
import { concat, hex, NotingReader, sha256, unhex } from "../support/merkle.ts";

const RECORDS = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];

/** The roots of the first 0, 1, ... 8 records. */
const ROOTS = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

/** The hashes of complete subtrees of the eight: of one record, two, four and all. */
const SUBTREES = [
  [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "0298d122906dcfc10892cb53a73992fc5b9f493ea4c9badb27b791b4127a7fe7",
    "07506a85fd9dd2f120eb694f86011e5bb4662e5c415a62917033d4a9624487e7",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "4271a26be0d8a84f0bd54c8c302e7cb3a3b5d1fa6780a40bcce2873477dab658",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "46f6ffadd3d06a09ff3c5860d2755c8b9819db7df44251788c7d8e3180de8eb1",
  ],
  [
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
  ],
  [
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ],
  ["5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
];

const leaves = RECORDS.map((record) => leafHash(sha256, unhex(record)));
const tile = concat(leaves);

test("the hashes of the eight records and of complete subtrees are the published ones", () => {
  for (const [height, expected] of SUBTREES.entries()) {
    const bytes = 32 * 2 ** height;
    const subtrees = expected.map((_, n) => tile.subarray(n * bytes, (n + 1) * bytes));
    assertEquals(subtrees.map((hashes) => hex(perfectRoot(sha256, hashes))), expected);
  }
  assertEquals(hex(nodeHash(sha256, leaves[2]!, leaves[3]!)), SUBTREES[1]![1]);
});

test("the roots of none to eight records are the published ones, grown or read", async () => {
  const tree = Tree.empty(sha256);
  const reader = new NotingReader((_, width) => tile.subarray(0, width * 32));
  for (const [size, root] of ROOTS.entries()) {
    assertEquals(hex(tree.root()), root);
    assertEquals(hex(await treeRoot(sha256, reader, size)), root);
    if (size < 8) tree.append(leaves[size]!);
  }
});

interface Vector {
  file: string;
  proof: string[] | null;
  wantErr: boolean;
}
interface InclusionVector extends Vector {
  leafIdx: number;
  treeSize: number;
  root: string;
  leafHash: string;
}
interface ConsistencyVector extends Vector {
  size1: number;
  size2: number;
  root1: string;
  root2: string;
}

function vectors<V>(name: string): V[] {
  const url = new URL(`../testdata/merkle/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(url, "utf8"));
}

const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const proofOf = (vector: Vector): Uint8Array[] => (vector.proof ?? []).map(bytes);

const inclusion = vectors<InclusionVector>("inclusion");
const consistency = vectors<ConsistencyVector>("consistency");

test("the published proofs of inclusion hold where they should, and nowhere else", async () => {
  const wrong: string[] = [];
  for (const vector of inclusion) {
    const holds = await verifyInclusion(sha256, {
      leaf: bytes(vector.leafHash),
      index: vector.leafIdx,
      size: vector.treeSize,
      proof: proofOf(vector),
      root: bytes(vector.root),
    });
    if (holds === vector.wantErr) wrong.push(vector.file);
  }
  assertEquals(wrong, []);
  assertEquals([inclusion.length, inclusion.filter(({ wantErr }) => !wantErr).length], [98, 6]);
});

const claimOf = (vector: ConsistencyVector) => ({
  fromSize: vector.size1,
  fromRoot: bytes(vector.root1),
  toSize: vector.size2,
  toRoot: bytes(vector.root2),
  proof: proofOf(vector),
});

/** Its roots are a text of twelve bytes, which is no hash; its point is that they are equal. */
const NOT_HASHES = "additional/sizes-are-equal-one-and-proof-is-empty.json";

test("the published proofs of consistency hold where they should, and nowhere else", async () => {
  const wrong: string[] = [];
  for (const vector of consistency) {
    const holds = await verifyConsistency(sha256, claimOf(vector));
    if (holds === vector.wantErr) wrong.push(vector.file);
  }
  assertEquals(wrong, [NOT_HASHES]);
  assertEquals([consistency.length, consistency.filter(({ wantErr }) => !wantErr).length], [98, 6]);
  const claim = claimOf(consistency.find(({ file }) => file === NOT_HASHES)!);
  assertEquals(claim.fromRoot.length, 12);
  const [fromRoot, toRoot] = [sha256(claim.fromRoot), sha256(claim.toRoot)];
  assert(await verifyConsistency(sha256, { ...claim, fromRoot, toRoot }));
});

test("the published good proofs are those that the eight records give", async () => {
  const reader = new NotingReader((_, width) => tile.subarray(0, width * 32));
  const isOfTheEight = (root: string, size: number): boolean => hex(bytes(root)) === ROOTS[size];
  let count = 0;
  for (const vector of inclusion.filter(({ wantErr }) => !wantErr)) {
    const { leafIdx, treeSize } = vector;
    if (!isOfTheEight(vector.root, treeSize)) continue;
    const proof = await inclusionProof(sha256, reader, leafIdx, treeSize);
    assertEquals(proof.map(hex), proofOf(vector).map(hex), vector.file);
    count++;
  }
  for (const vector of consistency.filter(({ wantErr }) => !wantErr)) {
    const { size1, size2 } = vector;
    if (!isOfTheEight(vector.root2, size2)) continue;
    const proof = await consistencyProof(sha256, reader, size1, size2);
    assertEquals(proof.map(hex), proofOf(vector).map(hex), vector.file);
    count++;
  }
  assertEquals(count, 10);
});

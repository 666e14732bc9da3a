/**
 * SHA-256, FIPS 180-4, for a log in memory where no runtime lends its own: browsers have nothing but promises, and a log
 * hashes each record at once.
 *
 * @module
 */

import { HASH_BYTES } from "./hash.ts";

const BLOCK_BYTES = 64;
/** The message's length in bits, at the end of its last block. */
const LENGTH_BYTES = 8;
const ROUNDS = 64;

/** Section 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
// deno-fmt-ignore
const CONSTANTS = Int32Array.of(
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
);

/** Section 5.3.3: the same of the square roots of the first eight. */
// deno-fmt-ignore
const INITIAL = Int32Array.of(
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
);

/** The message schedule; one for all, as no two hashes are computed at once. */
const schedule = new Int32Array(ROUNDS);

/**
 * The `Sha256` of `ports.ts`, without a runtime.
 *
 * @param data A string means its UTF-8 bytes.
 * @param into Where the hash is put, 32 bytes.
 */
export function sha256(
  data: string | Uint8Array,
  into: Uint8Array = new Uint8Array(HASH_BYTES),
): Uint8Array {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const hash = INITIAL.slice();
  const rest = bytes.length % BLOCK_BYTES;
  addBlocks(hash, bytes.subarray(0, bytes.length - rest));
  addBlocks(hash, padded(bytes.subarray(bytes.length - rest), bytes.length));
  const result = new DataView(into.buffer, into.byteOffset, HASH_BYTES);
  hash.forEach((word, n) => result.setInt32(4 * n, word));
  return into;
}

/** Section 5.1.1: what is left of a message, a bit, and the length of the whole message in bits. */
function padded(rest: Uint8Array, length: number): Uint8Array {
  const blocks = Math.ceil((rest.length + 1 + LENGTH_BYTES) / BLOCK_BYTES);
  const bytes = new Uint8Array(blocks * BLOCK_BYTES);
  bytes.set(rest);
  bytes[rest.length] = 0x80;
  new DataView(bytes.buffer).setBigUint64(bytes.length - LENGTH_BYTES, BigInt(length) * 8n);
  return bytes;
}

/** Section 6.2.2, for each block. */
function addBlocks(hash: Int32Array, bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const w = schedule;
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    for (let t = 0; t < 16; t++) w[t] = view.getInt32(at + 4 * t);
    for (let t = 16; t < ROUNDS; t++) {
      const [early, late] = [w[t - 15]!, w[t - 2]!];
      const sigma0 = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
      const sigma1 = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
      w[t] = sigma1 + w[t - 7]! + sigma0 + w[t - 16]!;
    }
    let [a, b, c, d, e, f, g, h] = [...hash] as Eight;
    for (let t = 0; t < ROUNDS; t++) {
      const sum1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const choice = (e & f) ^ (~e & g);
      const t1 = (h + sum1 + choice + CONSTANTS[t]! + w[t]!) | 0;
      const sum0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const majority = (a & b) ^ (a & c) ^ (b & c);
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + sum0 + majority) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((word, n) => hash[n]! += word);
  }
}

type Eight = [number, number, number, number, number, number, number, number];

/** The word turned to the right by so many bits. */
function turned(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

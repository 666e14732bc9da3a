/**
 * Proofs that a log has a record, to be verified without the log: C2SP tlog-proof.
 *
 * ```
 * c2sp.org/tlog-proof@v1
 * extra <base64>            (only where there is extra data)
 * index 73894
 * gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
 * B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
 *
 * example.com/fancylog
 * 109482
 * sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
 *
 * — example.com/fancylog hI2DJw...
 * ```
 *
 * That is: what it is; the index of the record, from 0, in decimal without leading zeros; the hashes of
 * the inclusion proof from the leaf's sibling up, base64 of 32 bytes each (RFC 6962, section 2.1.1); an
 * empty line; the signed checkpoint as the log issued it. The first empty line ends the head.
 *
 * @module
 */

import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { parseDecimal } from "./decimal.ts";
import { type Fail, failing, stateOf } from "./failure.ts";
import { HASH_BYTES } from "./hash.ts";
import { readLines } from "./lines.ts";
import { parseNote } from "./note.ts";
import { isCount } from "./tile.ts";

const FIRST_LINE = "c2sp.org/tlog-proof@v1";
const EXTRA = "extra ";
const INDEX = "index ";
/** The most hashes of a proof: the height of the largest tree, whose size is a signed integer of 64 bits. */
const MAX_HASHES = 63;

/** A proof that a log has a record. */
export interface TlogProof {
  /** The index of the record in the log, from 0; at most 2^53-1. */
  readonly index: number;
  /** The inclusion proof, from the leaf's sibling up: at most 63 hashes of 32 bytes. */
  readonly hashes: readonly Uint8Array[];
  /** The signed checkpoint, a note. */
  readonly checkpoint: string;
  /** Data of the application. No signature covers it. */
  readonly extra?: Uint8Array | undefined;
}

/**
 * Writes a proof.
 *
 * @param proof Whether it proves anything is not checked. Extra data of no bytes counts as none.
 * @throws {AuditLogError} `INVALID_PROOF` when a part of it cannot be written.
 */
export function formatProof(proof: TlogProof): string {
  const fail = failing("INVALID_PROOF", "write the proof");
  const { index, hashes, checkpoint, extra } = proof;
  if (!isCount(index)) throw fail("the index is not an integer from 0 to 2^53-1");
  if (hashes.length > MAX_HASHES) throw fail(`it has more than ${MAX_HASHES} hashes`);
  if (!hashes.every((hash) => hash instanceof Uint8Array && hash.length === HASH_BYTES)) {
    throw fail(`a hash is not a Uint8Array of ${HASH_BYTES} bytes`);
  }
  if (extra !== undefined && !(extra instanceof Uint8Array)) {
    throw fail("the extra data is not a Uint8Array");
  }
  checkCheckpoint(checkpoint, "the checkpoint", fail);
  return format(proof);
}

function format({ index, hashes, checkpoint, extra }: TlogProof): string {
  return [
    FIRST_LINE,
    ...(extra === undefined || extra.length === 0 ? [] : [EXTRA + encodeBase64(extra)]),
    INDEX + index,
    ...hashes.map(encodeBase64),
    "",
    checkpoint,
  ].join("\n");
}

/**
 * Reads a proof. Nothing is verified.
 *
 * @throws {AuditLogError} `INVALID_PROOF`, with the line at fault.
 */
export function parseProof(proof: string | Uint8Array): TlogProof {
  const fail = failing("INVALID_PROOF", "read the proof");
  const text = readLines(proof, Infinity, fail);
  if (!text.startsWith(`${FIRST_LINE}\n`)) throw fail(`its first line is not ${FIRST_LINE}`);
  const gap = text.indexOf("\n\n");
  if (gap < 0) throw fail("it has no empty line between the hashes and the checkpoint");
  const lines = text.slice(0, gap).split("\n");
  const checkpoint = text.slice(gap + 2);
  let at = 1;
  const extra = lines[at]?.startsWith(EXTRA) ? parseExtra(lines[at++]!, fail) : undefined;
  const index = parseIndex(lines[at], at + 1, fail);
  const hashes = parseHashes(lines.slice(at + 1), at + 2, fail);
  checkCheckpoint(checkpoint, `the checkpoint, which begins on line ${lines.length + 2}`, fail);
  const parsed = { index, hashes, checkpoint, ...(extra === undefined ? {} : { extra }) };
  // What was understood says all that the text says, or the text is refused.
  if (format(parsed) !== text) throw fail("it is not in canonical form");
  return parsed;
}

function parseExtra(line: string, fail: Fail): Uint8Array {
  const extra = decodeBase64(line.slice(EXTRA.length));
  if (extra === undefined) throw fail("line 2, the extra data, is not canonical base64");
  if (extra.length === 0) {
    throw fail("line 2 has no extra data; without any, there is no such line");
  }
  return extra;
}

function parseIndex(line: string | undefined, number: number, fail: Fail): number {
  if (!line?.startsWith(INDEX)) throw fail(`line ${number} does not begin with "${INDEX}"`);
  const index = parseDecimal(line.slice(INDEX.length));
  if (typeof index === "string") throw fail(`line ${number}, the index, ${index}`);
  return index;
}

function parseHashes(lines: readonly string[], first: number, fail: Fail): Uint8Array[] {
  if (lines.length > MAX_HASHES) throw fail(`it has more than ${MAX_HASHES} hashes`);
  return lines.map((line, index) => {
    const hash = decodeBase64(line);
    if (hash?.length === HASH_BYTES) return hash;
    throw fail(`line ${first + index}, a hash, is not canonical base64 of ${HASH_BYTES} bytes`);
  });
}

/** Refuses what is not a signed checkpoint; no signature is verified. */
function checkCheckpoint(checkpoint: string, name: string, fail: Fail): void {
  if (checkpoint === "") throw fail("no checkpoint follows its first empty line");
  try {
    parseCheckpoint(parseNote(checkpoint).text);
  } catch (error) {
    const state = stateOf(error);
    if (state === undefined) throw error;
    throw fail(`${name}, is malformed: ${state}`);
  }
}

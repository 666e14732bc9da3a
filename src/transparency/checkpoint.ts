/**
 * Checkpoints: the note text that says which log, how many records and which root; C2SP
 * tlog-checkpoint.
 *
 * ```
 * example.com/behind-the-sofa
 * 20852163
 * CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 * ```
 *
 * That is: the origin; the size in decimal without leading zeros; the root, base64 of 32 bytes; then
 * any number of extension lines, none of them empty.
 *
 * @module
 */

import { describe } from "../refusal.ts";
import { decodeBase64, encodeBase64 } from "./base64.ts";
import { parseDecimal } from "./decimal.ts";
import { failing, quote } from "./failure.ts";
import { HASH_BYTES } from "./hash.ts";
import type { Verifier } from "./keys.ts";
import { controlFault, readLines } from "./lines.ts";
import { MAX_NOTE_BYTES, type OpenedNote, openNote } from "./note.ts";
import { isCount } from "./tile.ts";

/** What a log commits to with its signature. */
export interface Checkpoint {
  /** Which log: a text of one line, not empty; the name of the key that signs. */
  readonly origin: string;
  /** How many records the log has, 0 to 2^53-1. */
  readonly size: number;
  /** The root of the log's Merkle tree at that size, 32 bytes: RFC 6962, section 2.1. */
  readonly root: Uint8Array;
  /** Further lines, none of them empty. This library writes none. */
  readonly extensions: readonly string[];
}

/** A checkpoint whose signature was verified. */
export interface OpenedCheckpoint extends OpenedNote {
  /** What the text says. */
  readonly checkpoint: Checkpoint;
}

/**
 * Writes a checkpoint as the text to be signed.
 *
 * @throws {AuditLogError} `INVALID_NOTE` when a part of it cannot be written.
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const fail = failing("INVALID_NOTE", "write the checkpoint");
  const { origin, size, root, extensions } = checkpoint;
  if (!isCount(size)) throw fail("the size is not an integer from 0 to 2^53-1");
  if (!(root instanceof Uint8Array) || root.length !== HASH_BYTES) {
    throw fail(`the root is not a Uint8Array of ${HASH_BYTES} bytes`);
  }
  const fault = lineFault(origin);
  if (fault !== undefined) throw fail(`the origin ${fault}`);
  for (const line of extensions) {
    const fault = lineFault(line);
    if (fault !== undefined) throw fail(`an extension line ${fault}`);
  }
  return [origin, String(size), encodeBase64(root), ...extensions, ""].join("\n");
}

function lineFault(line: unknown): string | undefined {
  if (typeof line !== "string") return `must be a string, not ${describe(line)}`;
  if (line === "") return "is empty";
  if (line.includes("\n")) return "has more than one line";
  if (!line.isWellFormed()) return "contains a lone surrogate";
  if (controlFault(line) !== undefined) return "contains a control character";
}

/**
 * Reads a checkpoint.
 *
 * @param text The text of a note, its last newline included. It is not to be trusted before the
 * note's signature was verified; {@link openCheckpoint} does both.
 * @throws {AuditLogError} `INVALID_NOTE`, with the line at fault.
 */
export function parseCheckpoint(text: string): Checkpoint {
  const fail = failing("INVALID_NOTE", "read the checkpoint");
  readLines(text, MAX_NOTE_BYTES, fail);
  if (!text.endsWith("\n")) throw fail("its last line does not end in a newline");
  const lines = text.slice(0, -1).split("\n");
  if (lines.length < 3) throw fail("it has not the three lines origin, size and root");
  const [origin, decimal, encoded, ...extensions] = lines as [string, string, string, ...string[]];
  if (origin === "") throw fail("line 1, the origin, is empty");
  const size = parseDecimal(decimal);
  if (typeof size === "string") throw fail(`line 2, the size, ${size}`);
  const root = decodeBase64(encoded);
  if (root?.length !== HASH_BYTES) {
    throw fail(`line 3, the root, is not canonical base64 of ${HASH_BYTES} bytes`);
  }
  const empty = extensions.indexOf("");
  if (empty >= 0) throw fail(`line ${empty + 4}, an extension line, is empty`);
  const checkpoint = { origin, size, root, extensions };
  // What was understood says all that the text says, or the text is refused.
  if (formatCheckpoint(checkpoint) !== text) throw fail("it is not in canonical form");
  return checkpoint;
}

/**
 * Takes a signed checkpoint apart and verifies it: as {@link openNote} does, and one of the keys that
 * signed must have the checkpoint's origin for a name. Else a key of another log, or a witness, would
 * speak for this one.
 *
 * @param note At most 1,000,000 bytes.
 * @param verifiers The known keys.
 * @throws {AuditLogError} `INVALID_NOTE` when it is malformed; `NOT_VERIFIED` when a signature of a
 * known key does not hold, or none with the origin's name is there; `INVALID_KEY` when two verifiers
 * share the name and id of a signature.
 */
export async function openCheckpoint(
  note: string | Uint8Array,
  verifiers: readonly Verifier[],
): Promise<OpenedCheckpoint> {
  const opened = await openNote(note, verifiers);
  const checkpoint = parseCheckpoint(opened.text);
  if (!opened.verified.some(({ name }) => name === checkpoint.origin)) {
    const signers = opened.verified.map(({ name }) => name).join(", ");
    throw failing("NOT_VERIFIED", "open the checkpoint")(
      `its origin is ${
        quote(checkpoint.origin)
      }, but the known keys that signed it are of ${signers}`,
    );
  }
  return { checkpoint, ...opened };
}

/**
 * Signed notes: C2SP signed-note.
 *
 * ```
 * This is an example message.
 *
 * — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
 * ```
 *
 * That is: a text whose last line ends in a newline as every other does, an empty line, and a line for
 * each signature: an em dash (U+2014), a space, the name of the key, a space, base64 of the key's id,
 * four bytes big-endian, and the signature of the text, its last newline included. The text may have
 * empty lines itself; the last one of the note is the one that ends it. All is UTF-8, without control
 * characters below U+0020 but the newline.
 *
 * @module
 */

import { mayBeCosignature } from "./cosignature.ts";
import { type Fail, failing } from "./failure.ts";
import { labelOf, type Signer, type Verifier } from "./keys.ts";
import { controlFault, lineNumberAt, readLines } from "./lines.ts";
import { nameFault } from "./names.ts";
import { formatSignature, type NoteSignature, parseSignature } from "./note_signature.ts";
import { SIGNATURE_BYTES } from "./webcrypto.ts";

/** The largest note, bytes in UTF-8. */
export const MAX_NOTE_BYTES = 1_000_000;
/** How many signatures an error tells of. */
const MOST_TOLD = 4;
/** The most signatures of a note; signed-note asks for at least 16. */
const MAX_SIGNATURES = 100;

const MAX_KEY_ID = 2 ** 32 - 1;

/** A note of which nothing was verified. */
export interface ParsedNote {
  /** What was signed, its last newline included. */
  readonly text: string;
  /** One for each signature line, at least one, in their order. */
  readonly signatures: readonly NoteSignature[];
}

/** A note that a known key has signed. */
export interface OpenedNote {
  /** What was signed, its last newline included. */
  readonly text: string;
  /** The signatures by known keys, all of which hold; at least one, and one for each key. */
  readonly verified: readonly NoteSignature[];
  /** The signatures by keys that are not known, of which nothing was checked. Repeated lines are left out. */
  readonly unverified: readonly NoteSignature[];
}

/**
 * Signs a text.
 *
 * @param text One or more lines, each ended by a newline; no other control characters below U+0020.
 * @param signers Who signs, in the order of the signature lines: 1 to 100.
 * @returns The signed note.
 * @throws {AuditLogError} `INVALID_NOTE` when the text or the note would not be one; `INVALID_KEY` when
 * a signer's name or id is none, when two signers have the same, or when a signature has not 64 bytes.
 * What a signer throws is passed on.
 */
export async function signNote(text: string, signers: readonly Signer[]): Promise<string> {
  const fail = failing("INVALID_NOTE", "sign the note");
  readLines(text, MAX_NOTE_BYTES, fail);
  if (!text.endsWith("\n")) throw fail("the text does not end in a newline");
  if (signers.length === 0) throw fail("no signer is given");
  if (signers.length > MAX_SIGNATURES) throw fail(`more than ${MAX_SIGNATURES} signers are given`);
  checkSigners(signers, failing("INVALID_KEY", "sign the note"));
  const lines = await Promise.all(signers.map(async (signer) => {
    // Each gets bytes of its own: a signer is the caller's, and might change them.
    const signature = await signer.sign(new TextEncoder().encode(text));
    if (!(signature instanceof Uint8Array) || signature.length !== SIGNATURE_BYTES) {
      throw failing("INVALID_KEY", "sign the note")(
        `the signer ${labelOf(signer)} gave no Uint8Array of ${SIGNATURE_BYTES} bytes`,
      );
    }
    return formatSignature(signer, signature);
  }));
  const note = formatNote(text, lines);
  readLines(note, MAX_NOTE_BYTES, fail);
  return note;
}

/** Makes sure that signers have names and ids with which they can sign a note together. */
export function checkSigners(signers: readonly Signer[], fail: Fail): void {
  const seen = new Set<string>();
  for (const signer of signers) {
    const { name, keyId } = signer;
    const fault = typeof name !== "string"
      ? "is not a string"
      : nameFault(name) ?? controlFault(name);
    if (fault !== undefined) throw fail(`the name of a signer ${fault}`);
    if (!Number.isInteger(keyId) || keyId < 0 || keyId > MAX_KEY_ID) {
      throw fail(`the key id of the signer ${name} is not an unsigned integer of 32 bits`);
    }
    if (seen.has(labelOf(signer))) throw fail(`two signers are ${labelOf(signer)}`);
    seen.add(labelOf(signer));
  }
}

/**
 * Takes a note apart. Nothing is verified: do not use the text but to find out which keys to ask for.
 *
 * @param note At most 1,000,000 bytes.
 * @throws {AuditLogError} `INVALID_NOTE`, with the line at fault.
 */
export function parseNote(note: string | Uint8Array): ParsedNote {
  const fail = failing("INVALID_NOTE", "read the note");
  const whole = readLines(note, MAX_NOTE_BYTES, fail);
  const gap = whole.lastIndexOf("\n\n");
  if (gap < 0) throw fail("it has no empty line between text and signatures");
  const text = whole.slice(0, gap + 1);
  const rest = whole.slice(gap + 2);
  if (rest === "") throw fail("no signature follows its last empty line");
  if (!rest.endsWith("\n")) throw fail("its last line does not end in a newline");
  const first = lineNumberAt(whole, gap + 2);
  const lines = rest.slice(0, -1).split("\n");
  if (lines.length > MAX_SIGNATURES) throw fail(`it has more than ${MAX_SIGNATURES} signatures`);
  const signatures = lines.map((line, index) => {
    const signature = parseSignature(line);
    if (typeof signature === "string") throw fail(`line ${first + index} ${signature}`);
    return signature;
  });
  // What was understood says all that the note says, or the note is refused.
  const again = signatures.map((parsed) => formatSignature(parsed, parsed.signature));
  if (formatNote(text, again) !== whole) throw fail("it is not in canonical form");
  return { text, signatures };
}

/**
 * Takes a note apart and verifies it: signed-note, "Signatures". Signatures of unknown keys are
 * ignored. Where the name and id of a signature are those of a known key, it must hold, each of them
 * if the key has several; else the whole note is refused.
 *
 * @param note At most 1,000,000 bytes.
 * @param verifiers The known keys.
 * @throws {AuditLogError} `INVALID_NOTE` when it is malformed; `NOT_VERIFIED` when a signature of a
 * known key does not hold, or none is there; `INVALID_KEY` when two verifiers share the name and id of
 * a signature. What a verifier throws is passed on.
 */
export async function openNote(
  note: string | Uint8Array,
  verifiers: readonly Verifier[],
): Promise<OpenedNote> {
  const { text, signatures } = parseNote(note);
  const verified = new Map<string, NoteSignature>();
  const unverified: NoteSignature[] = [];
  const seen = new Set<string>();
  for (const signature of signatures) {
    if (seen.has(signature.line)) continue;
    seen.add(signature.line);
    const label = labelOf(signature);
    const [verifier, another] = verifiers.filter((known) => labelOf(known) === label);
    if (another !== undefined) {
      throw failing("INVALID_KEY", "open the note")(`two of the keys given are ${label}`);
    }
    if (verifier === undefined) {
      unverified.push(signature);
      continue;
    }
    if (!await verifier.verify(new TextEncoder().encode(text), signature.signature)) {
      throw failing("NOT_VERIFIED", "open the note")(
        `the signature of ${label} does not hold; the text or the signature was altered`,
      );
    }
    if (!verified.has(label)) verified.set(label, signature);
  }
  if (verified.size === 0) {
    const known = verifiers.map(labelOf).join(", ");
    // The id of a cosignature is another than that of its key, and nobody would know it.
    const plain = unverified.filter((signature) => !mayBeCosignature(signature));
    const told = plain.length > 0 ? plain : unverified;
    const others = told.slice(0, MOST_TOLD).map(labelOf).join(", ");
    throw failing("NOT_VERIFIED", "open the note")(
      known === ""
        ? "no key is given"
        : `none of the keys given has signed it; they are ${known}, and it is signed by ${others}`,
    );
  }
  return { text, verified: [...verified.values()], unverified };
}

function formatNote(text: string, signatureLines: readonly string[]): string {
  return `${text}\n${signatureLines.map((line) => `${line}\n`).join("")}`;
}

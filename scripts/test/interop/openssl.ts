/**
 * Verifying a checkpoint's signatures with openssl and nothing else.
 *
 * @module
 */

import { runExpecting } from "./programs.ts";

/** What stands before the 32 bytes of an Ed25519 public key in the form that openssl reads (RFC 8410). */
const DER_PREFIX = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
const ID_BYTES = 4;
const TIME_BYTES = 8;

/** Has openssl verify signatures of one key. */
export class Openssl {
  readonly #folder: string;
  readonly #key: string;

  /** @param folder Where to put files. */
  constructor(folder: string, verifierKey: string) {
    const [, , ...data] = verifierKey.split("+");
    const key = decode(data.join("+")).slice(1);
    this.#folder = folder;
    this.#key = `${folder}/openssl.der`;
    Deno.writeFileSync(this.#key, new Uint8Array([...DER_PREFIX, ...key]));
  }

  /** Verifies the signature of a checkpoint, and the one that states its time. */
  async checkpoint(note: string): Promise<void> {
    const { text, signature, time, cosignature } = take(note);
    await this.#verify(0, text, signature);
    await this.#verify(0, `cosignature/v1\ntime ${time}\n${text}`, cosignature);
  }

  /** Makes sure that it refutes a checkpoint, a time and signatures that were altered. */
  async refutes(note: string): Promise<void> {
    const { text, signature, time, cosignature } = take(note);
    const lines = text.split("\n");
    const flipped = signature.with(10, signature[10] ^ 1);
    const otherSize = [lines[0], `${Number(lines[1]) + 1}`, ...lines.slice(2)].join("\n");
    const otherRoot = text.replace(lines[2], lines[2].toLowerCase());
    await this.#verify(1, text, flipped);
    await this.#verify(1, otherSize, signature);
    await this.#verify(1, otherRoot, signature);
    await this.#verify(1, `cosignature/v1\ntime ${time + 1n}\n${text}`, cosignature);
  }

  async #verify(code: 0 | 1, text: string, signature: Uint8Array): Promise<void> {
    const [textFile, signatureFile] = [`${this.#folder}/signed`, `${this.#folder}/signature`];
    await Deno.writeTextFile(textFile, text);
    await Deno.writeFile(signatureFile, signature);
    const key = ["-pubin", "-inkey", this.#key, "-keyform", "DER"];
    const input = ["-rawin", "-in", textFile, "-sigfile", signatureFile];
    await runExpecting(code, ["openssl", "pkeyutl", "-verify", ...key, ...input]);
  }
}

/** What is signed, and by which signatures: the log's own, and the one that states when. */
function take(note: string) {
  const [text, lines] = note.split("\n\n");
  const [first, second] = lines.trimEnd().split("\n").map((line) => decode(line.split(" ")[2]));
  return {
    text: `${text}\n`,
    signature: first.slice(ID_BYTES),
    time: new DataView(second.buffer).getBigUint64(ID_BYTES),
    cosignature: second.slice(ID_BYTES + TIME_BYTES),
  };
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

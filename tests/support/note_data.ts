/**
 * Keys, notes and checkpoints that others have published; `tests/testdata/note/README.md` has the
 * sources.
 *
 * @module
 */

import { readFileSync } from "node:fs";

const read = (name: string) =>
  JSON.parse(readFileSync(new URL(`../testdata/note/${name}`, import.meta.url), "utf8"));

/** What Go's tests of signed notes use. */
export const GO: {
  readonly text: string;
  readonly peter: { signingKey: string; verifierKey: string; signatureLine: string };
  readonly enoch: { verifierKey: string; signatureLine: string };
  readonly keyOfWrongLength: string;
  readonly keyOfUnknownType: string;
} = read("go.json");

/** The examples of the C2SP specifications. */
export const C2SP: {
  readonly verifierKey: string;
  readonly note: string;
  readonly noteWithEmptyLine: string;
  readonly checkpoint: string;
  readonly cosignedCheckpoint: string;
} = read("c2sp.json");

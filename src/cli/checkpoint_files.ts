/**
 * Checkpoints that were kept elsewhere.
 *
 * @module
 */
import { openCheckpoint, parseCheckpoint } from "../transparency/checkpoint.ts";
import { stateOf } from "../transparency/failure.ts";
import { type Verifier, verifierFrom } from "../transparency/keys.ts";
import { parseNote } from "../transparency/note.ts";
import { splitNotes } from "../transparency/publish_to_file.ts";
import { CliError } from "./cli_error.ts";
import { visible } from "./display.ts";
import type { Host } from "./host.ts";
import { nameOf, readText } from "./source.ts";

/** The largest file of checkpoints, bytes: one a minute for a quarter of a year. */
const MOST_BYTES = 64 * 1024 * 1024;

/** A checkpoint that was given, and where it stands. */
export interface KeptNote {
  /** The signed note. */
  readonly note: string;
  /** How many entries it covers. */
  readonly size: number;
  /** Its file, and which of several in it it is. */
  readonly place: string;
}

/**
 * Reads checkpoints from files that hold one each, or many with an empty line after each. The library checks them too,
 * but does not know where they stand. An empty file, and what was cut among others, of which a process was killed or the power failed as
 * it was written, is left out, and that is told: the others say as much as they did.
 *
 * @param keys Verifier keys, one of which has signed each of them; without any, signatures are left alone.
 * @throws {CliError} When one cannot be read, or nothing can be concluded from it.
 */
export async function readCheckpoints(
  host: Host,
  paths: readonly string[],
  keys: readonly string[],
): Promise<readonly KeptNote[]> {
  const verifiers = await Promise.all(keys.map(verifierFrom));
  const kept: KeptNote[] = [];
  const left: string[] = [];
  for (const path of paths) {
    const name = nameOf(path);
    // No note has a carriage return: a program on Windows has put it there.
    const text = (await readText(host, path, MOST_BYTES, true)).replaceAll("\r\n", "\n");
    if (isOfJsonlLog(text)) {
      throw new CliError(
        `Cannot use ${name}: it is the file in which a JSONL log keeps its checkpoints. verify reads that beside the log by ` +
          "itself; it proves little, since whoever can change the log can change it, too. To use a copy that was kept " +
          "elsewhere: jq -r .note FILE | audit-log verify --checkpoint - ...",
      );
    }
    const notes = splitNotes(text);
    const hasWhole = notes.some(({ isCut }) => !isCut);
    if (notes.length === 0) left.push(name);
    for (const [position, { note, isCut }] of notes.entries()) {
      const place = notes.length === 1 ? name : `${name}, checkpoint ${position + 1}`;
      if (isCut && hasWhole) left.push(place);
      else kept.push({ note, place, size: await sizeOf(note, place, verifiers) });
    }
  }
  if (kept.length === 0 && left.length > 0) {
    throw new CliError(`Cannot use ${left[0]}: it holds no checkpoint`);
  }
  for (const place of left) {
    await host.stderr.write(
      `audit-log: ${visible(place)} was not written to its end, and is left out\n`,
    );
  }
  return kept;
}

/** How many entries a checkpoint covers, which one of the keys has signed, where there are keys. */
async function sizeOf(
  note: string,
  place: string,
  verifiers: readonly Verifier[],
): Promise<number> {
  try {
    const checkpoint = verifiers.length > 0
      ? (await openCheckpoint(note, verifiers)).checkpoint
      : parseCheckpoint(parseNote(note).text);
    return checkpoint.size;
  } catch (error) {
    const state = stateOf(error);
    if (state === undefined) throw error;
    throw new CliError(`Cannot use the checkpoint in ${place}: ${state}`, { cause: error });
  }
}

/** Whether a text is what a JSONL log has in the file beside it. */
function isOfJsonlLog(text: string): boolean {
  return /^\{"size":\d+,"note":"/.test(text);
}

/**
 * Checkpoints that were kept elsewhere.
 *
 * @module
 */
import { openCheckpoint, parseCheckpoint } from "../transparency/checkpoint.ts";
import { stateOf } from "../transparency/failure.ts";
import { verifierFrom } from "../transparency/keys.ts";
import { parseNote } from "../transparency/note.ts";
import { splitNotes } from "../transparency/publish_to_file.ts";
import { CliError } from "./cli_error.ts";
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
 * but does not know where they stand.
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
  for (const path of paths) {
    const name = nameOf(path);
    // No note has a carriage return: a program on Windows has put it there.
    const text = (await readText(host, path, MOST_BYTES)).replaceAll("\r\n", "\n");
    if (isOfJsonlLog(text)) {
      throw new CliError(
        `Cannot use ${name}: it is the file in which a JSONL log keeps its checkpoints. verify reads that beside the log by ` +
          "itself; it proves little, since whoever can change the log can change it, too. To use a copy that was kept " +
          "elsewhere: jq -r .note FILE | audit-log verify --checkpoint - ...",
      );
    }
    const notes = splitNotes(text);
    if (notes.length === 0) throw new CliError(`Cannot use ${name}: it holds no checkpoint`);
    for (const [position, note] of notes.entries()) {
      const place = notes.length === 1 ? name : `${name}, checkpoint ${position + 1}`;
      try {
        const { size } = verifiers.length > 0
          ? (await openCheckpoint(note, verifiers)).checkpoint
          : parseCheckpoint(parseNote(note).text);
        kept.push({ note, size, place });
      } catch (error) {
        const state = stateOf(error);
        if (state === undefined) throw error;
        const way = notes.length === 1
          ? ""
          : "; if it was cut when it was written, give a copy of the file without it";
        throw new CliError(`Cannot use the checkpoint in ${place}: ${state}${way}`, {
          cause: error,
        });
      }
    }
  }
  return kept;
}

/** Whether a text is what a JSONL log has in the file beside it. */
function isOfJsonlLog(text: string): boolean {
  return /^\{"size":\d+,"note":"/.test(text);
}

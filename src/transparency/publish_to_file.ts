import { inFull } from "../open_store.ts";
import type { OpenFile, Runtime } from "../ports.ts";
import { createIfMissing, syncIfPossible } from "../stores/log_file.ts";
import { failing } from "./failure.ts";

/** The line that ends a checkpoint of which a part alone was written. */
const CUT = "[cut]";

/**
 * Publishes checkpoints into a file elsewhere, on a share or a disk that the log's own machine cannot rewrite: each is
 * appended, followed by an empty line, and is on the disk before the next, where the file system can be asked for that.
 * `audit-log verify --checkpoint FILE` takes the file as it is. Give what this returns as `checkpoints.publish`.
 *
 * @param path The file; its folder must exist. A new file gets mode 0600.
 * @param runtime Finds the adapter of the runtime.
 */
export function publisherToFile(
  path: string,
  runtime: () => Promise<Runtime>,
): (checkpoint: string) => Promise<void> {
  if (typeof path !== "string" || path === "") {
    throw failing("INVALID_OPTION", "publish to a file")("the path must be the name of a file");
  }
  const place = inFull(path);
  const finding = runtime();
  finding.catch(() => {}); // whoever publishes is told
  // Of a checkpoint of which a part was written, on a full disk for example: what is missing, and where it belongs.
  let cut = { rest: new Uint8Array(0), at: 0 };
  return async (checkpoint) => {
    const { file } = await finding;
    await createIfMissing(file, place);
    const opened = await file.open(place, "append");
    try {
      let { size } = await opened.stat();
      let rest = cut.at === size ? cut.rest : await missingEnd(opened, size);
      const append = async (bytes: Uint8Array<ArrayBuffer>) => {
        const count = await opened.append(bytes);
        if (count === 0) throw new Error("the file takes no more bytes");
        size += count;
        return bytes.subarray(count);
      };
      try {
        while (rest.length > 0) rest = await append(rest);
        // All of it, even where it was written before: what could not be synced then may be lost.
        rest = await append(new TextEncoder().encode(`${checkpoint}\n`));
        while (rest.length > 0) rest = await append(rest);
      } finally {
        cut = { rest, at: size };
      }
      await syncIfPossible(opened);
    } finally {
      await opened.close();
    }
  };
}

/** What sets the next checkpoint apart from one that another process did not finish, because the power failed for example. */
async function missingEnd(file: OpenFile, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const last = new Uint8Array(Math.min(size, 2));
  await file.read(last, size - last.length);
  const end = new TextDecoder().decode(last);
  const missing = end.endsWith("\n") ? "\n" : `\n${CUT}\n\n`;
  return new TextEncoder().encode(size === 0 || end === "\n\n" ? "" : missing);
}

/** A checkpoint in a file. */
export interface FoundNote {
  /** As it stands there. */
  readonly note: string;
  /** Whether it has no end: it was being written, or will never be. */
  readonly isCut: boolean;
}

/** The checkpoints in a text in which each is followed by an empty line, or in which there is but one. */
export function splitNotes(text: string): FoundNote[] {
  // The one empty line within a checkpoint is followed by its signatures.
  const notes = text.split(/(?<=\n)\n+(?!\n|\u2014 )/).filter((note) => note !== "");
  return notes.map((note) => ({
    note,
    isCut: !note.includes("\n\n\u2014 ") || !note.endsWith("\n") || note.endsWith(`\n${CUT}\n`),
  }));
}

import { inFull } from "../open_store.ts";
import type { Runtime } from "../ports.ts";
import { createIfMissing, syncIfPossible } from "../stores/log_file.ts";
import { failing } from "./failure.ts";

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
      let rest = cut.at === size ? cut.rest : new Uint8Array(0);
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

/** The checkpoints in a text in which each is followed by an empty line, or in which there is but one. */
export function splitNotes(text: string): string[] {
  // A note ends with its signature lines; what separates it from the next is an empty line behind them.
  return text.split(/(?<=\n\u2014 [^\n]*\n)\n+/).filter((note) => note !== "");
}

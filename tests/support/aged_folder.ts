/**
 * Folders that have been as they are for long, so that they tell of the next change.
 *
 * @module
 */
import type { FileAdapter, FileFolder } from "@audit-log/llm";

const HOUR_MS = 3_600_000;

/** The files of a runtime, in folders that were changed an hour earlier than they were. */
export function inAgedFolders(file: FileAdapter): FileAdapter {
  const aged = (folder: FileFolder | undefined) =>
    folder && { ...folder, changedMs: folder.changedMs - HOUR_MS };
  return {
    ...file,
    async place(path) {
      const place = await file.place!(path);
      return place && { ...place, folder: aged(place.folder) };
    },
    folder: (path) => aged(file.folder!(path)),
  };
}

/**
 * Whether a path on Windows has a name that is not taken as it is: SQLite opens a file without the dots and spaces at the name's
 * end, `node:fs` one with them, and what is behind a colon is a stream of the file that is named before it.
 */
export function isAmbiguous(path: string): boolean {
  const names = path.replace(/^(\\\\[?.]\\)?[a-z]:/i, "").split(/[\\/]/);
  return names.some((name) => /[. ]$|:/.test(name));
}

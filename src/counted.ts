/**
 * A number and what it counts, in the singular where it is one: `1 line`, `2 lines`.
 *
 * @param many What more than one, or none, is called, where that is not `one` with an s.
 */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A number of entries. */
export function countedEntries(count: number): string {
  return counted(count, "entry", "entries");
}

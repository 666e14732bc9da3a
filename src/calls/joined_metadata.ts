import { isPlainObject } from "../snapshot.ts";

/**
 * Metadata of this library's with that of the application's, which goes before.
 *
 * The application's is not read here: what it has for accessors, and what is no object at all, is refused when the entry is.
 */
export function joinedMetadata(ours: object, own: object | undefined): object {
  if (own === undefined) return ours;
  if (typeof own !== "object" || own === null || !isPlainObject(own)) return own;
  return Object.defineProperties({ ...ours }, Object.getOwnPropertyDescriptors(own));
}

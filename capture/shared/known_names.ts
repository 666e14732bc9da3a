/**
 * What to say to somebody who gave a name that is not known: which one was meant, if it was written in another way, as
 * `on_error` for `onError`; or else which are known.
 */
export function hintFor(name: string, known: readonly string[]): string {
  const found = known.find((one) => plain(one) === plain(name));
  return found === undefined ? `known are ${known.join(", ")}` : `did you mean ${found}?`;
}

function plain(name: string): string {
  return name.replaceAll(/[-_]/g, "").toLowerCase();
}

/** A value that JSON can hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | JsonObject;

/** An object that JSON can hold. */
export interface JsonObject {
  /** A member. */
  readonly [key: string]: JsonValue;
}

/**
 * Encodes a value as canonical JSON, RFC 8785: no white space, keys in UTF-16 order, numbers and
 * strings as ECMAScript writes them.
 *
 * One thing goes beyond the RFC, which has no answer for it: a lone surrogate is written as its
 * escape, so that text which a model really produced can be kept.
 */
export function encodeCanonical(value: JsonValue): string {
  // JSON.stringify() writes what the RFC asks for but for the order of keys, which it takes as it finds it.
  if (isInOrder(value)) return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(encodeCanonical).join(",")}]`;
  const members = Object.keys(value as JsonObject).sort().map((key) =>
    `${JSON.stringify(key)}:${encodeCanonical((value as JsonObject)[key]!)}`
  );
  return `{${members.join(",")}}`;
}

/**
 * {@link encodeCanonical} of an object whose own keys are listed in UTF-16 order.
 *
 * @param member The one member that is no plain text or number, within which they may not be.
 */
export function encodeOrdered(object: JsonObject, member: JsonValue): string {
  return isInOrder(member) ? JSON.stringify(object) : encodeCanonical(object);
}

/** Whether all keys within a value are listed in UTF-16 order. Those such as "10" and "9" are listed by number. */
function isInOrder(value: JsonValue): boolean {
  if (typeof value !== "object" || value === null) return true;
  if ("toJSON" in value) return false; // it would be called, were it a function
  let last = "";
  const inArray = isArray(value);
  for (const key in value) {
    if (!inArray && key < last) return false;
    last = key;
    if (!isInOrder((value as JsonObject)[key]!)) return false;
  }
  return true;
}

/** At least as many UTF-16 code units as a value's JSON has before anything in it is escaped. */
export function unitsOf(value: JsonValue): number {
  if (typeof value === "string") return value.length + 3; // quotes and a comma
  if (typeof value !== "object" || value === null) return 26; // the longest number and a comma
  let units = 3;
  for (const key in value) {
    units += key.length + 4 + unitsOf((value as JsonObject)[key]!);
  }
  return units;
}

/** `Array.isArray()`, which does not narrow read-only arrays. */
export function isArray(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/**
 * Whether an object in a JSON text names a key twice. `JSON.parse()` takes the last of them and
 * SQLite the first, so a text that does so means two things.
 *
 * @param text Valid JSON.
 * @param value What `JSON.parse(text)` returned.
 */
export function repeatsKey(text: string, value: JsonValue): boolean {
  let named = 0;
  let at = text.indexOf('"');
  while (at !== -1) {
    at = endOfString(text, at);
    while (" \t\r\n".includes(text[at]!)) at++;
    if (text[at] === ":") named++;
    at = text.indexOf('"', at);
  }
  return named !== countKeys(value);
}

/** The position behind the string literal that starts at `start`. */
function endOfString(text: string, start: number): number {
  for (let quote = text.indexOf('"', start + 1);; quote = text.indexOf('"', quote + 1)) {
    let first = quote;
    while (text[first - 1] === "\\") first--;
    if ((quote - first) % 2 === 0) return quote + 1;
  }
}

function countKeys(value: JsonValue): number {
  if (typeof value !== "object" || value === null) return 0;
  const children: readonly JsonValue[] = Object.values(value);
  let count = isArray(value) ? 0 : children.length;
  for (const child of children) count += countKeys(child);
  return count;
}

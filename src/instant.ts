/**
 * Times as instants: microseconds since 1970-01-01T00:00:00Z.
 *
 * Microseconds, because files of the Python class carry six digits; a double holds them exactly
 * until the year 2255. Further digits are cut off.
 *
 * @module
 */
import { textIn } from "./utf8.ts";

/** The last millisecond of the year 9999, since the epoch: what comes later has no four-digit year. */
export const LAST_MS = 253_402_300_799_999;

const ISO_8601 =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Reads an ISO 8601 date or date and time. Without a zone it means UTC; a date alone means its
 * midnight.
 *
 * @returns Microseconds since the epoch, or `undefined` for anything else.
 */
export function parseInstant(text: string): number | undefined {
  const parts = ISO_8601.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] =
    parts;
  // Date.UTC() takes the years 0 to 99 for 1900 to 1999, hence setUTCFullYear().
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const rolledOver = date.getUTCMonth() !== Number(month) - 1 ||
    date.getUTCDate() !== Number(day) ||
    date.getUTCHours() !== Number(hour) || date.getUTCMinutes() !== Number(minute) ||
    date.getUTCSeconds() !== Number(second);
  const offset = offsetMinutes(zone);
  if (rolledOver || offset === undefined) return undefined;
  return (date.getTime() - offset * 60_000) * 1000 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

function offsetMinutes(zone: string): number | undefined {
  if (zone === "Z") return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

/** Writes milliseconds since the epoch as a record's timestamp, `YYYY-MM-DDTHH:MM:SS.sssZ`. */
export function formatTimestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** How long a timestamp of this library's is, and the day in it. */
const [TIMESTAMP_LENGTH, DAY_LENGTH] = [24, 10];
const SHAPE = new TextEncoder().encode("0000-00-00T00:00:00.000Z");
const ZERO = 0x30;

/**
 * Reads timestamps out of lines, one after the other. As this library writes them, and of the same day as the one before, they take
 * some arithmetic.
 */
export class InstantScanner {
  readonly #day = new Uint8Array(DAY_LENGTH);
  #dayUs: number | undefined;

  /** As {@link parseInstant}, of what is from one byte on to before another. */
  scan(bytes: Uint8Array, start: number, end: number): number | undefined {
    if (!hasShape(bytes, start, end)) return parseInstant(textIn(bytes.subarray(start, end)) ?? "");
    const hours = digitsIn(bytes, start + 11, 2);
    const minutes = digitsIn(bytes, start + 14, 2);
    const seconds = digitsIn(bytes, start + 17, 2);
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    const dayUs = this.#dayOf(bytes, start);
    if (dayUs === undefined) return undefined;
    const milliseconds = ((hours * 60 + minutes) * 60 + seconds) * 1000 +
      digitsIn(bytes, start + 20, 3);
    return dayUs + milliseconds * 1000;
  }

  #dayOf(bytes: Uint8Array, start: number): number | undefined {
    const day = this.#day;
    let at = 0;
    while (at < DAY_LENGTH && bytes[start + at] === day[at]) at++;
    if (at < DAY_LENGTH) {
      day.set(bytes.subarray(start, start + DAY_LENGTH));
      this.#dayUs = parseInstant(textIn(day) ?? "");
    }
    return this.#dayUs;
  }
}

/** Whether there are digits where a timestamp of this library's has some, and else what it has. */
function hasShape(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== TIMESTAMP_LENGTH) return false;
  for (let at = 0; at < TIMESTAMP_LENGTH; at++) {
    const byte = bytes[start + at]!;
    const expected = SHAPE[at]!;
    const isRight = expected === ZERO ? byte >= ZERO && byte < ZERO + 10 : byte === expected;
    if (!isRight) return false;
  }
  return true;
}

function digitsIn(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (const end = at + count; at < end; at++) value = value * 10 + bytes[at]! - ZERO;
  return value;
}

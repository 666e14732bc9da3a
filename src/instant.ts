/**
 * Times as instants: microseconds since 1970-01-01T00:00:00Z.
 *
 * Microseconds, because files of the Python class carry six digits; a double holds them exactly
 * until the year 2255. Further digits are cut off.
 *
 * @module
 */

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

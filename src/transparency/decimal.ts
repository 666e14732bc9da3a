/**
 * Reads a number as the C2SP formats write sizes and indexes: ASCII digits without a leading zero.
 *
 * @returns The number, 0 to 2^53-1, or what keeps the text from being one, to follow "line 2 ".
 */
export function parseDecimal(text: string): number | string {
  if (!/^[0-9]+$/.test(text)) return "is not a decimal number of digits alone";
  if (text.length > 1 && text[0] === "0") return "has a leading zero";
  const value = Number(text);
  if (!Number.isSafeInteger(value)) return "is larger than 2^53-1, the most that is supported";
  return value;
}

/**
 * Recorded texts on a terminal.
 *
 * What a model wrote may have been chosen by an attacker. Raw, it could move the cursor, recolour or hide what stands
 * around it, or set the clipboard. So nothing recorded reaches a terminal but through here.
 *
 * @module
 */
import stringWidth from "string-width";

// Controls (C0, DEL, C1), format characters (bidirectional overrides, tags), separators that some terminals
// take for a line's end, lone surrogates, and whatever else is drawn as nothing. Joiners are part of emoji and of
// many scripts, never of ASCII; variation selectors choose between two looks of one character.
const UNSAFE =
  /(?![\u200c\u200d\ufe00-\ufe0f])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]|(?<![^\0-\u007f])[\u200c\u200d]/gu;

/** Shows what would act on a terminal, or could not be seen, as an escape: `\x1b`, `\u202e`. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (character) => {
    const code = character.codePointAt(0)!;
    if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
    return code <= 0xffff
      ? `\\u${code.toString(16).padStart(4, "0")}`
      : `\\u{${code.toString(16)}}`;
  });
}

/** The same for a text of several lines: its lines, with tabs as spaces. */
export function visibleLines(text: string): string[] {
  return text.split(/\r\n|\n/).map((line) => visible(line.replaceAll("\t", "    ")));
}

/** The same for a page of lines. */
export function visiblePage(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/** The same for JSON, which stays the same JSON: what is unsafe in it is in strings, where it can be escaped, or between them. */
export function visibleJson(json: string): string {
  return json.replace(/[\t\r]+$/, "").replace(/[\t\r]/g, " ").replace(
    UNSAFE,
    (character) =>
      character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}

const graphemes = new Intl.Segmenter();
/** How much of a text is looked at to fill one column of a cell: what is drawn upon one letter has an end. */
const UNITS_PER_COLUMN = 16;

/** Terminals disagree on how wide what these make of emoji is; without them, the parts are as wide everywhere. */
const DISPUTED = /(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f])\u200d|\ufe0f/gu;

/** A text in one line of at most this many columns, cut with an ellipsis where it is longer. */
export function cell(text: string, columns: number): string {
  const most = columns * UNITS_PER_COLUMN;
  const line = visible(text.slice(0, most).replace(/\s+/g, " ").trim()).replace(DISPUTED, "");
  if (text.length <= most && stringWidth(line) <= columns) return line;
  return `${head(line, columns - 1)}…`;
}

/** As much of a line's start as fits into so many columns. */
function head(line: string, columns: number): string {
  let taken = "";
  let width = 0;
  for (const { segment } of graphemes.segment(line)) {
    width += stringWidth(segment);
    if (width > columns) break;
    taken += segment;
  }
  return taken;
}

/** Fills a text up with spaces to so many columns, at its end or, with `"right"`, at its start. */
export function pad(text: string, columns: number, align: "left" | "right" = "left"): string {
  const spaces = " ".repeat(Math.max(0, columns - stringWidth(text)));
  return align === "left" ? text + spaces : spaces + text;
}

/** The width on the terminal that knows least of how characters combine. */
function mostColumns(text: string): number {
  let width = 0;
  for (const character of text) width += stringWidth(character);
  return Math.max(width, stringWidth(text));
}

/**
 * Breaks a line into pieces of at most so many columns on any terminal, between words where there are some.
 */
export function wrap(line: string, columns: number): string[] {
  const pieces: string[] = [];
  let piece = "";
  let width = 0;
  const end = () => {
    pieces.push(piece);
    piece = "";
    width = 0;
  };
  for (const word of line.match(/\s+|\S+/g) ?? []) {
    const wordWidth = mostColumns(word);
    if (width + wordWidth <= columns) {
      piece += word;
      width += wordWidth;
      continue;
    }
    if (width > 0) end();
    if (word.trim() === "") continue; // it is where the line was broken
    for (const { segment } of graphemes.segment(word)) {
      const segmentWidth = mostColumns(segment);
      if (width + segmentWidth > columns && width > 0) end();
      piece += segment;
      width += segmentWidth;
    }
  }
  end();
  return pieces;
}

import type { Output } from "./host.ts";

/** Ways to set off text on a terminal; they change nothing where `NO_COLOR` is set or nobody looks. */
export interface Style {
  /** For headings. */
  readonly bold: (text: string) => string;
  /** For what stands beside the matter. */
  readonly dim: (text: string) => string;
}

/** The style for an output. */
export function styleOf(output: Output): Style {
  const sgr = (code: number) => (text: string): string =>
    output.styles && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  return { bold: sgr(1), dim: sgr(2) };
}

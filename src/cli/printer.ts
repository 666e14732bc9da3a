import { visiblePage } from "./display.ts";
import type { Output } from "./host.ts";

/** How much is collected before it is written: one call for each line would take longer than the reading. */
const MOST_UNITS = 64 * 1024;

/** Writes many lines to an output, waiting when its reader is slower. */
export class Printer {
  readonly #output: Output;
  #held = "";

  /** @param output Where the lines go. */
  constructor(output: Output) {
    this.#output = output;
  }

  /** Adds one line. */
  async line(text: string): Promise<void> {
    this.#held += `${text}\n`;
    if (this.#held.length >= MOST_UNITS) await this.flush();
  }

  /** Writes what was collected. */
  async flush(): Promise<void> {
    const text = this.#held;
    this.#held = "";
    if (text !== "") await this.#output.write(text);
  }
}

/** Writes a text exactly as it is; to a terminal, with what would act on it shown. */
export async function printText(output: Output, text: string): Promise<void> {
  await output.write(output.isTerminal ? visiblePage(text) : text);
}

/**
 * What a lane gives to the log: told before, and what became of it after.
 *
 * @module
 */

import type { AuditEntry } from "../../../mod.ts";
import type { Span } from "./journal.ts";
import type { Teller } from "./teller.ts";

/** What became of it; after `failed` the log has to be opened again. */
export type Outcome = "acknowledged" | "refused" | "failed";

/** The numbers of a lane, and its entries that are known to be in the log. */
export class Submissions {
  readonly lane: string;
  readonly #teller: Teller;
  #next = 0;
  /** Entries of this lane's that were acknowledged, by their numbers. */
  readonly known = new Map<number, AuditEntry>();

  constructor(lane: string, teller: Teller) {
    this.lane = lane;
    this.#teller = teller;
  }

  /** The next numbers. */
  take(count = 1): Span {
    const first = this.#next;
    this.#next += count;
    return [first, this.#next - 1];
  }

  /**
   * Tells of a call that records before it is made, and of what became of it.
   *
   * @param also What else it may be refused with.
   */
  async submit(
    span: Span,
    group: boolean,
    call: () => Promise<readonly AuditEntry[]>,
    also: readonly string[] = [],
  ): Promise<Outcome> {
    const { lane } = this;
    const { journal } = this.#teller;
    journal.tell({ do: "submit", lane, span, group });
    try {
      const entries = await call();
      this.#acknowledge(span, entries);
      return "acknowledged";
    } catch (error) {
      const { code } = this.#teller.expected("record", error, also);
      journal.tell({ do: "refused", lane, span, code });
      return code === "SYNC_FAILED" || code === "LOG_FAILED" ? "failed" : "refused";
    }
  }

  #acknowledge(span: Span, entries: readonly AuditEntry[]): void {
    const { lane } = this;
    const { journal } = this.#teller;
    const [first] = span;
    const { number = first, lane: by = lane } = (entries[0]?.metadata ?? {}) as {
      number?: number;
      lane?: string;
    };
    if (number !== first || by !== lane) {
      // The end of a call that was written before it was refused, or before its process was killed.
      journal.tell({ do: "refused", lane, span, code: "THERE_ALREADY" });
      const ids = entries.map(({ entryId }) => entryId);
      journal.tell({ do: "acknowledged", lane: by, span: [number, number], ids });
      journal.count("calls found to have ended");
      return;
    }
    journal.tell({ do: "acknowledged", lane, span, ids: entries.map(({ entryId }) => entryId) });
    for (const [position, entry] of entries.entries()) {
      if (entry.user === lane) this.known.set(first + position, entry);
    }
  }
}

/** The numbers of a span. */
export function numbersOf([first, last]: Span): number[] {
  return Array.from({ length: last - first + 1 }, (_, n) => first + n);
}

/** The outcome of several. */
export function worst(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes("failed")) return "failed";
  return outcomes.includes("refused") ? "refused" : "acknowledged";
}

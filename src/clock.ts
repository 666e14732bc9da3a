import { EntryIds } from "./entry_ids.ts";
import { AuditLogError } from "./errors.ts";
import { formatTimestamp, LAST_MS } from "./instant.ts";
import { describeNumber } from "./refusal.ts";

/** What each new entry of a handle is stamped with. */
export interface Stamp {
  /** UUID version 7 of the same millisecond as the timestamp. */
  readonly entryId: string;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  readonly timestamp: string;
  /** The timestamp as microseconds since the epoch. */
  readonly instantUs: number;
}

/**
 * Stamps entries with times that never decrease and ids that always increase, whatever the clock of
 * the machine does.
 */
export class EntryClock {
  readonly #now: () => number;
  #milliseconds = -1;
  #timestamp = "";
  readonly #ids = new EntryIds();

  /** @param now The clock of the machine: milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The next stamp. */
  next(): Stamp {
    const told: unknown = this.#now();
    if (typeof told !== "number" || !(told >= 0 && told <= LAST_MS)) {
      const message = `Cannot record: the clock says ${describeNumber(told)}; ` +
        "it must say milliseconds since the epoch, of the years 1970 to 9999";
      throw new AuditLogError("INVALID_OPTION", message, { path: "clock" });
    }
    const now = Math.floor(told);
    const isLater = now > this.#milliseconds;
    if (isLater) {
      this.#milliseconds = now;
      this.#timestamp = formatTimestamp(now);
    }
    return {
      entryId: isLater ? this.#ids.first(now) : this.#ids.next(),
      timestamp: this.#timestamp,
      instantUs: this.#milliseconds * 1000,
    };
  }
}

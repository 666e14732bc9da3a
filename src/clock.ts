import { v7 } from "uuid";
import { AuditLogError } from "./errors.ts";
import { formatTimestamp } from "./instant.ts";

/** What each new entry of a handle is stamped with. */
export interface Stamp {
  /** UUID version 7 of the same millisecond as the timestamp. */
  readonly entryId: string;
  /** `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  readonly timestamp: string;
  /** The timestamp as microseconds since the epoch. */
  readonly instantUs: number;
}

/** Year 9999 ends here: what comes later has no four-digit year. */
const LAST_MS = 253_402_300_799_999;
const RANDOM_BYTES = 16;

/**
 * Stamps entries with times that never decrease and ids that always increase, whatever the clock of
 * the machine does.
 */
export class EntryClock {
  readonly #now: () => number;
  #milliseconds = 0;
  #timestamp = formatTimestamp(0);
  #sequence = 0;
  // Asking for random bytes costs more than the rest of an id, so they are drawn in bulk.
  readonly #random = new Uint8Array(RANDOM_BYTES * 256);
  #used = this.#random.length;

  /** @param now The clock of the machine: milliseconds since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** The next stamp. */
  next(): Stamp {
    const random = this.#drawRandom();
    const now = Math.floor(this.#now());
    if (!(now >= 0 && now <= LAST_MS)) {
      throw new AuditLogError("INVALID_OPTION", `Cannot record: the clock says ${now}`, {
        path: "clock",
      });
    }
    if (now > this.#milliseconds) {
      this.#milliseconds = now;
      this.#timestamp = formatTimestamp(now);
      // 31 random bits, so that ids of several handles differ and there is room to count up.
      this.#sequence = ((random[6]! & 0x7f) << 24) | (random[7]! << 16) | (random[8]! << 8) |
        random[9]!;
    } else {
      this.#sequence++;
    }
    return {
      entryId: v7({ msecs: this.#milliseconds, seq: this.#sequence, random }),
      timestamp: this.#timestamp,
      instantUs: this.#milliseconds * 1000,
    };
  }

  #drawRandom(): Uint8Array {
    if (this.#used === this.#random.length) {
      crypto.getRandomValues(this.#random);
      this.#used = 0;
    }
    return this.#random.subarray(this.#used, this.#used += RANDOM_BYTES);
  }
}

import type { CheckStand, Sha256 } from "../ports.ts";
import { whenFree } from "./busy.ts";
import { CheckFindings } from "./check_findings.ts";
import { malformed } from "./faults.ts";
import { type InspectedRows, RowInspector } from "./row_inspector.ts";
import type { FoundRecords } from "./tree_store.ts";

/** Compares rows with the records in them, and hashes these. */
export class RowCheck {
  readonly #rows: InspectedRows;
  readonly #sha256: Sha256;
  readonly #busyTimeoutMs: number;

  /**
   * @param rows Where they are read.
   * @param sha256 The runtime's SHA-256.
   * @param busyTimeoutMs How long to wait for others' locks, milliseconds.
   */
  constructor(rows: InspectedRows, sha256: Sha256, busyTimeoutMs: number) {
    this.#rows = rows;
    this.#sha256 = sha256;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /**
   * Checks the rows from one number to before another.
   *
   * @param stand Where whoever compared all rows before stands; by default as the row before says.
   * @throws {SqliteError} Why they cannot be read.
   */
  async check(from: number, to: number, stand?: CheckStand): Promise<FoundRecords> {
    const before = stand ?? await this.#reading(() => this.#rows.standBefore(from));
    const inspector = new RowInspector((seq) => this.#rows.whole(seq), before);
    const findings = new CheckFindings(this.#sha256);
    const reading = <T>(attempt: () => T) => this.#reading(attempt);
    for await (const rows of this.#rows.pages(from, to, reading)) {
      for (const row of rows) {
        if (findings.count === to - from) throw malformed("its rows are not in order");
        const { entryId, faults } = inspector.inspect(row);
        findings.tell(entryId, faults);
        findings.take(row.record);
      }
    }
    return findings.between(before, inspector.stand);
  }

  #reading<T>(attempt: () => T): Promise<T> {
    return whenFree(attempt, this.#busyTimeoutMs);
  }
}

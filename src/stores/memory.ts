import { AuditLogError } from "../errors.ts";
import { CALL_END } from "../entry_event.ts";
import { matches, type Selection } from "../query.ts";
import type { LogRecord } from "../record.ts";
import { Turns } from "../turns.ts";
import { callsEndedOnce, endedAlready } from "./ended_once.ts";
import type { LogStore, StoreInfo } from "./store.ts";

/** How many records are looked at in one go. */
const CHUNK = 1024;

/**
 * Keeps the log in memory: an array and a predicate, and so the model that the other stores are
 * tested against. It needs no adapter and runs wherever JavaScript does.
 */
export class MemoryStore implements LogStore {
  readonly kind = "memory";
  readonly #records: LogRecord[] = [];
  /** Where each id is, for the records that were there when an id was last asked for. */
  readonly #indexes = new Map<string, number>();
  #mapped = 0;
  /** Calls that ended, as far as was searched for them. */
  readonly #ended = new Set<string>();
  #searched = 0;

  get size(): number {
    return this.#records.length;
  }

  append(records: readonly LogRecord[]): number | Promise<number> {
    return this.appendNow(records);
  }

  appendNow(records: readonly LogRecord[]): number {
    if (records.some((record) => record.mayRepeat)) this.#refuseRepeated(records);
    const first = this.#records.length;
    for (const record of records) this.#records.push(record);
    return first;
  }

  // deno-lint-ignore require-await -- the interface is asynchronous, memory is not
  async indexOf(entryId: string): Promise<number | undefined> {
    return this.#find(entryId);
  }

  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    const turns = new Turns();
    for (const found of this.#select(selection)) {
      if (found.length > 0) yield found;
      await turns.give();
    }
  }

  async count(selection: Selection): Promise<number> {
    const turns = new Turns();
    let count = 0;
    for (const found of this.#select(selection)) {
      count += found.length;
      await turns.give();
    }
    return count;
  }

  // deno-lint-ignore require-await -- as above
  async info(): Promise<StoreInfo> {
    return {};
  }

  async close(): Promise<void> {}

  /** New entries have new ids; adopted ones may be in the log already, and so may ends of calls. */
  #refuseRepeated(records: readonly LogRecord[]): void {
    const ids = new Set<string>();
    const ended = callsEndedOnce(records).find((callId) => this.#hasEnd(callId));
    if (ended !== undefined) throw endedAlready("add the entries", ended);
    for (const { adopted, entry: { entryId } } of records) {
      if (!adopted) continue;
      if (this.#find(entryId) !== undefined || ids.has(entryId)) {
        throw new AuditLogError(
          "DUPLICATE_ENTRY",
          `Cannot add the entries: ${entryId} is in the log already`,
        );
      }
      ids.add(entryId);
    }
  }

  #find(entryId: string): number | undefined {
    for (; this.#mapped < this.#records.length; this.#mapped++) {
      this.#indexes.set(this.#records[this.#mapped]!.entry.entryId, this.#mapped);
    }
    return this.#indexes.get(entryId);
  }

  /** Whether another record ends the call that one begins. */
  #isEnded({ event }: LogRecord): boolean {
    return event?.subject !== null && this.#hasEnd(event!.subject!);
  }

  /** Whether a call has an end. */
  #hasEnd(callId: string): boolean {
    for (; this.#searched < this.#records.length; this.#searched++) {
      const { event } = this.#records[this.#searched]!;
      if (event?.name === CALL_END && event.subject !== null) this.#ended.add(event.subject);
    }
    return this.#ended.has(callId);
  }

  /** What is asked for, out of one {@link CHUNK} of records after the other; maybe nothing of it. */
  *#select(selection: Selection): Generator<LogRecord[]> {
    const { order, afterIndex, limit } = selection;
    const size = this.#records.length; // what is appended meanwhile is not seen
    const step = order === "asc" ? 1 : -1;
    let index = afterIndex !== undefined ? afterIndex + step : order === "asc" ? 0 : size - 1;
    let left = limit;
    while (left > 0 && index >= 0 && index < size) {
      const found: LogRecord[] = [];
      for (let n = 0; n < CHUNK && left > 0 && index >= 0 && index < size; n++, index += step) {
        const record = this.#records[index]!;
        if (!matches(selection, record)) continue;
        if (selection.events === "begun" && this.#isEnded(record)) continue;
        found.push(record);
        left--;
      }
      yield found;
    }
  }
}

import { AuditLogError } from "./errors.ts";
import { type CheckedQuery, checkQuery, type Selection } from "./query.ts";
import type { LogRecord } from "./record.ts";
import { describe } from "./refusal.ts";
import type { LogStore } from "./stores/store.ts";

/** A record and where it is. */
export interface FoundRecord {
  readonly record: LogRecord;
  readonly index: number;
}

/** Reads a store for as long as the log is open; who closes waits for what is being asked. */
export class LogReader {
  readonly #store: LogStore;
  readonly #underWay = new Set<Promise<unknown>>();
  #closed = false;

  /** @param store Where the records are. */
  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Refuses everything from now on. */
  refuse(): void {
    this.#closed = true;
  }

  /** Resolves when nothing is being asked any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /**
   * Makes sure that the log is open.
   *
   * @throws {AuditLogError} `LOG_CLOSED`.
   */
  checkOpen(): void {
    if (!this.#closed) return;
    throw new AuditLogError("LOG_CLOSED", "Cannot use the log: it was closed; open it again");
  }

  /** Asks the store something. */
  async using<T>(action: () => Promise<T>): Promise<T> {
    this.checkOpen();
    const answer = action();
    this.#underWay.add(answer);
    try {
      return await answer;
    } finally {
      this.#underWay.delete(answer);
    }
  }

  /** The records that a query asks for, one by one. */
  async *stream(query: CheckedQuery): AsyncGenerator<LogRecord, void, undefined> {
    for await (const chunk of this.#read(await this.#select(query))) yield* chunk;
  }

  /** All records that a query asks for. */
  async all(query: CheckedQuery): Promise<LogRecord[]> {
    const records: LogRecord[] = [];
    for await (const chunk of this.#read(await this.#select(query))) {
      for (const record of chunk) records.push(record);
    }
    return records;
  }

  /** The record with this id, or `undefined`. */
  async find(entryId: string): Promise<FoundRecord | undefined> {
    if (typeof entryId !== "string") {
      throw new AuditLogError(
        "INVALID_QUERY",
        `Cannot get the entry: its id must be a string, not ${describe(entryId)}`,
        { path: "entryId" },
      );
    }
    const index = await this.#indexOf(entryId);
    if (index === undefined) return undefined;
    const one = { ...checkQuery({ limit: 1, events: "all" }), afterIndex: index - 1 };
    for await (const [record] of this.#read(one)) return { record: record!, index };
  }

  async #indexOf(entryId: string): Promise<number | undefined> {
    const index = await this.using(() => this.#store.indexOf(entryId));
    // A database takes a lone surrogate for U+FFFD; no id has one.
    return entryId.isWellFormed() ? index : undefined;
  }

  async #select(query: CheckedQuery): Promise<Selection> {
    this.checkOpen();
    const { after, ...selection } = query;
    if (after === undefined) return { ...selection, afterIndex: undefined };
    const afterIndex = await this.#indexOf(after);
    if (afterIndex === undefined) {
      throw new AuditLogError(
        "CURSOR_NOT_FOUND",
        `Cannot query the log: after ${JSON.stringify(after.slice(0, 64))} is no entry of it; ` +
          "give the entryId of one",
        { path: "after" },
      );
    }
    return { ...selection, afterIndex };
  }

  async *#read(selection: Selection): AsyncGenerator<readonly LogRecord[], void, undefined> {
    if (selection.limit > 0) yield* this.each(this.#store.read(selection));
  }

  /** What a store gives one by one, for as long as the log is open. */
  async *each<T>(given: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    const items = given[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = await this.using(() => items.next());
        if (next.done) return;
        yield next.value;
      }
    } finally {
      await items.return?.();
    }
  }
}

import {
  AuditLogError,
  type LogRecord,
  type LogStore,
  type Selection,
  type StoreInfo,
} from "@audit-log/llm";

/** A store such as a user of the library may write, with nothing but its public API: an array. */
export class ArrayStore implements LogStore {
  readonly kind = "array";
  readonly #records: LogRecord[] = [];

  get size(): number {
    return this.#records.length;
  }

  append(records: readonly LogRecord[]): Promise<number> {
    const ids = [...this.#records, ...records].map(({ entry }) => entry.entryId);
    if (new Set(ids).size < ids.length) {
      return Promise.reject(
        new AuditLogError("DUPLICATE_ENTRY", "Cannot append: an id is in the log already"),
      );
    }
    const ended = records.find((record) => record.endsOnce && this.#isEnded(record));
    if (ended !== undefined) {
      return Promise.reject(
        new AuditLogError("DUPLICATE_ENTRY", "Cannot append: a call has an end already"),
      );
    }
    return Promise.resolve(this.#records.push(...records) - records.length);
  }

  indexOf(entryId: string): Promise<number | undefined> {
    const index = this.#records.findIndex(({ entry }) => entry.entryId === entryId);
    return Promise.resolve(index === -1 ? undefined : index);
  }

  async *read(selection: Selection): AsyncGenerator<readonly LogRecord[]> {
    const found = this.#select(selection);
    for (let start = 0; start < found.length; start += 100) {
      yield found.slice(start, start + 100);
    }
  }

  count(selection: Selection): Promise<number> {
    return Promise.resolve(this.#select(selection).length);
  }

  info(): Promise<StoreInfo> {
    return Promise.resolve({ driver: "an array" });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #select(selection: Selection): LogRecord[] {
    const { order, afterIndex, limit } = selection;
    const part = order === "asc"
      ? this.#records.slice((afterIndex ?? -1) + 1)
      : this.#records.slice(0, Math.max(0, afterIndex ?? Infinity)).reverse();
    return part.filter((record) =>
      isAskedFor(selection, record) && (selection.events !== "begun" || !this.#isEnded(record))
    ).slice(0, limit);
  }

  #isEnded({ event }: LogRecord): boolean {
    return this.#records.some((other) =>
      other.event?.name === "call.end" && other.event.subject === event?.subject
    );
  }
}

function isAskedFor(selection: Selection, { entry, instantUs, event }: LogRecord): boolean {
  const { events, subject = event?.subject } = selection;
  const isInteraction = event === undefined || event.name === "call.end";
  if (events === "interactions" && !isInteraction) return false;
  if (events === "begun" && event?.name !== "call.begin") return false;
  if (subject !== event?.subject) return false;
  const { user = entry.user, model = entry.model, sinceUs, untilUs, text = "" } = selection;
  return user === entry.user && model === entry.model &&
    [entry.inputText, entry.outputText].some((content) => content.includes(text)) &&
    instantUs >= (sinceUs ?? -Infinity) && instantUs <= (untilUs ?? Infinity) &&
    selection.metadata.every(({ key, json }) =>
      Object.hasOwn(entry.metadata, key) && sorted(entry.metadata[key]) === json
    );
}

function sorted(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sorted)}]`;
  const members = Object.entries(value).sort(([a], [b]) => a < b ? -1 : 1);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${sorted(member)}`)}}`;
}

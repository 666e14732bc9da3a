import type { EntryClock } from "./clock.ts";
import { presentContext } from "./context.ts";
import { admit, type AuditEntry, type Beside, checkEntry, type NewEntry } from "./entry.ts";
import type { JsonObject } from "./json.ts";
import { LogRecord } from "./record.ts";
import { checkLength, lengthOf, lengthOfEntry } from "./record_length.ts";
import type { Redacted, Redaction } from "./redaction.ts";
import type { LogStore } from "./stores/store.ts";
import type { Transparency } from "./transparency/transparency.ts";
import type { GroupCommit } from "./writer.ts";

/** An entry that is to be recorded, and this project's own keys of it. */
export interface Draft {
  readonly entry: NewEntry;
  /** Metadata beside the entry's own, which goes before it: frozen plain JSON. */
  readonly metadata?: JsonObject | undefined;
  /** Keys that start with `audit.`; they may need the entry's own id. */
  readonly audit?: ((entryId: string) => JsonObject) | undefined;
  /** Whether it has its context already: who ends a call may be in another than who began it. */
  readonly isComplete?: boolean | undefined;
  /** Whether it is to be recorded whatever becomes of its redaction: without what the application said, if need be. */
  readonly isVital?: boolean | undefined;
  /** Whether it ends a call that others may end, too. */
  readonly endsOnce?: boolean | undefined;
}

/** What a recorder works with. */
export interface RecorderParts {
  readonly store: LogStore;
  readonly writer: GroupCommit;
  readonly transparency: Transparency;
  readonly clock: EntryClock;
  readonly maxRecordBytes: number;
  readonly redaction: Redaction | undefined;
}

/** Makes records of what applications give, in the order in which they give it, and has them written. */
export class Recorder {
  readonly #parts: RecorderParts;
  /** The last entries that are being redacted; what comes later is recorded after them. */
  #redacting: Promise<unknown> | undefined;

  constructor(parts: RecorderParts) {
    this.#parts = parts;
  }

  /** Records one entry; what is wrong with it is thrown, or rejected, before it is waited for. */
  record(draft: Draft): Promise<AuditEntry> {
    const { redaction } = this.#parts;
    if (redaction !== undefined) return this.#redacted([draft], redaction, ([entry]) => entry!);
    const record = this.#admit(draft.entry, besideOf(draft), draft);
    return this.append([record], record.entry);
  }

  /** Records several entries, all or none. */
  recordAll(
    drafts: readonly Draft[],
    at: (error: unknown, position: number) => unknown,
  ): Promise<AuditEntry[]> {
    const { redaction } = this.#parts;
    if (redaction !== undefined) return this.#redacted(drafts, redaction, (entries) => entries, at);
    const records = drafts.map((draft, position) => {
      try {
        return this.#admit(draft.entry, besideOf(draft), draft);
      } catch (error) {
        throw at(error, position);
      }
    });
    const entries = records.map((record) => record.entry);
    return records.length === 0 ? Promise.resolve(entries) : this.append(records, entries);
  }

  /** Gives records to the store, by way of the queue if it is one that has to be waited for. */
  append<T>(records: readonly LogRecord[], result: T): Promise<T> {
    const { store, writer, transparency } = this.#parts;
    if (store.appendNow === undefined) {
      const length = records.reduce((sum, record) => sum + lengthOf(record), 0);
      return writer.add(records, length, result);
    }
    transparency.written(store.appendNow(records), records);
    return Promise.resolve(result);
  }

  /** Resolves when nothing is being redacted any more that was recorded before; until then, the process stays. */
  async settled(): Promise<void> {
    if (this.#redacting === undefined) return;
    const stay = setInterval(() => {}, 2 ** 30);
    await this.#redacting; // after all that came before
    clearInterval(stay);
  }

  #admit(entry: NewEntry, beside: Beside, draft: Draft, redacted?: JsonObject): LogRecord {
    const { clock, maxRecordBytes } = this.#parts;
    const stamp = clock.next();
    const own = draft.audit?.(stamp.entryId);
    const audit = redacted === undefined ? own : { ...own, "audit.redaction": redacted };
    const around = audit === undefined ? beside : { ...beside, audit };
    const record = LogRecord.ofEntry(admit(entry, stamp, around), stamp.instantUs, draft.endsOnce);
    checkLength(record, maxRecordBytes);
    return record;
  }

  /**
   * Has entries redacted, and then recorded, behind those that came before them. The programmer's mistakes are told at once,
   * and the redactor is called at once: what waits is its answer.
   */
  #redacted<T>(
    drafts: readonly Draft[],
    redaction: Redaction,
    resultOf: (entries: AuditEntry[]) => T,
    at: (error: unknown, position: number) => unknown = (error) => error,
  ): Promise<T> {
    const each = <A, B>(items: readonly A[], make: (item: A, position: number) => B): B[] =>
      items.map((item, position) => {
        try {
          return make(item, position);
        } catch (error) {
          throw at(error, position);
        }
      });
    const checked = each(drafts, (draft) => checkEntry(draft.entry, besideOf(draft)));
    const answers = each(checked, (entry, position) => {
      const answer = redaction.redact(entry, drafts[position]!.isVital);
      if (!("then" in answer)) return answer;
      const placed = answer.catch((error) => {
        throw at(error, position);
      });
      placed.catch(() => {}); // whoever waits for all of them is told
      return placed;
    });
    const write = (all: readonly Redacted[]): Promise<T> => {
      const records = each(
        all,
        ({ entry, redaction: about }, position) =>
          this.#admit(entry, NOTHING, drafts[position]!, about),
      );
      const result = resultOf(records.map((record) => record.entry));
      return records.length === 0 ? Promise.resolve(result) : this.append(records, result);
    };
    if (this.#redacting === undefined && answers.every((answer) => !("then" in answer))) {
      return write(answers as readonly Redacted[]);
    }
    const length = checked.reduce((sum, entry) => sum + lengthOfEntry(entry), 0);
    const release = this.#parts.writer.hold(length);
    const before = this.#redacting;
    // In the order of the calls, and not waiting for one another's disk.
    const queued = Promise.all(answers).then(async (all) => {
      await before;
      return { written: write(all) };
    });
    void queued.then(release, release);
    const turn = queued.then(({ written }) => void written.catch(() => {}), () => before);
    this.#redacting = turn;
    void turn.then(() => {
      if (this.#redacting === turn) this.#redacting = undefined;
    });
    return queued.then(({ written }) => written);
  }
}

/** What an entry gets beside what it says: from whoever drafted it, and from the context that the application records in. */
function besideOf({ metadata, isComplete = false }: Draft): Beside {
  const context = isComplete ? undefined : presentContext();
  if (metadata === undefined) return context ?? NOTHING;
  return context === undefined
    ? { metadata }
    : { user: context.user, metadata: { ...context.metadata, ...metadata } };
}

const NOTHING: Beside = {};

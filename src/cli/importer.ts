import { AuditLog } from "../audit_log.ts";
import { AuditLogError } from "../errors.ts";
import { MOST_RECORD_BYTES } from "../options.ts";
import {
  BadLine,
  type ImportItem,
  type ImportRecord,
  isSame,
  ItemReader,
  reasonOf,
} from "./import_item.ts";
import type { SourceLine } from "./import_lines.ts";
import type { LogToWrite } from "./log_options.ts";

/** How an import meets lines that it cannot take. */
export interface ImporterOptions {
  /** Pass over lines that are in the log already. */
  readonly skipExisting: boolean;
  /**
   * Called with each line that cannot be imported, once those before it are in the log. Goes on if it
   * returns, and stops if it throws.
   */
  readonly onBadLine: (number: number, reason: string) => Promise<void>;
}

/** How much is written to the log at once: enough to share a sync, little to hold in memory. */
const BATCH_LINES = 256;
const BATCH_UNITS = 4 * 1024 * 1024;

interface Numbered {
  readonly number: number;
  readonly item: ImportItem;
}

/**
 * Writes lines into a log, in their order and in batches. A line that cannot be imported keeps no
 * other one out.
 */
export class Importer {
  readonly #log: LogToWrite;
  readonly #options: ImporterOptions;
  readonly #reader = new ItemReader();
  #batch: Numbered[] = [];
  #units = 0;
  #ids = new Set<string>();
  #imported = 0;
  #existing = 0;
  #bad = 0;

  /**
   * @param log Where the lines go.
   * @param options What to do about lines that cannot be imported.
   */
  constructor(log: LogToWrite, options: ImporterOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** How many lines are in the log now. */
  get imported(): number {
    return this.#imported;
  }

  /** How many were passed over because they were in the log before. */
  get existing(): number {
    return this.#existing;
  }

  /** How many could not be imported. */
  get bad(): number {
    return this.#bad;
  }

  /**
   * Takes one line. It is in the log at the latest after the next `flush()`.
   *
   * @throws {AuditLogError} When the log cannot be written to.
   */
  async add({ number, text, fault }: SourceLine): Promise<void> {
    if (text === undefined) return await this.#refuse(number, fault!);
    let item: ImportItem;
    try {
      item = this.#reader.read(text);
    } catch (error) {
      if (!(error instanceof BadLine)) throw error;
      return await this.#refuse(number, error.message);
    }
    if (item.kind === "record" && item.hasId && await this.#isPresent(number, item)) return;
    // A batch is of one kind, so that the order stays that of the lines.
    if (this.#batch.length > 0 && this.#batch[0]!.item.kind !== item.kind) await this.flush();
    this.#batch.push({ number, item });
    this.#units += text.length;
    if (item.kind === "record") this.#ids.add(item.record.entry.entryId);
    if (this.#batch.length >= BATCH_LINES || this.#units >= BATCH_UNITS) await this.flush();
  }

  /**
   * Writes what was taken.
   *
   * @throws {AuditLogError} When the log cannot be written to.
   */
  async flush(): Promise<void> {
    const groups = this.#batch.length === 0 ? [] : [this.#batch];
    this.#batch = [];
    this.#units = 0;
    this.#ids = new Set();
    for (let group; (group = groups.shift()) !== undefined;) {
      try {
        await this.#write(group.map(({ item }) => item));
        this.#imported += group.length;
      } catch (error) {
        if (!isAboutLines(error)) throw error;
        if (group.length === 1) await this.#refuse(group[0]!.number, reasonOf(error));
        else groups.unshift(...apart(group, error));
      }
    }
  }

  /** All or none. */
  async #write(items: readonly ImportItem[]): Promise<void> {
    // What any log refuses is found out before one is created.
    if (this.#log.opened === undefined) {
      await write(await AuditLog.open({ maxRecordBytes: MOST_RECORD_BYTES }), items);
    }
    await write(await this.#log.open(), items);
  }

  /** Whether a line is in the log already, and has thereby been dealt with. */
  async #isPresent(number: number, item: ImportRecord): Promise<boolean> {
    const { entryId } = item.record.entry;
    if (this.#ids.has(entryId)) await this.flush();
    const present = await this.#log.opened?.get(entryId);
    if (present === undefined) return false;
    const id = JSON.stringify(entryId);
    if (!isSame(item, present)) {
      await this.#refuse(number, `has the id ${id}, which another entry of the log has`);
    } else if (this.#options.skipExisting) {
      this.#existing++;
    } else {
      await this.#refuse(
        number,
        `is in the log already, as ${id}; --skip-existing skips such lines`,
      );
    }
    return true;
  }

  async #refuse(number: number, reason: string): Promise<void> {
    await this.flush();
    await this.#options.onBadLine(number, reason);
    this.#bad++;
  }
}

async function write(log: AuditLog, items: readonly ImportItem[]): Promise<void> {
  const entries = items.flatMap((item) => item.kind === "entry" ? [item.entry] : []);
  const records = items.flatMap((item) => item.kind === "record" ? [item.record.line] : []);
  if (entries.length > 0) await log.recordAll(entries);
  if (records.length > 0) await log.adopt(records);
}

/** Whether an error is about what was to be written, and not about the log. */
function isAboutLines(error: unknown): error is AuditLogError {
  return error instanceof AuditLogError &&
    ["INVALID_ENTRY", "ENTRY_TOO_LARGE", "DUPLICATE_ENTRY"].includes(error.code);
}

/** Parts of a group of which the line at fault is one; where the error does not name it, single lines. */
function apart(group: readonly Numbered[], { path = "" }: AuditLogError): Numbered[][] {
  const position = Number(/^\[(\d+)\]/.exec(path)?.[1]);
  if (Number.isNaN(position)) return group.map((line) => [line]);
  return [group.slice(0, position), [group[position]!], group.slice(position + 1)]
    .filter((part) => part.length > 0);
}

/**
 * Rows on their way to the thread that writes them: buffers that change owners, for what is copied on sending costs
 * several times as much.
 *
 * @module
 */
import type { LogRecord } from "../record.ts";
import type { RowBatch } from "../ports.ts";
import type { RowSource } from "./sqlite_schema.ts";

/** How many numbers a row has: instant, canonical, cost and latency, and the lengths of six texts in UTF-16. */
const NUMBERS = 10;

const UTF_8 = new TextEncoder();
const TO_TEXT = new TextDecoder("utf-8", { ignoreBOM: true });

/** Columns of records, but for their lines. */
export function packColumns(
  records: readonly LogRecord[],
): Pick<RowBatch, "texts" | "numbers"> {
  const numbers = new Float64Array(records.length * NUMBERS);
  let texts = "";
  let at = 0;
  for (const { entry, instantUs, canonical, event } of records) {
    const { entryId, timestamp, user, model, costUsd, latencyMs } = entry;
    texts += entryId + timestamp + user + model;
    if (event !== undefined) texts += event.name + (event.subject ?? "");
    numbers[at++] = instantUs;
    numbers[at++] = canonical ? 1 : 0;
    numbers[at++] = costUsd ?? NaN;
    numbers[at++] = latencyMs ?? NaN;
    numbers[at++] = entryId.length;
    numbers[at++] = timestamp.length;
    numbers[at++] = user.length;
    numbers[at++] = model.length;
    // No event has an empty name, nor an empty subject.
    numbers[at++] = event?.name.length ?? 0;
    numbers[at++] = event?.subject?.length ?? 0;
  }
  return { texts: UTF_8.encode(texts), numbers };
}

/** The rows of a batch, in their order. Their lines stay in the batch's buffer. */
export function rowsOf({ slab, bounds, texts, numbers }: Omit<RowBatch, "then">): RowSource[] {
  const text = TO_TEXT.decode(texts);
  const rows: RowSource[] = [];
  let read = 0;
  let at = 0;
  for (let row = 0; row < bounds.length - 1; row++) {
    const from = bounds[row]! + 1;
    const line = new Uint8Array(slab, from, bounds[row + 1]! - from);
    const instantUs = numbers[at]!;
    const canonical = numbers[at + 1] === 1;
    const costUsd = orNull(numbers[at + 2]!);
    const latencyMs = orNull(numbers[at + 3]!);
    const entryId = text.slice(read, read += numbers[at + 4]!);
    const timestamp = text.slice(read, read += numbers[at + 5]!);
    const user = text.slice(read, read += numbers[at + 6]!);
    const model = text.slice(read, read += numbers[at + 7]!);
    const name = text.slice(read, read += numbers[at + 8]!);
    const subject = text.slice(read, read += numbers[at + 9]!);
    at += NUMBERS;
    const event = name === "" ? undefined : { name, subject: subject === "" ? null : subject };
    const entry = { entryId, timestamp, user, model, costUsd, latencyMs };
    rows.push({ entry, instantUs, canonical, event, line });
  }
  return rows;
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

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

/**
 * The rows of a batch, in their order, made one at a time. Their lines are the bytes that were sent: a text made of each would be
 * turned into these bytes again, and be garbage.
 */
export function* rowsOf(
  { slab, bounds, texts, numbers }: Omit<RowBatch, "then">,
): Generator<RowSource> {
  const bytes = new Uint8Array(slab);
  const text = TO_TEXT.decode(texts);
  let read = 0;
  let at = 0;
  const nextNumber = (): number => numbers[at++]!;
  const nextText = (): string => text.slice(read, read += nextNumber());
  for (let row = 0; row < bounds.length - 1; row++) {
    const [instantUs, canonical] = [nextNumber(), nextNumber() === 1];
    const [costUsd, latencyMs] = [orNull(nextNumber()), orNull(nextNumber())];
    const [entryId, timestamp, user, model] = [nextText(), nextText(), nextText(), nextText()];
    const [name, subject] = [nextText(), nextText()];
    const event = name === "" ? undefined : { name, subject: subject === "" ? null : subject };
    const line = bytes.subarray(bounds[row]! + 1, bounds[row + 1]);
    const entry = { entryId, timestamp, user, model, costUsd, latencyMs };
    yield { entry, instantUs, canonical, event, line };
  }
}

function orNull(number: number): number | null {
  return Number.isNaN(number) ? null : number;
}

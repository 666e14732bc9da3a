/**
 * What tests of wrappers need: a log, a provider, and looking at what was recorded.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type AuditEntry, AuditLog, AuditLogError, type LogRecord } from "@audit-log/llm";
import type { TestContext } from "node:test";
import { ArrayStore } from "./array_store.ts";
import { allLines } from "./interaction.ts";
import { type Gate, type Provider, startProvider } from "./providers/server.ts";
import { atEnd } from "./temp.ts";

/** What no log may contain. */
export const API_KEY = "sk-test-0123456789abcdef";

/** A store whose disk is full at times. */
export class FullStore extends ArrayStore {
  full = false;
  /** What there is still room for. */
  fits: (record: LogRecord) => boolean = () => false;
  fault: AuditLogError = new AuditLogError("WRITE_FAILED", "Cannot append: the disk is full");
  /** How often it was asked in vain. */
  refused = 0;

  override append(records: readonly LogRecord[]): Promise<number> {
    if (!this.full || records.every(this.fits)) return super.append(records);
    this.refused++;
    return Promise.reject(this.fault);
  }
}

/** A provider, and a log that is looked at when the test ends: it verifies, and has no key in it. */
export async function capturing(
  t: TestContext,
): Promise<{ provider: Provider; log: AuditLog; store: FullStore }> {
  const provider = await startProvider(t);
  const store = new FullStore();
  const log = await AuditLog.open({ backend: store });
  atEnd(t, async () => {
    for (const line of await allLines(log)) assert(!line.includes(API_KEY), line);
    assertEquals((await log.verify()).faults, []);
    await log.close();
  });
  return { provider, log, store };
}

/** The one interaction of a log. */
export async function only(log: AuditLog): Promise<AuditEntry> {
  const entries = await log.query();
  assertEquals(entries.length, 1, JSON.stringify(entries));
  return entries[0]!;
}

/** What is said of entries' ends, with what came of them. */
export async function outcomes(log: AuditLog): Promise<[outcome: unknown, output: string][]> {
  return (await log.query()).map(({ metadata, outputText }) => [
    metadata["audit.outcome"],
    outputText,
  ]);
}

/** Some of an entry's metadata: the keys that have this prefix, without it. */
export function about(entry: AuditEntry, prefix: string): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(entry.metadata).filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), value]),
  );
}

/** Everything that a stream yields. */
export async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/**
 * What a stream yields until it ends or fails, where the server sends an event only once the one before it was read: whatever
 * the runtime puts together otherwise, or throws away when a connection breaks.
 *
 * @param ask Asks for the stream.
 * @param gate That of the reply.
 * @param ahead How many events come before the first item.
 */
export async function inStep<T>(
  ask: () => Promise<AsyncIterable<T>>,
  gate: Gate,
  ahead = 1,
): Promise<T[]> {
  for (let n = 0; n < ahead; n++) gate.release();
  const items: T[] = [];
  for await (const item of await ask()) {
    items.push(item);
    gate.release();
  }
  return items;
}

/** Headers that differ from call to call, whoever makes it. */
const CHANGING = ["host", "x-stainless-timeout", "idempotency-key", "traceparent"];

/** Makes sure that two requests are the same to the provider. */
export function assertSameRequest(
  [one, other]: readonly Provider["requests"][number][],
): void {
  const plain = ({ method, path, headers, body }: Provider["requests"][number]) => ({
    method,
    path,
    body,
    headers: Object.fromEntries(
      Object.entries(headers).filter(([key]) => !CHANGING.includes(key))
        // What separates the parts of a form is made anew for each.
        .map(([key, value]) => [key, value.replace(/; boundary=.*/, "")]),
    ),
  });
  assertEquals(plain(other!), plain(one!));
}

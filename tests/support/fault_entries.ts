/**
 * What is recorded while calls to the system fail: entries, calls and annotations, each told from others by a text in its
 * metadata.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { AuditEntry, CallResult, NewCall, NewEntry } from "@audit-log/llm";
import { interaction } from "./interaction.ts";

/** An entry that is told by its text from others, and from a part of itself. */
export function entryOf(text: string): NewEntry {
  return interaction({ inputText: text, outputText: `out ${text}`, metadata: { text } });
}

/** A call that is told by the text of its beginning. */
export function callOf(text: string): NewCall {
  return { model: "m", inputText: text, metadata: { text } };
}

/** The end of a call; its text takes the place of that of its beginning. */
export function outcomeOf(text: string): CallResult {
  return { outputText: `out ${text}`, metadata: { text } };
}

/** The text by which an entry is told from others. */
export function textOf({ metadata }: AuditEntry): string {
  return metadata["text"] as string;
}

/** What the entry of a text must be; among the others, by their ids, are those before it. */
export function expectedOf(
  entry: AuditEntry,
  others: ReadonlyMap<string, AuditEntry>,
): Partial<AuditEntry> {
  const text = textOf(entry);
  const { "audit.event": event, "audit.call": call, "audit.ref": ref } = entry.metadata;
  const audit = { "audit.event": event!, text };
  const nothing = { model: "m", inputText: "", outputText: "" };
  if (event === "call.begin") {
    const metadata = { ...audit, "audit.call": entry.entryId };
    return { ...nothing, inputText: text, metadata };
  }
  const of = others.get((ref ?? call) as string);
  if (event === "annotation") {
    const about = { "audit.ref": of!.entryId, "gen_ai.evaluation.name": "seen" };
    return { ...nothing, metadata: { ...audit, ...about } };
  }
  if (event === "call.end") {
    const about = { "audit.call": of!.entryId, "audit.outcome": "completed" };
    return {
      model: "m",
      inputText: textOf(of!),
      ...outcomeOf(text),
      metadata: { ...audit, ...about },
    };
  }
  return entryOf(text) as Partial<AuditEntry>;
}

export function isInteraction({ metadata }: AuditEntry): boolean {
  return [undefined, "call.end"].includes(metadata["audit.event"] as string | undefined);
}

/** The calls that begin in entries and do not end in them, by their ids. */
export function unfinishedIn(entries: readonly AuditEntry[]): string[] {
  const open = new Set<string>();
  for (const { entryId, metadata } of entries) {
    if (metadata["audit.event"] === "call.begin") open.add(entryId);
    if (metadata["audit.event"] !== "call.end") continue;
    assert(open.delete(metadata["audit.call"] as string), "a call ended twice");
  }
  return [...open];
}

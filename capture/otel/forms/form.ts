import type { JsonValue } from "../../../mod.ts";
import { jsonValue } from "../../shared/exact_json.ts";
import { type Loose, textOf } from "../../shared/loose.ts";
import type { Message, Part } from "../../shared/messages.ts";
import { plainJson } from "../../shared/plain_json.ts";
import type { SpanTold } from "../span.ts";

/** What was asked and answered. What is not told is absent. */
export interface SpanContent {
  readonly system?: readonly Part[] | undefined;
  readonly messages?: readonly Message[] | undefined;
  readonly tools?: readonly JsonValue[] | undefined;
  readonly output?: readonly Message[] | undefined;
}

/** One of the forms in which instrumentations tell of calls of models. */
export interface SpanForm {
  /** The attribute that says which operation a span is of, where it is one. */
  readonly operation?: string | undefined;
  /** What it tells under other names than the conventions have, under theirs. */
  facts(attributes: Loose): Loose;
  /** What it tells of what was asked and answered. */
  content(told: SpanTold, keepMedia: boolean): SpanContent | Promise<SpanContent>;
  /** Whether an attribute is told in those two, and need not be recorded as it is. */
  isRead(key: string, attributes: Loose): boolean;
}

/** Whether something is said. */
export function isTold<T>(list: readonly T[] | undefined): list is readonly T[] {
  return list !== undefined && list.length > 0;
}

/** An attribute's value where it is JSON in a text, as attributes of spans can hold no more; the value itself otherwise. */
export function parsedValue(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return plainJson(jsonValue(value));
  } catch {
    return value;
  }
}

/** A list as it is, or as JSON in a text; `undefined` for what is none. */
export function parsedList(value: unknown): readonly unknown[] | undefined {
  const list = parsedValue(value);
  return Array.isArray(list) ? list : undefined;
}

/** The facts that are known, without those that are not. */
export function knownFacts(facts: Loose): Loose {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

/**
 * What attributes tell of a list of objects, one attribute for each leaf: `gen_ai.prompt.0.role`.
 *
 * @param attributes All attributes.
 * @param prefix What those of the list begin with, without the dot.
 * @returns The list, in the order of its indices; empty if there is none.
 */
export function indexedList(attributes: Loose, prefix: string): unknown[] {
  const root: Branch = new Map();
  for (const [key, value] of Object.entries(attributes)) {
    if (!key.startsWith(`${prefix}.`)) continue;
    const path = key.slice(prefix.length + 1).split(".");
    if (INDEX.test(path[0]!) && path.length <= MOST_DEEP) grow(root, path, value);
  }
  return grown(root) as unknown[];
}

const INDEX = /^\d{1,9}$/;

/** Deeper than what any instrumentation has. */
const MOST_DEEP = 16;

type Branch = Map<string, unknown>;

function grow(root: Branch, path: readonly string[], value: unknown): void {
  let branch = root;
  for (const step of path.slice(0, -1)) {
    const next = branch.get(step);
    if (next instanceof Map) branch = next;
    else {
      const made: Branch = new Map();
      branch.set(step, made);
      branch = made;
    }
  }
  branch.set(path.at(-1)!, value);
}

function grown(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  const entries = [...value as Branch].map(([key, part]) => [key, grown(part)] as const);
  if (entries.every(([key]) => INDEX.test(key))) {
    return entries.sort(([a], [b]) => Number(a) - Number(b)).map(([, part]) => part);
  }
  return Object.fromEntries(entries);
}

/** A text, or what stands in its place as JSON. */
export function textIn(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return textOf(value) ?? JSON.stringify(plainJson(value));
}

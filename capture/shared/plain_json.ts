import type { JsonValue } from "../../mod.ts";
import { base64Of } from "./base64.ts";

/** Deeper than this, a value becomes a text: an entry may be nested 64 levels deep, and this is a part of one. */
const MAX_DEPTH = 48;

/**
 * A copy of a value of an SDK as plain JSON. What JSON cannot hold becomes a text rather than a refusal: a call that was made
 * shall be recorded. Functions, symbols and `undefined` are left out, as `JSON.stringify()` does. Bytes become a `data:` URL, of which
 * only the hash is recorded unless they are asked for.
 *
 * @param value Whatever an SDK was given, or gave.
 * @returns The copy, or `undefined` for what JSON leaves out.
 */
export function plainJson(value: unknown): JsonValue | undefined {
  return copied(value, [], "");
}

/** {@link plainJson} of an object's properties, those that are `undefined` left out. */
export function plainObject(value: object): Record<string, JsonValue> {
  const copy = plainJson(value);
  return typeof copy === "object" && copy !== null && !Array.isArray(copy)
    ? copy as Record<string, JsonValue>
    : {};
}

function copied(value: unknown, around: object[], key: string): JsonValue | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number":
      if (!Number.isFinite(value)) return String(value);
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? String(value) : value;
    case "bigint":
      return String(value);
    case "object":
      return value === null ? null : copiedObject(value, around, key);
    default:
      return undefined;
  }
}

function copiedObject(
  value: object,
  around: object[],
  key: string,
): JsonValue | undefined {
  if (around.includes(value)) return "[circular]";
  if (around.length >= MAX_DEPTH) return "[nested deeper]";
  around.push(value);
  try {
    if (value instanceof Uint8Array || value instanceof ArrayBuffer) {
      return `data:;base64,${base64Of(new Uint8Array(value))}`;
    }
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === "function") {
      const json: unknown = toJSON.call(value, key);
      if (json !== value) return copied(json, around, key);
    }
    if (Array.isArray(value)) {
      return value.map((item, index) => copied(item, around, String(index)) ?? null);
    }
    const copy: Record<string, JsonValue> = {};
    for (const name of Object.keys(value)) {
      const part: unknown = (value as Readonly<Record<string, unknown>>)[name];
      const json = name === "__proto__" ? undefined : copied(part, around, name);
      if (json !== undefined) copy[name] = json;
    }
    return copy;
  } catch {
    return "[unreadable]"; // an accessor or a toJSON() that throws
  } finally {
    around.pop();
  }
}

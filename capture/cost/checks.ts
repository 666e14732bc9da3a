/**
 * Refusing what is malformed.
 *
 * @module
 */

import { AuditLogError } from "../../mod.ts";
import type { Usage } from "../../mod.ts";
import { hintFor } from "../shared/known_names.ts";
import { isUsd } from "./usd.ts";

/** The error for an option. */
export function invalidOption(path: string, state: string): AuditLogError {
  const what = path === "" ? "the options" : path;
  return new AuditLogError("INVALID_OPTION", `Cannot count costs: ${what} ${state}`, { path });
}

/** The error for a call that is to be recorded. */
export function invalidCall(path: string, state: string): AuditLogError {
  const what = path === "" ? "it" : path;
  return new AuditLogError("INVALID_ENTRY", `Cannot record the call: ${what} ${state}`, { path });
}

type Refuse = (path: string, state: string) => AuditLogError;

/** Refuses what is no object, and names that are not known. */
export function checkNames(
  value: unknown,
  path: string,
  known: readonly string[],
  refuse: Refuse = invalidOption,
): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse(path, "must be an object");
  }
  for (const name of Reflect.ownKeys(value).map(String)) {
    if (known.includes(name)) continue;
    throw refuse(path === "" ? name : `${path}.${name}`, `is not known; ${hintFor(name, known)}`);
  }
}

const PARTS = [
  ["cacheReadTokens", "inputTokens"],
  ["cacheCreationTokens", "inputTokens"],
  ["reasoningTokens", "outputTokens"],
] as const;

const COUNTS = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheCreationTokens",
  "reasoningTokens",
] as const;

/** A frozen copy of a usage that makes sense. */
export function admitUsage(usage: Usage, path: string): Usage {
  checkNames(usage, path, COUNTS, invalidCall);
  const fault = usageFault(usage);
  if (fault !== undefined) {
    const [name, state] = fault;
    throw invalidCall(path === "" ? name : `${path}.${name}`, state);
  }
  return Object.freeze({ ...usage });
}

/** What is wrong with a usage, and with which part of it; or nothing. */
export function usageFault(usage: Usage): [name: string, state: string] | undefined {
  for (const name of COUNTS) {
    const count: unknown = usage[name];
    if (count === undefined || Number.isSafeInteger(count) && (count as number) >= 0) continue;
    return [name, "must be a number of tokens, an integer >= 0"];
  }
  for (const [part, whole] of PARTS) {
    if ((usage[part] ?? 0) > (usage[whole] ?? Infinity)) return [part, `exceeds ${whole}`];
  }
  const { cacheReadTokens = 0, cacheCreationTokens = 0, inputTokens = Infinity } = usage;
  if (cacheReadTokens + cacheCreationTokens > inputTokens) {
    return ["cacheCreationTokens", "exceeds inputTokens together with cacheReadTokens"];
  }
  return undefined;
}

/** Checks a number that may be missing. */
export function checkCallAmount(path: string, value: number | undefined | null): void {
  if (value === undefined || value === null || isUsd(value)) return;
  throw invalidCall(path, `must be a number >= 0`);
}

/** Refuses what cannot be the name of a scope. */
export function checkScope(name: unknown, path: string): asserts name is string {
  if (typeof name === "string" && name.split("/").every((part) => part !== "")) return;
  throw invalidOption(
    path,
    "must be a name, or several with a slash between each two, none of them empty",
  );
}

import { AuditLogError } from "./errors.ts";
import { hintFor } from "./known_fields.ts";
import { describe } from "./refusal.ts";
import { isCount } from "./transparency/tile.ts";
import type { CheckedVerifyOptions } from "./transparency/transparency.ts";

/** What {@link AuditLog.verify} verifies with. */
export interface VerifyOptions {
  /**
   * The log's verifier key, from a source that is trusted. After a change of the key, give both: earlier checkpoints were
   * signed with the earlier one.
   */
  readonly verifierKey?: string | readonly string[] | undefined;
  /** A checkpoint that was kept elsewhere, or several: signed notes, as `checkpoint()` returned them. */
  readonly checkpoint?: string | readonly string[] | undefined;
  /** Called now and then with how many entries were verified, and of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const NAMES = ["verifierKey", "checkpoint", "onProgress"];

/**
 * Checks the options of `AuditLog.verify()`.
 *
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 */
export function checkVerifyOptions(options: VerifyOptions): CheckedVerifyOptions {
  if (typeof options !== "object" || options === null) {
    throw invalid("", `the options are an object, not ${describe(options)}`);
  }
  for (const name of Reflect.ownKeys(options)) {
    if (NAMES.includes(String(name))) continue;
    throw invalid(String(name), `is not an option; ${hintFor(String(name), NAMES)}`);
  }
  const { onProgress = () => {} } = options;
  if (typeof onProgress !== "function") throw invalid("onProgress", "must be a function");
  return {
    verifierKeys: checkTexts("verifierKey", options.verifierKey),
    remembered: checkTexts("checkpoint", options.checkpoint),
    onProgress,
  };
}

/**
 * Checks the sizes given to `AuditLog.proveConsistency()`.
 *
 * @throws {AuditLogError} `INVALID_QUERY`.
 */
export function checkSizes(from: number, to: number | undefined): void {
  for (const [name, size] of Object.entries({ from, to: to === undefined ? 0 : to })) {
    if (typeof size === "number" && isCount(size)) continue;
    throw new AuditLogError(
      "INVALID_QUERY",
      `Cannot prove that the log has grown: ${name} must be a number of entries, an integer >= 0`,
      { path: name },
    );
  }
}

function checkTexts(name: string, value: unknown): readonly string[] {
  if (value === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (texts.every((text) => typeof text === "string")) return texts as readonly string[];
  throw invalid(name, "must be a string or an array of strings");
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot verify the log: ${path === "" ? "" : `${path} `}${state}`;
  return new AuditLogError("INVALID_OPTION", message, { path });
}

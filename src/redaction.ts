import { type AuditEntry, checkEntry, nameFault, type NewEntry } from "./entry.ts";
import { AuditLogError } from "./errors.ts";
import { inTime } from "./in_time.ts";
import type { JsonObject, JsonValue } from "./json.ts";
import type { RedactableEntry, Redactor } from "./redactor.ts";
import { isPromiseLike } from "./promise_like.ts";
import { describe } from "./refusal.ts";

/** A redactor, or its function alone. */
export type Redact = Redactor | Redactor["redact"];

/** What becomes of an entry whose redactor fails. */
export type OnRedactionFailure = "refuse" | "withhold";

/** What becomes of entries that a redactor does not redact as it should. */
export interface RedactionPolicy {
  readonly onFailure: OnRedactionFailure;
  /** How long a redactor may take before it counts as one that failed, milliseconds. */
  readonly timeoutMs: number;
}

/** In the place of a user that is withheld: an entry has one, which must not be empty as texts are. */
const WITHHELD_USER = "withheld";

/** An entry as it may be recorded. */
export interface Redacted {
  readonly entry: NewEntry;
  /** What `audit.redaction` says of it. */
  readonly redaction: JsonObject;
}

/** Has entries redacted before anything else is done with them. */
export class Redaction {
  readonly #redactor: Redactor;
  readonly #policy: RedactionPolicy;

  constructor(redact: Redact, policy: RedactionPolicy) {
    this.#redactor = typeof redact === "function"
      ? { name: nameFault(redact.name) === undefined ? redact.name : "redact", redact }
      : redact;
    this.#policy = policy;
  }

  /**
   * Has an entry redacted.
   *
   * @param entry An entry that was admitted; its ids are not looked at.
   * @param isVital Whether it is to be recorded even if that fails: without anything that the application said.
   * @returns It at once where the redactor gives its answer at once.
   * @throws {AuditLogError} `REDACTION_FAILED`.
   */
  redact(entry: AuditEntry, isVital = false): Redacted | Promise<Redacted> {
    const given = redactable(entry);
    const counts = new Map<string, number>();
    try {
      const answer = this.#redactor.redact(given, (kind, count = 1) => {
        if (nameFault(kind) !== undefined || !Number.isSafeInteger(count) || count < 1) {
          throw new TypeError("what was found has a kind, and a count that is an integer >= 1");
        }
        counts.set(kind, (counts.get(kind) ?? 0) + count);
      });
      if (!isPromiseLike(answer)) return this.#checked(answer, counts);
      const { timeoutMs } = this.#policy;
      const late = () => new Error(`the redactor gave no answer within ${timeoutMs} ms`);
      return inTime(answer, timeoutMs, late, false).then((entry) => this.#checked(entry, counts))
        .catch((error) => this.#failed(given, isVital, error));
    } catch (error) {
      return this.#failed(given, isVital, error);
    }
  }

  #checked(entry: RedactableEntry, counts: ReadonlyMap<string, number>): Redacted {
    if (typeof entry !== "object" || entry === null) {
      throw new TypeError(`the redactor must return an entry, not ${describe(entry)}`);
    }
    // What cannot be recorded is a failure of the redactor's; and what is recorded is what was checked.
    const checked = redactable(checkEntry(entry));
    const found = [...counts].sort(([a], [b]) => a < b ? -1 : 1);
    return { entry: checked, redaction: this.#about({ counts: Object.fromEntries(found) }) };
  }

  /** Nothing that a redactor should have seen goes on, neither into the log nor into an error. */
  #failed(entry: RedactableEntry, isVital: boolean, cause: unknown): Redacted {
    const isRefused = this.#policy.onFailure === "refuse";
    if (isRefused && !isVital) throw redactionFailed(this.#redactor.name, cause);
    const { model, costUsd, latencyMs, metadata } = entry;
    const kept = isRefused ? {} : {
      costUsd,
      latencyMs,
      // Counts tell how much, not what. Under names of the application's own, a number may be anybody's, and so may the name.
      metadata: Object.fromEntries(
        Object.entries(metadata).filter(([name, value]) =>
          CONVENTIONS.test(name) && typeof value === "number"
        ),
      ),
    };
    return {
      entry: { ...kept, model, user: WITHHELD_USER, inputText: "", outputText: "" },
      redaction: this.#about({ withheld: true }),
    };
  }

  #about(outcome: Record<string, JsonValue>): JsonObject {
    const { name, version } = this.#redactor;
    return { ...outcome, name, ...(version === undefined ? {} : { version }) };
  }
}

/** Names of OpenTelemetry's conventions, whose numbers are counts, limits and statuses. */
const CONVENTIONS = /^(?:gen_ai|http|server)\.[a-z_.]+$/;

function redactable(entry: AuditEntry): RedactableEntry {
  const { entryId: _, timestamp: __, ...fields } = entry;
  return Object.freeze(fields);
}

function redactionFailed(name: string, cause: unknown): AuditLogError {
  return new AuditLogError(
    "REDACTION_FAILED",
    `Cannot record: the redactor ${name} failed, and what it did not see is not to be recorded; ` +
      'mend it, or take onRedactionFailure: "withhold"',
    { cause },
  );
}

import { admitMetadata, type AuditEntry, nameFault, type NewEntry, NO_MODEL } from "../entry.ts";
import { ANNOTATION, EVENT_KEY, isSubject, REF_KEY } from "../entry_event.ts";
import { AuditLogError } from "../errors.ts";
import type { JsonObject, JsonValue } from "../json.ts";
import { checkFields } from "../known_fields.ts";
import type { Draft } from "../recorder.ts";

/**
 * An annotation for {@link AuditLog.annotate}: the result of an evaluation, or of a person's review.
 *
 * Only the name is required, as in the event `gen_ai.evaluation.result` of OpenTelemetry's GenAI conventions. That somebody
 * looked is a finding, too; and an evaluation that failed has neither score nor label, but `error.type` in its metadata.
 */
export interface NewAnnotation extends Pick<NewEntry, "user" | "metadata"> {
  /** What was evaluated: `relevance`, `toxicity`, `human-review`; 1 to 256 characters. */
  readonly name: string;
  /** The score, a finite number. */
  readonly score?: number | undefined;
  /** What the score means: `pass`, `relevant`. */
  readonly label?: string | undefined;
  /** Why. */
  readonly explanation?: string | undefined;
}

/** An annotation of an entry, as it is in the log. */
export interface Annotation {
  /** The annotation's own id. */
  readonly entryId: string;
  /** When it was made. */
  readonly timestamp: string;
  /** Who made it. */
  readonly user: string;
  /** What was evaluated. */
  readonly name: string;
  /** The score. */
  readonly score: number | undefined;
  /** What the score means. */
  readonly label: string | undefined;
  /** Why. */
  readonly explanation: string | undefined;
  /** All metadata, that of the evaluation included. */
  readonly metadata: JsonObject;
}

/** An entry with what was said about it, oldest first. */
export interface AnnotatedEntry extends AuditEntry {
  /** What was said about it. */
  readonly annotations: readonly Annotation[];
}

// The attributes of gen_ai.evaluation.result in OpenTelemetry's GenAI conventions.
const NAME = "gen_ai.evaluation.name";
const SCORE = "gen_ai.evaluation.score.value";
const LABEL = "gen_ai.evaluation.score.label";
const EXPLANATION = "gen_ai.evaluation.explanation";

const FIELDS = ["name", "score", "label", "explanation", "user", "metadata"];

/**
 * Copies an annotation.
 *
 * @returns What makes the entry that annotates another.
 * @throws {AuditLogError} `INVALID_ENTRY`, as what it returns does.
 */
export function checkedAnnotation(annotation: NewAnnotation): (of: AuditEntry) => Draft {
  checkFields(annotation, FIELDS, "a field of an annotation", invalid);
  const { name, score, label, explanation, user } = annotation;
  const metadata = annotation.metadata === undefined
    ? undefined
    : admitMetadata(annotation.metadata);
  if (typeof name !== "string" || name === "" || name.length > 256) {
    throw invalid("name", "must be a text of 1 to 256 characters");
  }
  if (score !== undefined && !Number.isFinite(score)) {
    throw invalid("score", "must be a finite number");
  }
  if (Number.isInteger(score) && !Number.isSafeInteger(score)) {
    throw invalid("score", "must not be an integer beyond 2^53 - 1");
  }
  for (const [field, text] of Object.entries({ label, explanation })) {
    if (text !== undefined && typeof text !== "string") throw invalid(field, "must be a text");
  }
  const judged: Record<string, JsonValue> = { [NAME]: name };
  if (score !== undefined) judged[SCORE] = score;
  if (label !== undefined) judged[LABEL] = label;
  if (explanation !== undefined) judged[EXPLANATION] = explanation;
  return ({ entryId, model }) => {
    if (!isSubject(entryId)) {
      throw invalid("entryId", "must have no control characters, and 1 to 1,024 characters");
    }
    return {
      // An adopted entry may have a name that new ones may not have.
      entry: {
        model: nameFault(model) === undefined ? model : NO_MODEL,
        inputText: "",
        outputText: "",
        user,
        metadata,
      },
      metadata: judged,
      audit: () => ({ [EVENT_KEY]: ANNOTATION, [REF_KEY]: entryId }),
    };
  };
}

/** The annotation that an entry is. */
export function annotationOf({ entryId, timestamp, user, metadata }: AuditEntry): Annotation {
  const text = (key: string): string | undefined => {
    const value = Object.hasOwn(metadata, key) ? metadata[key] : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const score = metadata[SCORE];
  return Object.freeze({
    entryId,
    timestamp,
    user,
    name: text(NAME) ?? "",
    score: typeof score === "number" ? score : undefined,
    label: text(LABEL),
    explanation: text(EXPLANATION),
    metadata,
  });
}

function invalid(path: string, state: string): AuditLogError {
  const message = `Cannot annotate the entry: ${path === "" ? "the annotation" : path} ${state}`;
  return new AuditLogError("INVALID_ENTRY", message, { path });
}

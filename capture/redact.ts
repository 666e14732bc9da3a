/**
 * Makes redactors of whole entries out of functions that redact a text.
 *
 * @example
 * ```ts
 * import { redactTexts } from "@audit-log/llm/redact";
 *
 * const withoutCards = redactTexts({
 *   name: "cards",
 *   version: "1",
 *   redact: (text) => {
 *     let cards = 0;
 *     const redacted = text.replaceAll(/\b\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}\b/g, () => {
 *       cards++;
 *       return "[CARD]";
 *     });
 *     return { text: redacted, counts: { CARD: cards } };
 *   },
 * });
 * console.log(withoutCards.name);
 * ```
 *
 * @module
 */

export {
  type RedactedText,
  type RedactText,
  redactTexts,
  type RedactTextsOptions,
} from "./redact/redact_texts.ts";
export type { RedactableEntry, Redactor } from "../mod.ts";

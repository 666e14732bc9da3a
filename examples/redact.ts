/**
 * Redaction before anything is written, by `@redactpii/node`.
 *
 * Keys of APIs, mail addresses, IBANs, numbers of cards, US social security numbers and telephone numbers are replaced by
 * what they are. Patterns find what has a form of its own; names and postal addresses have none and are not found.
 *
 * ```sh
 * npm install @redactpii/node
 * ```
 *
 * @module
 */

import { type Redactor, redactTexts } from "@audit-log/llm/redact";
import { Redactor as Patterns, type RedactorOptions } from "@redactpii/node";

type Rules = Pick<RedactorOptions, "rules" | "customRules">;

/**
 * What to look for, in this order: the package's own rules, and rules of ours. Its rule for names is left out, which takes
 * "Hello, how are you" for one, and so is its rule for mail addresses, which takes minutes for a megabyte of "a.a.a.".
 * Every repetition in ours has a bound, so that the time grows with the text and no faster.
 */
const RULES: [kind: string, rules: Rules][] = [
  ["API_KEY", {
    customRules: [
      /\b(?:sk|pk|rk)-[\w-]{20,250}/g,
      /\b(?:sk|pk|rk)_(?:live|test)_\w{20,250}/g,
      /\b(?:gh[oprsu]_\w{36,250}|github_pat_\w{22,250}|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|xox[abprs]-[\w-]{10,250})/g,
      /\beyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,1000}/g,
    ],
  }],
  ["EMAIL", {
    customRules: [
      /\b[\p{L}\p{N}._%+'-]{1,64}@(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}/gu,
    ],
  }],
  ["IBAN", { customRules: [/\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b/g] }],
  ["CREDIT_CARD", { rules: { CREDIT_CARD: true } }],
  ["SSN", { rules: { SSN: true } }],
  ["PHONE", { customRules: [/\+\d{1,3}(?:[ ().-]{0,2}\d){6,13}(?!\d)/g] }],
  ["PHONE", { rules: { PHONE: true } }],
];

const patterns = RULES.map(([kind, { rules = {}, customRules }]) => {
  const mark = `[${kind}]`;
  return { kind, mark, redactor: new Patterns({ rules, customRules, globalReplaceWith: mark }) };
});

/** What to give as the option `redact` of `AuditLog.open()`. */
export const piiRedactor: Redactor = redactTexts({
  name: "pii-patterns",
  version: "1", // a new one for each change of the rules, so that entries tell which they were redacted by
  redact(text) {
    const counts: Record<string, number> = {};
    for (const { kind, mark, redactor } of patterns) {
      const redacted = redactor.redact(text);
      counts[kind] = (counts[kind] ?? 0) + occurrences(redacted, mark) - occurrences(text, mark);
      text = redacted;
    }
    return { text, counts };
  },
});

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}

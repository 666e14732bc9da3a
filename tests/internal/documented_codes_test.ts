// docs/errors.md names every code of an error and of a warning once, and no other.

import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const text = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** The codes in the first column of a text's tables. */
const inTables = (text: string): string[] =>
  [...text.matchAll(/^[ *]*\| `([A-Z_]+)` +\|/gm)].map(([, code]) => code!);

/** The codes of a union of types. */
const inUnions = (text: string): string[] =>
  [...text.matchAll(/^ +\| "([A-Z_]+)"/gm)].map(([, code]) => code!);

const [errors, warnings] = text("docs/errors.md").split("## Warnings");

for (
  const [what, source, documented] of [
    ["error", "src/errors.ts", errors!],
    ["warning", "src/warning.ts", warnings!],
  ] as const
) {
  test(`docs/errors.md and its doc comment have each code of ${what === "error" ? "an error" : "a warning"} once`, () => {
    const codes = inUnions(text(source)).sort();
    assert(codes.length > 5, `${codes}`);
    assertEquals(inTables(documented).sort(), codes);
    assertEquals(inTables(text(source)).sort(), codes);
  });
}

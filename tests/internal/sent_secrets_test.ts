// Of an error that repeats what a request was sent with, that alone is left out.

import { assert, assertEquals } from "@std/assert";
import { test } from "node:test";
import { concealed } from "../../capture/shared/sent_secrets.ts";
import { errorMetadata } from "../../src/calls/error_metadata.ts";

const KEY = "acme1234acme";

/** Its accessors ask for what no other object has. */
class Refused extends Error {
  readonly #status = 401;
  override get name(): string {
    return `Refused${this.#status}`;
  }
  get status(): number {
    return this.#status;
  }
}

const ERRORS: readonly unknown[] = [
  new TypeError(`no ${KEY}`),
  new DOMException(`no ${KEY}`, "TimeoutError"),
  new Refused(`no ${KEY}`),
  Object.freeze(Object.assign(new Error(`no ${KEY}`), { status: 403 })),
  { message: `no ${KEY}`, type: "invalid_key" },
  `no ${KEY}`,
];

for (const error of ERRORS) {
  test(`all else of ${String(errorMetadata(error)["error.type"])} is told when a key is left out`, () => {
    const { "error.message": message, ...told } = errorMetadata(concealed(error, [KEY]));
    const { "error.message": _, ...known } = errorMetadata(error);
    assertEquals(message, "no [secret]");
    assertEquals(told, known);
  });
}

test("an error that repeats no key is given as it is", () => {
  for (const error of [...ERRORS, undefined, null, 1]) {
    assert(concealed(error, ["another1"]) === error);
  }
});

test("of a key that begins with another one, nothing is left", () => {
  const keys = [KEY, `${KEY}-more`];
  assertEquals(concealed(`${KEY} ${KEY}-more`, keys), "[secret] [secret]");
});

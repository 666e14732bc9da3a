/**
 * Where there are no files. Bundlers for browsers put this in the place of the other adapters, whose runtimes' modules they do not know: the npm
 * package says so in the member `browser` of its package.json.
 *
 * @module
 */
import { AuditLogError } from "../../src/errors.ts";
import type { Runtime } from "../../src/ports.ts";

/** There is none: to load this fails. */
export const runtime: Runtime = refuse();

function refuse(): never {
  throw new AuditLogError(
    "UNSUPPORTED_RUNTIME",
    "Cannot open the log: this runtime has no files, or the program was bundled for browsers; use the backend memory, " +
      "or give an adapter as the option runtime",
    { path: "runtime" },
  );
}

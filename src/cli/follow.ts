/**
 * Following a log: what is recorded, by whichever process, as it is recorded.
 *
 * @module
 */
import type { AuditLog } from "../audit_log.ts";
import { AuditLogError } from "../errors.ts";
import { CliError } from "./cli_error.ts";
import type { Host } from "./host.ts";
import { styleOf } from "./style.ts";

/** What is followed, and what becomes of it. */
export interface Following<T> {
  /** What is shown at first: the newest that match, in the order of the log. */
  readonly first: AsyncIterable<T>;
  /** What matches and comes after the entry with this id; from the start of the log where there is none. */
  readonly after: (id: string | undefined) => AsyncIterable<T>;
  /** The id of the entry that something is of. */
  readonly idOf: (one: T) => string;
  /** Prints some, at once, and resolves to how many they were. */
  readonly print: (some: AsyncIterable<T>) => Promise<number>;
}

/** How often the log is looked at, milliseconds: at once for whoever watches, and next to nothing for the processor. */
const LOOK_EVERY_MS = 250;

/**
 * Prints what a log has and gets, each entry once, until nobody reads it any more or the process is ended.
 *
 * @throws {CliError} When the log is no longer there, or has lost entries.
 */
export async function follow<T>(
  { runtime: { file }, stdout, stderr }: Host,
  log: AuditLog,
  path: string,
  { first, after, idOf, print }: Following<T>,
): Promise<never> {
  const opened = await file.stat(path);
  let some = first;
  let size = -1;
  for (;;) {
    // Asked before the last look: whoever writes to a log that was moved is refused, so that nothing comes after it.
    const found = await file.stat(path);
    const now = await log.count({ events: "all" });
    if (now < size) throw shortened(path);
    if (now > size) {
      const [newest] = await log.query({ events: "all", order: "desc", limit: 1 });
      let last: T | undefined;
      const shown = await print(each(some, (one) => last = one)).catch((error) => {
        throw isCursorLost(error) ? shortened(path) : error;
      });
      if (shown === 0 && size === -1 && stdout.isTerminal) {
        await stderr.write(styleOf(stderr).dim("Waiting for entries that match.") + "\n");
      }
      // Where nothing matched, nothing up to the newest did, and none of that need be read again. It was asked for first.
      const id = last === undefined ? newest?.entryId : idOf(last);
      some = after(id);
      size = now;
    }
    if (found?.identity !== opened?.identity) {
      const state = found === undefined ? "deleted or moved" : "replaced";
      throw new CliError(`Cannot follow ${path} any longer: the file was ${state}`);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function* each<T>(some: AsyncIterable<T>, tell: (one: T) => void): AsyncGenerator<T> {
  for await (const one of some) {
    tell(one);
    yield one;
  }
}

function isCursorLost(error: unknown): boolean {
  return error instanceof AuditLogError && error.code === "CURSOR_NOT_FOUND";
}

function shortened(path: string): CliError {
  return new CliError(
    `Cannot follow ${path} any longer: entries that it had are gone; the file was cut, or another was written over it`,
  );
}

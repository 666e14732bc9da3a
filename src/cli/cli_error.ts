/** What keeps the command from doing what it was asked to. The message is for people. */
export class CliError extends Error {
  /** `"CliError"`. */
  override readonly name = "CliError";
}

/** The error for an id that no entry has; half of one finds nothing. */
export function noEntry(action: string, entryId: string): CliError {
  return new CliError(
    `Cannot ${action} the entry: no entry of the log has the id ${JSON.stringify(entryId)}; ` +
      "it is given whole, as audit-log query --events all --json tells it",
  );
}

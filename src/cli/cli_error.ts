/** What keeps the command from doing what it was asked to. The message is for people. */
export class CliError extends Error {
  /** `"CliError"`. */
  override readonly name = "CliError";
}

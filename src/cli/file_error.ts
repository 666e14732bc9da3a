import { CliError } from "./cli_error.ts";

const STATES: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "it is a folder",
  EACCES: "the operating system denies access",
  EPERM: "the operating system denies access",
};

/**
 * The error for what the operating system says of a file.
 *
 * @param action What cannot be done: `read audit.key`.
 * @param states What codes mean here, where that is something else.
 */
export function fileError(
  action: string,
  error: unknown,
  states: Readonly<Record<string, string>> = {},
): CliError {
  const { code = "", message } = error as { code?: string; message?: string };
  const state = states[code] ?? STATES[code] ?? message ?? String(error);
  return new CliError(`Cannot ${action}: ${state}`, { cause: error });
}

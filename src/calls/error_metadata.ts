import type { JsonValue } from "../json.ts";
import { withoutSecrets } from "../secrets.ts";

/** How deep the causes of an error are looked at; one may be its own. */
const MOST_CAUSES = 4;

/**
 * What is recorded of an error that ended a call: `error.type`, its message without what looks like a secret, and the
 * status of the response if it has one.
 */
export function errorMetadata(error: unknown): Record<string, JsonValue> {
  const metadata: Record<string, JsonValue> = { "error.type": errorType(error) };
  const message = textOf(error, "message") ?? (typeof error === "string" ? error : undefined);
  if (message !== undefined && message !== "") {
    metadata["error.message"] = withoutSecrets(withCode(message, error));
  }
  const status = valueOf(error, "status") ?? valueOf(error, "statusCode");
  if (Number.isSafeInteger(status)) metadata["http.response.status_code"] = status as number;
  return metadata;
}

/** The name of an error's class, as OpenTelemetry has it, or what an object without one says that it is; `_OTHER` for what has neither. */
function errorType(error: unknown): string {
  const constructor = valueOf(error, "constructor");
  const own = typeof constructor === "function" ? constructor.name : undefined;
  const name = textOf(error, "name");
  // A class that forgot to name its errors calls them Error.
  const named = name === undefined || name === "Error" ? own ?? name : name;
  const type = name === undefined && own === "Object" ? toldType(error) : named;
  return type === undefined || type === "" || !/^[\w.$-]{1,128}$/.test(type) ? "_OTHER" : type;
}

/** What an error says that it is, as providers tell of theirs; that it is an error is known. */
function toldType(error: unknown): string | undefined {
  const type = textOf(error, "type");
  return type === undefined || type === "error" ? textOf(error, "code") ?? type : type;
}

/** With the system's code of what caused the error: Node says of whatever kept a request from its server `fetch failed`. */
function withCode(message: string, error: unknown): string {
  let cause = valueOf(error, "cause");
  for (let depth = 0; depth < MOST_CAUSES && cause !== undefined; depth++) {
    const code = textOf(cause, "code");
    if (code !== undefined && /^[A-Z][A-Z0-9_]{1,63}$/.test(code)) {
      return message.includes(code) ? message : `${message} (${code})`;
    }
    cause = valueOf(cause, "cause");
  }
  return message;
}

function textOf(value: unknown, key: string): string | undefined {
  const text = valueOf(value, key);
  return typeof text === "string" ? text : undefined;
}

/** A property of whatever was thrown, which may be anything. */
function valueOf(value: unknown, key: string): unknown {
  try {
    return typeof value === "object" && value !== null
      ? (value as Record<string, unknown>)[key]
      : undefined;
  } catch {
    return undefined;
  }
}

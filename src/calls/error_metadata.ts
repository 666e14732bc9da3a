import type { JsonValue } from "../json.ts";

/** How much of a message is kept, in characters. */
const MOST = 1000;
/** How much behind it is looked at, for secrets that begin within. */
const LONGEST_SECRET = 4096;

/** How deep the causes of an error are looked at; one may be its own. */
const MOST_CAUSES = 4;

/** What a name before it says to be a secret, whatever it looks like; quotes may be escaped. */
const NAMED_SECRET = new RegExp(
  "(?:\\b|_|access|auth|client|refresh|session)" +
    "(?:authorization|passphrase|passw(?:or)?d|pwd|secret(?:[-_ ]?key)?|token)" +
    String.raw`\\*["']?\s*[:=]\s*\\*["']?(?:(?:bearer|basic|token)\s+)?[^\s"',;]{4,}`,
  "gi",
);

/** What looks like a key, a token or a password: messages of providers repeat them. */
const SECRETS: readonly RegExp[] = [
  // Behind a URL's question mark may be a key, whatever its name.
  /(?<=\b(?:https?|wss?):\/\/[^\s?"'<>]+\?)[^\s"'<>]+/gi,
  // No words, as in `Basic information` and `api_connection_error`.
  /\b(?:bearer|basic)\s+(?=[\w.~+/-]*[\d=]|[\w.~+/=-]{24})[\w.~+/=-]{8,}/gi,
  /\b(?:key|api)[-_](?=[\w*.-]*[\d*]|[\w*.-]{32})[\w*.-]{8,}/gi,
  /\b(?:sk|pk|rk|xai|gsk|glpat|nvapi|pplx|r8)[-_][\w*.-]{8,}/gi,
  /\b(?:hf|gh[opsu]|github_pat|xox[a-z])[-_][\w-]{16,}/gi,
  /\b(?:AIza|(?:ya29|AQ)\.)[\w.-]{19,}[\w-]/g,
  /\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g,
  /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g,
  NAMED_SECRET,
  /\bapi[-_ ]?key\b[^:=\n]{0,20}[:=]\s*["']?[^\s"',;]{4,}/gi,
  /\b(?:set-)?cookie["']?\s*[:=]\s*["']?[^"'<>\r\n]{4,}/gi,
  /(?<=:\/\/)[^\s/?#"'<>]+(?=@)/g,
];

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

/** An error's message, without what looks like a secret, and not longer than anybody reads. */
export function withoutSecrets(message: string): string {
  // Looked through before it is cut: of half a secret, nothing tells that it is one.
  const begin = message.slice(0, MOST + LONGEST_SECRET);
  const text = SECRETS.reduce((text, secret) => text.replace(secret, "[secret]"), begin);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
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

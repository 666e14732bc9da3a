/** How much of a message is kept, in characters. */
const MOST = 1000;
/** How much behind it is looked at, for secrets that begin within. */
const LONGEST_SECRET = 4096;

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

/** An error's message, without what looks like a secret, and not longer than anybody reads. */
export function withoutSecrets(message: string): string {
  // Looked through before it is cut: of half a secret, nothing tells that it is one.
  const begin = message.slice(0, MOST + LONGEST_SECRET);
  const text = SECRETS.reduce((text, secret) => text.replace(secret, "[secret]"), begin);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}

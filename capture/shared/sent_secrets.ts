/** Headers in which providers, and gateways before them, are sent what lets somebody in. */
const HEADERS: readonly string[] = [
  "authorization",
  "proxy-authorization",
  "x-api-key",
  "api-key",
  "x-goog-api-key",
  "ocp-apim-subscription-key",
];
/** Members of a URL's query that say the same. */
const IN_QUERY: readonly string[] = ["key", "api_key", "api-key", "subscription-key"];
/** What is shorter is more likely a word of the message than the key. */
const SHORTEST = 8;

/**
 * What a request lets somebody in with, by where it stands: such a text may have any form.
 *
 * @param url Where the request goes.
 * @param header Gives one of its headers.
 */
export function sentSecrets(
  url: URL,
  header: (name: string) => string | null,
): readonly string[] {
  const sent = [
    ...HEADERS.map((name) => header(name)?.trim().split(/\s+/).at(-1)), // without the scheme before it
    ...(url.search === "" ? [] : IN_QUERY.map((name) => url.searchParams.get(name))),
  ];
  return sent.filter((text) => typeof text === "string" && text.length >= SHORTEST) as string[];
}

/** An error without some texts in its message, in all else like the one that is given; that one itself where it has none of them. */
export function concealed(error: unknown, secrets: readonly string[]): unknown {
  const message = messageOf(error);
  if (message === undefined) return error;
  // The longest first: of one that begins with another, the rest would stay.
  const kept = secrets.toSorted((one, other) => other.length - one.length)
    .reduce((text, secret) => text.replaceAll(secret, "[secret]"), message);
  if (kept === message) return error;
  if (typeof error === "string") return kept;
  // Its accessors may ask for the error itself, as those of a DOMException do.
  return new Proxy({}, {
    get: (_, name) => name === "message" ? kept : Reflect.get(error as object, name),
  });
}

function messageOf(error: unknown): string | undefined {
  try {
    const message: unknown = typeof error === "string" ? error : Object(error).message;
    return typeof message === "string" ? message : undefined;
  } catch {
    return undefined; // it cannot be read, and so is not recorded
  }
}

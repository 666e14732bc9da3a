import { type AuditLog, AuditLogError } from "../../mod.ts";
import { auditFetch, type AuditFetchOptions, type Fetch } from "../fetch/audit_fetch.ts";
import { checkCaptureOptions } from "./capture_options.ts";

/** A request as a client's middleware sees it. */
type PassingRequest = RequestInit & { readonly url: string };
type Middleware = (
  request: PassingRequest,
  next: (request: PassingRequest) => Promise<Response>,
) => Promise<Response>;

/** What the clients of OpenAI and Anthropic have in common; some of it their types do not tell. */
interface Beneath {
  fetch?: Fetch;
  /** What turns requests into those of another platform, and its answers back. */
  backendMiddleware?: () => readonly unknown[];
  /** What it was made with; what is not said there has a default. */
  _options?: Readonly<Record<string, unknown>>;
  /** `gen_ai.provider.name`, where the client is one for a certain platform. */
  _genAIProviderName?: unknown;
  withOptions(options: object): Beneath;
}

/**
 * A client that records its calls: one with the same options and another `fetch`. So whatever way of calling it has, each request
 * that leaves it is recorded, once, and nothing that a caller can see is another's. A client that speaks as another platform
 * does is recorded before its requests are turned into that platform's.
 *
 * @param client The client; it stays as it is.
 * @param log Where to record.
 * @param options As {@link auditFetch} has them, without `fetch`: the client has its own.
 * @param own The names of those that not every wrapper has.
 * @throws {AuditLogError} `INVALID_OPTION` when it is no such client, or for an option that is none.
 */
export function auditedClient<Client extends object>(
  client: Client,
  log: AuditLog,
  options: Omit<AuditFetchOptions, "fetch">,
  own: readonly (keyof AuditFetchOptions)[],
): Client {
  const { fetch, withOptions } = Object(client) as Partial<Beneath>;
  if (typeof withOptions !== "function") {
    throw new AuditLogError(
      "INVALID_OPTION",
      "Cannot capture calls: client must be one of the SDK, such as new OpenAI() or new Anthropic(); it has no " +
        "function withOptions",
      { path: "client" },
    );
  }
  checkCaptureOptions(options, own);
  const provider = options.provider ?? platformOf(client);
  const recording = (beneath: Fetch | undefined): Fetch =>
    auditFetch(log, { ...options, provider, fetch: beneath });
  const isTurned = turns(client);
  // Made in either case: it is what checks the values of the options.
  const recorded = recording(fetch);
  onTop.add(recorded);
  const given = isTurned ? fetch : recorded;
  const derived = fetchingBy(given, withOptions.call(client, { fetch: given }));
  likeOriginal(derived, client);
  return recordingClient(derived, { recording, isTurned }) as object as Client;
}

/**
 * Has a derived client fetch as it was told to: its class may have a constructor that hands no options on, or makes another `fetch` of
 * that. One that records already has seen to it.
 */
function fetchingBy(fetch: Fetch | undefined, client: Beneath): Beneath {
  if (fetch !== undefined && !Object.hasOwn(client, "withOptions")) client.fetch = fetch;
  return client;
}

/** What a derived client has of its own. */
const OWN: readonly PropertyKey[] = ["fetch", "_options", "withOptions", "backendMiddleware"];

/**
 * Has a derived client be as the original: with what was set on that since it was made, and with what its class has besides. For said
 * it takes only what was said of the original: `withOptions()` says all anew, defaults too; and Anthropic's client asks for a stream where
 * an answer may take long, unless a timeout was said.
 */
function likeOriginal(derived: Beneath, original: Partial<Beneath>): void {
  for (const name of Reflect.ownKeys(original)) {
    const property = Object.getOwnPropertyDescriptor(original, name)!;
    // Those through which it is asked lead back to their client.
    const isResource = Object(property.value)._client !== undefined;
    if (!OWN.includes(name) && !isResource) {
      Object.defineProperty(derived, name, { ...property, configurable: true });
    }
  }
  const { _options: said } = original;
  if (said === undefined || derived._options === undefined) return;
  derived._options = { ...said, fetch: derived.fetch };
}

/** What was made on top of a client's own `fetch`, which may be one that records already: it is not to record twice. */
const onTop = new WeakSet<Fetch>();

/** What clients derived from one another have in common. */
interface Auditing {
  /** Makes a `fetch` that records. */
  readonly recording: (beneath: Fetch | undefined) => Fetch;
  readonly isTurned: boolean;
}

/** Whether a client turns its requests into those of another platform. */
function turns(client: Partial<Beneath>): boolean {
  const { backendMiddleware } = client;
  return typeof backendMiddleware === "function" && backendMiddleware.call(client).length > 0;
}

/** The platform that a client is for; that of the format is no more than the host tells. */
function platformOf({ _genAIProviderName: name }: Partial<Beneath>): string | undefined {
  return typeof name === "string" && name !== "" && name !== "anthropic" ? name : undefined;
}

/** Has a client, and those derived from it, record. */
function recordingClient(client: Beneath, auditing: Auditing): Beneath {
  const { recording, isTurned } = auditing;
  const { backendMiddleware, withOptions } = client;
  if (isTurned && typeof backendMiddleware === "function") {
    const record: Middleware = ({ url, ...init }, next) =>
      recording((input, init) => next({ ...init, url: String(input) }))(url, init);
    define(client, "backendMiddleware", () => [record, ...backendMiddleware.call(client)]);
  }
  define(client, "withOptions", (options: { fetch?: Fetch }) => {
    // Another fetch is recorded like the one before.
    const { fetch } = options;
    const isRecorded = !Object.hasOwn(options, "fetch") ||
      (typeof fetch === "function" && onTop.has(fetch));
    const given = isTurned || isRecorded
      ? options
      : { ...options, fetch: recording(fetch ?? undefined) };
    const beneath = isTurned ? undefined : given.fetch ?? client.fetch;
    return recordingClient(fetchingBy(beneath, withOptions.call(client, given)), auditing);
  });
  return client;
}

function define(client: Beneath, name: string, value: unknown): void {
  Object.defineProperty(client, name, { value, configurable: true, writable: true });
}

import type { AuditLog } from "../../mod.ts";
import { AuditLogError } from "../../mod.ts";
import { type AsyncStorage, asyncStorage } from "../../adapters/async_storage.ts";
import { auditFetch, type AuditFetchOptions, type Fetch } from "../fetch/audit_fetch.ts";

/** What the clients of OpenAI and Anthropic have in common, as far as it is used here. */
export interface StainlessClient {
  /** A client with other options. */
  withOptions(options: { fetch: Fetch }): StainlessClient;
}

/** What such a client has beneath, which its types do not tell. */
interface Beneath {
  fetch?: Fetch;
  makeRequest?: (...given: unknown[]) => Promise<unknown>;
  retryRequest?: (...given: unknown[]) => Promise<unknown>;
  withOptions(options: object): Beneath;
}

/**
 * A client that records its calls: one with the same options and another `fetch`. So whatever way of calling it has, each request
 * that leaves it is recorded, once, and nothing that a caller can see is another's.
 *
 * @param client The client; it stays as it is.
 * @param log Where to record.
 * @param options As {@link auditFetch} has them.
 * @throws {AuditLogError} `INVALID_OPTION` when it is no such client.
 */
export function auditedClient<Client extends object>(
  client: Client,
  log: AuditLog,
  options: AuditFetchOptions,
): Client {
  const { fetch, withOptions } = client as Partial<Beneath>;
  if (typeof withOptions !== "function") {
    throw new AuditLogError(
      "INVALID_OPTION",
      "Cannot capture calls: client must be one of the SDK, such as new OpenAI() or new Anthropic(); it has no " +
        "function withOptions",
      { path: "client" },
    );
  }
  const refusals = asyncStorage<Refusal>();
  const audited = auditFetch(log, { ...options, fetch: options.fetch ?? fetch });
  const refusing: Fetch = async (input, init) => {
    try {
      return await audited(input, init);
    } catch (error) {
      const refusal = refusals.getStore();
      if (refusal !== undefined && error instanceof AuditLogError) refusal.error = error;
      throw error;
    }
  };
  const derived = withOptions.call(client, { fetch: refusing });
  return toldOfRefusals(derived, refusals) as object as Client;
}

/** What keeps a request from being made. */
interface Refusal {
  error?: AuditLogError;
}

/**
 * What `fetch` rejects with, these clients take for a broken connection: they try again, and throw an error of their own. A call
 * that cannot be recorded shall not be tried again, and the caller shall see why. Where a client is made otherwise, its own error
 * has it as its `cause`.
 */
function toldOfRefusals(client: Beneath, refusals: AsyncStorage<Refusal>): Beneath {
  const { makeRequest, retryRequest, withOptions } = client;
  if (typeof makeRequest === "function") {
    define(client, "makeRequest", (...given: unknown[]) => {
      const refusal = refusals.getStore() ?? {};
      return refusals.run(refusal, async () => {
        try {
          return await makeRequest.apply(client, given);
        } catch (error) {
          throw refusal.error ?? error;
        }
      });
    });
  }
  if (typeof retryRequest === "function") {
    define(client, "retryRequest", (...given: unknown[]) => {
      const { error } = refusals.getStore() ?? {};
      return error === undefined ? retryRequest.apply(client, given) : Promise.reject(error);
    });
  }
  define(
    client,
    "withOptions",
    (options: object) => toldOfRefusals(withOptions.call(client, options), refusals),
  );
  return client;
}

function define(client: Beneath, name: string, value: unknown): void {
  Object.defineProperty(client, name, { value, configurable: true, writable: true });
}

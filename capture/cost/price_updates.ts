import {
  type ProviderDataValue,
  REMOTE_DATA_JSON_URL,
  type StorageFactoryParams,
  updatePrices,
  waitForUpdate,
} from "@pydantic/genai-prices";
import { tellFreely } from "../shared/promises.ts";
import { checkNames, invalidOption } from "./checks.ts";

/** Fetching newer prices, see {@link GenaiPricesOptions.updates}. */
export interface PriceUpdates {
  /**
   * How old prices may get before a call has them fetched again, milliseconds, >= 1. Default 86,400,000, a day. No timer
   * runs, and no call waits: it is calculated with the prices that are there. What could not be fetched is fetched again by the
   * first call ten minutes later, if that is sooner.
   */
  readonly everyMs?: number | undefined;
  /** Where they are. Default: the package's own address, on GitHub. */
  readonly url?: string | URL | undefined;
  /** Told of prices that could not be fetched or used; those before stay. Default: nobody. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

const DAY_MS = 86_400_000;
/** How long those before stay at least when newer ones could not be had. */
const RETRY_MS = 600_000;
/** How long a fetch may take. */
const PATIENCE_MS = 30_000;

/**
 * Fetches prices now, and again whenever they are old. The package has one set of prices for the whole process, and so one
 * way to update them: the last that was started.
 *
 * @throws {AuditLogError} `INVALID_OPTION`, its `path` the option at fault.
 */
export function startUpdates(updates: PriceUpdates): void {
  checkNames(updates, "updates", ["everyMs", "url", "onError"]);
  const { everyMs = DAY_MS, url = REMOTE_DATA_JSON_URL, onError } = updates;
  if (!(typeof everyMs === "number" && everyMs >= 1)) {
    throw invalidOption("updates.everyMs", "must be a number of milliseconds, at least 1");
  }
  if (!URL.canParse(url)) throw invalidOption("updates.url", "must be an address");
  if (onError !== undefined && typeof onError !== "function") {
    throw invalidOption("updates.onError", "must be a function");
  }
  const address = new URL(url);

  updatePrices(({ onCalc, setProviderData }: StorageFactoryParams) => {
    let fetchedAt = -Infinity;
    const failed = (error: unknown): void => {
      fetchedAt = Math.min(fetchedAt, performance.now() - everyMs + RETRY_MS);
      tellFreely(() => onError?.(error));
    };
    const fetchIfOld = () => {
      if (performance.now() - fetchedAt < everyMs) return;
      fetchedAt = performance.now();
      setProviderData(
        fetchPrices(address).catch((error: unknown) => {
          failed(error);
          return null; // the prices before stay
        }),
      );
      // Refused by the package: no prices of its format.
      waitForUpdate().catch(failed);
    };
    onCalc(fetchIfOld);
    fetchIfOld();
  });
}

async function fetchPrices(address: URL): Promise<ProviderDataValue> {
  const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`the prices' server answered ${response.status}`);
  }
  return await response.json(); // the package checks what it is given
}

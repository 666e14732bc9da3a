/**
 * Functions to be given to clients as their `fetch`.
 *
 * @module
 */

import type { Fetch } from "@audit-log/llm/fetch";

/** A fetch that keeps what it was given. */
export function toldTo(beneath: Fetch): { readonly fetch: Fetch; readonly told: unknown[] } {
  const told: unknown[] = [];
  const fetch: Fetch = (input, init) => {
    told.push([input, init]);
    return beneath(input, init);
  };
  return { fetch, told };
}

/** A fetch that nobody answers, until its signal ends it. */
export function deafFetch(_input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
  return new Promise((_resolve, reject) => {
    const signal = init!.signal!;
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason));
  });
}

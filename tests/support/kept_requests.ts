/**
 * Requests that follow the signal that they were made with. Node's do so only until garbage is collected, unless somebody holds them, and
 * their copies only until then in any case; `@google/genai` makes a request and a copy for each interaction, and holds neither.
 *
 * @module
 */

import type { TestContext } from "node:test";
import { runtimeName } from "./runtime.ts";
import { atEnd } from "./temp.ts";

/** What has taken the place of the runtime's own. */
const keeping = new WeakSet<typeof Request>();

/** Has all requests that are made from now on follow their signals until the test ends. */
export function keepRequests(t: TestContext): void {
  const { Request } = globalThis;
  if (runtimeName !== "node" || keeping.has(Request)) return;
  const made: Request[] = [];
  const keep = (request: Request): Request => {
    made.push(request);
    const { signal } = request;
    const clone = () => keep(new Request(Request.prototype.clone.call(request), { signal }));
    return Object.defineProperty(request, "clone", { value: clone });
  };
  globalThis.Request = new Proxy(Request, {
    construct: (Made, args: ConstructorParameters<typeof Request>) => keep(new Made(...args)),
  });
  keeping.add(globalThis.Request);
  atEnd(t, () => {
    globalThis.Request = Request;
    made.length = 0;
  });
}

/**
 * A server whose answers a test writes itself, byte for byte: for what no provider is meant to send.
 *
 * @module
 */

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { atEnd } from "./temp.ts";

/** Serves for the time of a test; gives the server's URL. */
export async function serving(
  t: TestContext,
  answer: (response: ServerResponse, body: Record<string, unknown>) => void,
): Promise<string> {
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part) => text += part);
    request.on("end", () => answer(response, text === "" ? {} : JSON.parse(text)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/**
 * What the files of every runtime do: `src/ports.ts` in code. An adapter proves itself by calling
 * {@link fileAdapterConformance}.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { FileAdapter, FileMode, OpenFile } from "@audit-log/llm";
import type { TestContext } from "node:test";
import { atEnd } from "../support/temp.ts";
import { fileAppending } from "./file_adapter_appending.ts";
import { fileErrors } from "./file_adapter_errors.ts";
import { filePaths } from "./file_adapter_paths.ts";
import { fileReading } from "./file_adapter_reading.ts";

/** Registers the tests of what all file adapters share, with and without promises where an adapter has both. */
export function fileAdapterConformance(name: string, adapter: FileAdapter): void {
  registerAll(name, adapter);
  if (adapter.statAtOnce !== undefined) registerAll(`${name}, at once`, atOnce(adapter));
}

function registerAll(name: string, adapter: FileAdapter): void {
  filePaths(name, adapter);
  fileAppending(name, adapter);
  fileReading(name, adapter);
  fileErrors(name, adapter);
}

/** The adapter, but whatever it can do at once is done so. */
function atOnce(adapter: FileAdapter): FileAdapter {
  return {
    ...adapter,
    // deno-lint-ignore require-await -- so that what is thrown is told as the interface has it
    stat: async (path) => adapter.statAtOnce!(path),
    async open(path, mode) {
      const file = await adapter.open(path, mode);
      const { atOnce } = file;
      assert(
        atOnce !== undefined,
        "what an adapter can tell of a path at once, it can do with a file",
      );
      return {
        // deno-lint-ignore require-await -- as above
        stat: async () => atOnce.stat(),
        read: async (buffer, position) =>
          atOnce.read === undefined
            ? await file.read(buffer, position)
            : atOnce.read(buffer, position),
        // deno-lint-ignore require-await -- as above
        append: async (bytes) => atOnce.append(bytes),
        // deno-lint-ignore require-await -- as above
        sync: async () => atOnce.sync(),
        close: () => file.close(),
      };
    },
  };
}

/** Opens a file; it is closed when the test ends. */
export async function openFile(
  t: TestContext,
  adapter: FileAdapter,
  path: string,
  mode: FileMode,
): Promise<OpenFile> {
  const file = await adapter.open(path, mode);
  atEnd(t, () => file.close());
  return file;
}

/** Appends all of the bytes, however many are taken at a time. */
export async function appendAll(file: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.append(bytes.subarray(done));
}

/** Asserts that it rejects with this POSIX name as its code. */
export async function assertPosix(
  code: string,
  action: () => Promise<unknown>,
  what?: string,
): Promise<void> {
  const error = await assertRejects(action, what);
  assertEquals((error as { code?: unknown }).code, code, what);
}

/**
 * What the files of every runtime do: `src/ports.ts` in code. An adapter proves itself by calling
 * {@link fileAdapterConformance}.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import type { FileAdapter, FileMode, OpenFile } from "@audit-log/llm";
import type { TestContext } from "node:test";
import { atEnd } from "../support/temp.ts";
import { fileAppending } from "./file_adapter_appending.ts";
import { fileErrors } from "./file_adapter_errors.ts";
import { filePaths } from "./file_adapter_paths.ts";
import { fileReading } from "./file_adapter_reading.ts";

/** Registers the tests of what all file adapters share. */
export function fileAdapterConformance(name: string, adapter: FileAdapter): void {
  filePaths(name, adapter);
  fileAppending(name, adapter);
  fileReading(name, adapter);
  fileErrors(name, adapter);
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

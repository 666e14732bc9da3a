/**
 * A runtime whose files are watched: what is given takes the place of what an open file does.
 *
 * @module
 */

import type { OpenFile, Runtime } from "@audit-log/llm";

/**
 * The runtime, with something else for some methods of its open files.
 *
 * @param change Is given an open file and its path, and gives the methods that take the place of its own.
 */
export function aroundFiles(
  runtime: Runtime,
  change: (file: OpenFile, path: string) => Partial<OpenFile>,
): Runtime {
  return {
    ...runtime,
    file: {
      ...runtime.file,
      async open(path, mode) {
        const file = await runtime.file.open(path, mode);
        return {
          stat: () => file.stat(),
          read: (buffer, position) => file.read(buffer, position),
          append: (bytes) => file.append(bytes),
          sync: (isShort) => file.sync(isShort),
          close: () => file.close(),
          ...change(file, path),
        };
      },
    },
  };
}

/**
 * A runtime whose files are watched: what is given takes the place of what an open file does.
 *
 * @module
 */

import type { OpenFile, Runtime } from "@audit-log/llm";

/**
 * The runtime, with something else for some methods of its open files.
 *
 * @param change Is given an open file and its path, and gives the methods that take the place of its own. Where it gives some and not
 *   `atOnce`, the file has none.
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
        const changed = change(file, path);
        const isChanged = Object.keys(changed).length > 0;
        return {
          stat: () => file.stat(),
          read: (buffer, position) => file.read(buffer, position),
          append: (bytes) => file.append(bytes),
          sync: () => file.sync(),
          close: () => file.close(),
          atOnce: isChanged ? undefined : file.atOnce,
          ...changed,
        };
      },
    },
  };
}

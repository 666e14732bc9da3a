/**
 * Files for Bun. `Bun.file()` can neither append nor sync; Bun's `node:fs` can.
 *
 * @module
 */
export { file } from "../node/file.ts";

/**
 * SQLite for Deno: its built-in `node:sqlite`, which needs no permission beyond those for the file.
 *
 * @module
 */
export { sqlite } from "../node/sqlite.ts";

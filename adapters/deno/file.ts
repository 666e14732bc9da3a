/**
 * Files for Deno. `Deno.FsFile` cannot read at a position, and seeking before reading goes wrong when two reads are
 * under way; Deno's own `node:fs` can.
 *
 * @module
 */
export { file } from "../node/file.ts";

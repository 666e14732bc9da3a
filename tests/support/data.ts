/**
 * The project's real data: thousands of interactions with language models, in `shared/data` beside the
 * repository. Where that is not there, tests that need it are skipped and say so.
 *
 * @module
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** One interaction of the file. */
export interface RealInteraction {
  readonly model: string;
  readonly input_text: string;
  readonly output_text: string;
  readonly dataset: string;
}

// The tests may have been copied elsewhere; whoever runs them then says where the data is.
const folder = process.env["AUDIT_LOG_TEST_DATA"] ||
  fileURLToPath(new URL("../../../shared/data", import.meta.url));
const file = join(folder, "llm_interactions.jsonl.gz");

/** Why the real data cannot be used, or `undefined` when it can. */
export const noRealData: string | undefined = existsSync(file) ? undefined : `${file} is missing`;

let text: string | undefined;

/** The file's text: an interaction in each line. */
export function realText(): string {
  return text ??= gunzipSync(readFileSync(file)).toString("utf8");
}

/** All interactions, in the order of the file. */
export function realInteractions(): RealInteraction[] {
  return realText().split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

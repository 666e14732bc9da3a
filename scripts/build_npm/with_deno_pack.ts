/**
 * Building with `deno pack`, which needs nothing from JSR. Of what it makes, the modules, their types
 * and the documents are kept; its `package.json` is replaced, because it has neither `bin` nor
 * `engines`, and the command needs a first line that starts Node.
 *
 * @module
 */

import { mustRun } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import { LEFT_OUT_FOLDERS } from "./package_json.ts";

/** Builds the modules into an empty folder; returns where they lie in it. */
export async function buildWithDenoPack(folder: string): Promise<string> {
  const tarball = await Deno.makeTempFile({ suffix: ".tgz" });
  try {
    await mustRun(
      // Without --allow-dirty it refuses to work on what is not committed yet.
      [Deno.execPath(), "pack", "--allow-dirty", "--no-source-maps", "--output", tarball],
      { cwd: pathOf("") },
    );
    // All files of an npm tarball lie in one folder, "package".
    await mustRun(["tar", "-xzf", tarball, "-C", folder, "--strip-components=1"]);
  } finally {
    await Deno.remove(tarball);
  }
  for (const leftOut of LEFT_OUT_FOLDERS) {
    await Deno.remove(`${folder}/${leftOut}`, { recursive: true });
  }
  return "./";
}

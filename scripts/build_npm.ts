/**
 * Builds the npm package into `npm/` and checks it: `deno task build:npm`.
 *
 * @module
 */

import { buildPackage, packInto } from "./build_npm/build.ts";
import { checkPackage } from "./build_npm/checks.ts";

console.log(`npm/ built with ${await buildPackage()}`);

const folder = await Deno.makeTempDir({ prefix: "audit-log-npm-" });
let failed = 0;
try {
  const tarball = await packInto(folder);
  for await (const { name, problem } of checkPackage(tarball)) {
    console.log(`${problem === undefined ? "ok    " : "FAILED"} ${name}`);
    if (problem === undefined) continue;
    failed++;
    console.log(problem.replace(/^/gm, "       "));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
Deno.exit(failed > 0 ? 1 : 0);

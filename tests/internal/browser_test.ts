// A log in memory needs no runtime's files, driver or hashes: bundled for browsers, it records, signs, proves and verifies
// where there is nothing but what browsers have, too.

import { assertEquals } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInNewContext } from "node:vm";
import { runtimeName } from "../support/runtime.ts";
import { testUnless } from "../support/skip.ts";
import { tempFolder } from "../support/temp.ts";

/** So many that verification would hand them to another thread. */
const ENTRIES = 9000;

const PROGRAM = `
import { AuditLog, generateSigningKey, verifyProof } from "${new URL(
  "../../mod.ts",
  import.meta.url,
)}";

async function main() {
  const { signingKey, verifierKey } = await generateSigningKey("acme.example/chat");
  const log = await AuditLog.open({ signingKey });
  for (let n = 0; n < ${ENTRIES}; n++) {
    log.record({ model: "m", inputText: "領収書 💬", outputText: String(n) });
    await log.ready;
  }
  const [newest] = await log.query({ order: "desc", limit: 1 });
  const proof = await log.prove(newest.entryId);
  const record = await log.line(newest.entryId);
  const { index } = await verifyProof({ record, proof, verifierKey });
  const consistency = (await log.proveConsistency(300)).split("\\n").length > 1;
  const { ok, size, checked, faults } = await log.verify({ verifierKey });
  await log.close();
  const unsigned = await AuditLog.open();
  await unsigned.record({ model: "m", inputText: "", outputText: "" });
  const plain = (await unsigned.verify()).ok;
  const file = await AuditLog.open({ backend: "sqlite" }).catch(({ code }) => code);
  return { index, consistency, ok, size, checkpoints: checked.checkpoints, faults, plain, file };
}

main().then(settle, settle);
`;

testUnless(
  runtimeName === "deno" ? undefined : "it is Deno that bundles",
  "a log in memory records, signs, proves and verifies in a browser",
  async (t) => {
    const { run } = await import("../../scripts/lib/process.ts");
    const folder = tempFolder(t);
    const [program, bundle] = [join(folder, "program.ts"), join(folder, "bundle.js")];
    writeFileSync(program, PROGRAM);
    const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
    const options = ["--platform=browser", "--format=iife", "--no-lock", `--config=${config}`];
    const { code, output } = await run(
      [Deno.execPath(), "bundle", ...options, `--output=${bundle}`, program],
    );
    assertEquals(code, 0, output);
    const found = await new Promise((settle) => {
      const times = { clearTimeout, performance, setTimeout };
      const offered = { TextDecoder, TextEncoder, atob, btoa, crypto, ...times };
      runInNewContext(readFileSync(bundle, "utf8"), { ...offered, settle });
    });
    // What comes from another context has other classes.
    assertEquals(JSON.parse(JSON.stringify(found)), {
      index: ENTRIES - 1,
      consistency: true,
      ok: true,
      size: ENTRIES,
      checkpoints: 1,
      faults: [],
      plain: true,
      file: "UNSUPPORTED_RUNTIME",
    });
  },
);

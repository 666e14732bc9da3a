// An application on Deno that imports the library by URL, as JSR has it: its threads are imported by URL, too.

import { assertEquals } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import type { TestContext } from "node:test";
import { runProgram } from "../support/child.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const ROOT = new URL("../../", import.meta.url);

/** Serves the files of the project. */
async function served(t: TestContext): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = request.url!.slice(1);
    asked.push(path);
    const type = path.endsWith(".ts") ? "application/typescript" : "text/javascript";
    try {
      const text = readFileSync(new URL(path, ROOT));
      response.writeHead(200, { "content-type": type }).end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

testUnless(
  "Deno" in globalThis ? undefined : "only Deno imports modules by URL",
  "sqlite: where the library is imported by URL, other threads write and hash",
  async (t) => {
    const { url, asked } = await served(t as TestContext);
    const folder = tempFolder(t as TestContext);
    const [map, program] = [join(folder, "map.json"), join(folder, "main.ts")];
    writeFileSync(
      map,
      JSON.stringify({ imports: { uuid: `${url}/node_modules/uuid/dist/index.js` } }),
    );
    writeFileSync(
      program,
      `import { AuditLog, generateSigningKey } from "${url}/mod.ts";
const { signingKey, verifierKey } = await generateSigningKey("acme.example/url");
const path = ${JSON.stringify(join(folder, "log"))};
const log = await AuditLog.open({ backend: "sqlite", path, signingKey });
const entries = Array.from({ length: 1000 }, () => ({ model: "m", inputText: "", outputText: "" }));
for (let n = 0; n < 3; n++) await log.recordAll(entries);
const { writing, hashing } = await log.info();
const { faults, size } = await log.verify({ verifierKey });
await log.close();
console.log(JSON.stringify({ writing, hashing, faults, size }));
`,
    );
    const flags = ["-A", "--quiet", "--no-config", "--no-lock", `--import-map=${map}`];
    const command = [process.execPath, "run", ...flags, program];
    const { code, stdout, stderr } = await runProgram(command, { DENO_DIR: join(folder, "deno") });
    assertEquals([code, stderr], [0, ""]);
    const thread = "another thread";
    assertEquals(JSON.parse(stdout), { writing: thread, hashing: thread, faults: [], size: 3000 });
    assertEquals(asked.includes("audit_log_worker.ts"), true);
  },
);

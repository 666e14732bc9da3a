// The two ways of handing checkpoints on that the package brings: into a file elsewhere, and by HTTP.

import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import {
  AuditLog,
  AuditLogError,
  type AuditWarning,
  generateSigningKey,
  publishByHttp,
  publishToFile,
} from "@audit-log/llm";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { test, type TestContext } from "node:test";
import { modes } from "../support/files.ts";
import { interaction } from "../support/interaction.ts";
import { BY_HAND, checkpointsOf, Gathering } from "../support/notes.ts";
import { testUnless } from "../support/skip.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

const { signingKey } = await generateSigningKey("acme.example/chat");

/** Opens a log that publishes, in memory, and gathers its warnings. */
async function publishing(t: TestContext, publish: (checkpoint: string) => Promise<void>) {
  const warnings = new Gathering<AuditWarning>();
  const log = await AuditLog.open({
    signingKey,
    onWarning: warnings.add,
    checkpoints: { ...BY_HAND, publish },
  });
  atEnd(t, () => log.close());
  return { log, warnings };
}

test("checkpoints are published into a file, each followed by an empty line", async (t) => {
  const path = join(tempFolder(t), "kept.txt");
  const { log, warnings } = await publishing(t, publishToFile(path));
  assert(!existsSync(path));
  for (let n = 0; n < 3; n++) {
    await log.record(interaction());
    await log.checkpoint();
  }
  const notes = await checkpointsOf(log);
  await log.close();
  assertEquals(readFileSync(path, "utf8"), notes.map((note) => `${note}\n`).join(""));
  assertEquals(warnings.all, []);
});

test("what is in the file already stays, whoever wrote it", async (t) => {
  const path = join(tempFolder(t), "kept.txt");
  writeFileSync(path, "before\n\n");
  const expected = ["before\n\n"];
  for (let n = 0; n < 2; n++) {
    const { log } = await publishing(t, publishToFile(path));
    expected.push(`${await log.checkpoint()}\n`);
    await log.close();
  }
  assertEquals(readFileSync(path, "utf8"), expected.join(""));
});

testUnless(
  process.platform === "win32" ? "Windows has other rights" : undefined,
  "a file that checkpoints are published into is for its owner alone, unless it was there",
  async (t) => {
    const folder = tempFolder(t as TestContext);
    writeFileSync(join(folder, "old.txt"), "");
    chmodSync(join(folder, "old.txt"), 0o644);
    for (const name of ["new.txt", "old.txt"]) await publishToFile(join(folder, name))("note\n");
    assertEquals(modes(folder), { "new.txt": "600", "old.txt": "644" });
  },
);

test("a file stays the same when the current folder changes", async (t) => {
  const before = process.cwd();
  t.after(() => process.chdir(before));
  const [folder, elsewhere] = [tempFolder(t), tempFolder(t)];
  process.chdir(folder);
  const publish = publishToFile("kept.txt");
  process.chdir(elsewhere); // at once
  await publish("first\n");
  await publish("second\n");
  assertEquals(readFileSync(join(folder, "kept.txt"), "utf8"), "first\n\nsecond\n\n");
});

test("a file that cannot be written is told, and tried again once it can", async (t) => {
  const folder = join(tempFolder(t), "share");
  const path = join(folder, "kept.txt");
  const { log, warnings } = await publishing(t, publishToFile(path));
  const notes = [await log.checkpoint()];
  const [{ code }] = await warnings.until(({ length }) => length === 1) as [AuditWarning];
  assertEquals(code, "PUBLISH_FAILED");
  mkdirSync(folder);
  notes.push(await log.checkpoint());
  await log.close();
  assertEquals(readFileSync(path, "utf8"), notes.map((note) => `${note}\n`).join(""));
});

test("what is no name of a file is refused at once", () => {
  for (const path of ["", undefined, null, 1, new URL("file:///x")]) {
    const error = assertThrows(() => publishToFile(path as string));
    assert(error instanceof AuditLogError && error.code === "INVALID_OPTION");
  }
});

/** What a server was sent. */
interface Received {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage["headers"];
  body: string;
}

/** A server that gives one answer after the other, the last of them again and again. */
async function serving(t: TestContext, answers: readonly number[]) {
  const received = new Gathering<Received>();
  const server: Server = createServer((request, response) => {
    const chunks: Uint8Array[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const status = answers[Math.min(received.all.length, answers.length - 1)]!;
      const { method, url, headers } = request;
      const body = chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
      response.writeHead(status, status === 302 ? { location: "/elsewhere" } : {});
      response.end(status === 204 ? undefined : "an answer");
      received.add({ method, url, headers, body });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/checkpoints?log=1`, received };
}

test("checkpoints are posted as text, with the headers that were asked for", async (t) => {
  const { url, received } = await serving(t, [204, 200]);
  const headers = { authorization: "Bearer x" };
  const { log, warnings } = await publishing(t, publishByHttp(url, { headers }));
  for (let n = 0; n < 2; n++) {
    await log.record(interaction());
    await log.checkpoint();
  }
  const notes = await checkpointsOf(log);
  await log.close();
  assertEquals(received.all.map(({ body }) => body), notes);
  for (const { method, url, headers } of received.all) {
    assertEquals([method, url], ["POST", "/checkpoints?log=1"]);
    assertEquals(headers["content-type"], "text/plain; charset=utf-8");
    assertEquals(headers["authorization"], "Bearer x");
  }
  assertEquals(warnings.all, []);
});

test("an answer that is no success is told with its number, and the checkpoint is posted again", async (t) => {
  const { url, received } = await serving(t, [500, 404, 204]);
  const { log, warnings } = await publishing(t, publishByHttp(new URL(url)));
  const first = await log.checkpoint();
  await warnings.until(({ length }) => length === 1);
  await log.record(interaction());
  const second = await log.checkpoint();
  await warnings.until(({ length }) => length === 2);
  assertMatch(warnings.all[0]!.message, /\/checkpoints answered 500;/);
  assertMatch(warnings.all[1]!.message, /\/checkpoints answered 404;/);
  await log.close();
  assertEquals(received.all.map(({ body }) => body), [first, first, first, second]);
  assertEquals(warnings.all.length, 2);
});

test("no checkpoint follows a redirection", async (t) => {
  const { url, received } = await serving(t, [302]);
  const { log, warnings } = await publishing(t, publishByHttp(url));
  await log.checkpoint();
  await warnings.until(({ length }) => length === 1);
  await log.close();
  assert(received.all.every(({ url }) => url === "/checkpoints?log=1"));
});

test("a server that does not answer in time, or is not there, fails what publishes", async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const publish = publishByHttp(`http://127.0.0.1:${port}`, { timeoutMs: 20 });
  const failing = async () => await publish("note\n").then(() => "published", () => "failed");
  const outcome = await failing();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  assertEquals([outcome, await failing()], ["failed", "failed"]);
});

test("addresses and options that cannot be used are refused at once", () => {
  const wrong: [url: unknown, options?: unknown][] = [
    [""],
    ["witness.example"],
    ["ftp://witness.example"],
    ["file:///etc/passwd"],
    ["javascript:alert(1)"],
    [undefined],
    ["https://witness.example", { timeoutMs: 0 }],
    ["https://witness.example", { timeoutMs: 1.5 }],
    ["https://witness.example", { timeoutMs: "10" }],
    ["https://witness.example", { timeoutMs: Infinity }],
    ["https://witness.example", { timeoutMs: 2 ** 31 }],
    ["https://witness.example", { timeout: 10 }],
    ["https://witness.example", { header: { authorization: "s3cr3t" } }],
    ["https://witness.example", { headers: "authorization: s3cr3t" }],
    ["https://witness.example", { headers: null }],
    ["https://witness.example", { headers: { authorization: "Bearer s3cr3t\nx" } }],
    ["https://witness.example", null],
    ["https://u:s3cr3t@witness.example"],
    ["https://s3cr3t@witness.example"],
  ];
  for (const [url, options] of wrong) {
    const error = assertThrows(() => publishByHttp(url as string, options as never));
    assert(error instanceof AuditLogError && error.code === "INVALID_OPTION", String(error));
    assertMatch(error.message, /^Cannot publish by HTTP: /);
    assert(!error.message.includes("s3cr3t"), error.message);
  }
});

test("what may be a secret in an address is in no warning", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const publish = publishByHttp(`http://127.0.0.1:${port}/a?sig=s3cr3t`);
  const { message } = await assertRejects(() => publish("note\n"), Error);
  assertMatch(message, /\/a cannot be reached: /);
  assert(!message.includes("s3cr3t"), message);
});

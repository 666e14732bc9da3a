/**
 * Run as a process of its own on each runtime: takes a key that Go made and a checkpoint that Go signed with it, and
 * signs a checkpoint with that key.
 *
 * Arguments: a folder with the files `go-key`, `go-vkey`, `go-checkpoint`, which is one of an empty log, and `go-note`,
 * whose text is in `go-note-text`; the file for the new checkpoint.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { AuditLog, AuditLogError, signerFrom } from "@audit-log/llm";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { verifierFrom } from "../../src/transparency/keys.ts";
import { openNote } from "../../src/transparency/note.ts";

const [folder, target] = process.argv.slice(2) as [string, string];
const read = (name: string) => readFileSync(join(folder, name), "utf8");
const signingKey = read("go-key").trimEnd();
const verifierKey = read("go-vkey").trimEnd();

// The note, whatever it says.
const verifiers = [await verifierFrom(verifierKey)];
const { text, unverified } = await openNote(read("go-note"), verifiers);
assertEquals(text, read("go-note-text"));
assertEquals(unverified, []);
await assertRejects(() => openNote(read("go-note").replace("Go", "No"), verifiers), AuditLogError);

// The key.
assertEquals((await signerFrom(signingKey)).verifierKey, verifierKey);

// The checkpoint, and the key as a log's.
const log = await AuditLog.open({ signingKey, checkpoints: { onClose: false } });
const checkpoint = read("go-checkpoint");
const report = await log.verify({ verifierKey, checkpoint });
assert(report.ok);
assertEquals(report.checked.remembered, 1);
// Ed25519 has one signature for each text and key.
assert((await log.checkpoint()).startsWith(checkpoint));
await log.record({ model: "m", inputText: "in", outputText: "out" });
writeFileSync(target, await log.checkpoint());
await log.close();

/**
 * Run as a process of its own on each runtime: writes logs, checkpoints and proofs as files, to be checked by programs
 * that are not ours. `plan.ts` tells which.
 *
 * Argument: an empty folder.
 *
 * @module
 */

import { AuditLog, generateSigningKey, type NewEntry } from "@audit-log/llm";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { LOGS, ORIGIN, pairsOf, type PlannedLog, provenAt } from "./plan.ts";

/** What models may produce and other programs may read differently. */
const TEXTS = [
  "What is the capital of France?",
  "Übersetze: 領収書を再発行してください。",
  "लॉग की जाँच 💬 \u{10ffff}",
  "separators \u2028 \u2029 \u0085 and \ufeff",
  "nul \u0000, delete \u007f, escape \u001b[31m",
  "lone surrogates \ud800 and \udfff, and a pair in the wrong order \udca9\ud83d",
  'quotes "\\" \r\n\t\b\f/</script>',
  "",
];

/** Entries with more than 64 KiB, where the library takes another way to hash; all of them are proven. */
const LARGE = [128, 130, 750];

function interaction(n: number): NewEntry {
  const text = TEXTS[n % TEXTS.length]!;
  return {
    model: "modèle-1",
    user: n % 3 === 0 ? undefined : `user ${n % 7} 名`,
    inputText: `${n}: ${text}`,
    outputText: text.repeat(LARGE.includes(n) ? 3000 : n % 4),
    costUsd: n % 2 === 0 ? n / 1e7 : null,
    metadata: { n, [`key ${text}`]: [text, null, true, 1e-7, { nested: text }] },
  };
}

/** As another program writes it: with spaces, its own order, and an offset. */
function foreignLine(n: number): string {
  const id = n.toString(16).padStart(32, "0");
  return `{"entry_id": "${id}", "timestamp": "2026-01-31T09:00:00.123456+01:00", "user": "alice", ` +
    `"model": "m", "input_text": "\\u00e9 é \\ud800", "output_text": "", "cost_usd": 1.50e-3, ` +
    `"latency_ms": null, "metadata": {}}`;
}

/** Records entries, some together and some alone, until the log has so many. */
async function growTo(log: AuditLog, size: number): Promise<void> {
  while (log.size < size) {
    const first = log.size;
    const count = first < 10 ? 1 : Math.min(1 + first % 60, size - first);
    const entries = Array.from({ length: count }, (_, n) => interaction(first + n));
    if (first % 2 === 0) await log.recordAll(entries);
    else await Promise.all(entries.map((entry) => log.record(entry)));
  }
}

/** Signs a checkpoint, and proves entries by it. */
async function sign(log: AuditLog, folder: string, size: number): Promise<void> {
  writeFileSync(join(folder, `checkpoint-${size}`), await log.checkpoint());
  const entries = await log.query();
  if (entries.length !== size) {
    throw new Error(`the log has ${entries.length} entries, not ${size}`);
  }
  for (const index of provenAt(size)) {
    const { entryId } = entries[index]!;
    writeFileSync(join(folder, `record-${index}`), (await log.line(entryId))!);
    writeFileSync(join(folder, `${size}-${index}.tlog-proof`), await log.prove(entryId));
  }
}

async function write(folder: string, { name, sizes }: PlannedLog): Promise<void> {
  mkdirSync(folder);
  const { signingKey, verifierKey } = await generateSigningKey(ORIGIN);
  writeFileSync(join(folder, "key"), `${signingKey}\n`);
  writeFileSync(join(folder, "vkey"), `${verifierKey}\n`);
  const lines = join(folder, "log.jsonl");
  const file = name === "sqlite"
    ? { backend: "sqlite", path: join(folder, "audit.db") } as const
    : { backend: "jsonl", path: lines } as const;
  const options = {
    ...file,
    durability: "relaxed",
    signingKey,
    checkpoints: { everyEntries: Infinity, everyMs: Infinity, onClose: false },
  } as const;

  let log = await AuditLog.open(options);
  for (const size of sizes) {
    if (name === "damaged" && log.size > 0) {
      await log.close();
      appendFileSync(lines, damage(size));
      log = await AuditLog.open(options);
    }
    await growTo(log, size);
    await sign(log, folder, size);
  }
  await log.close();

  // Whoever reads has the tree's stored hashes alone.
  const reader = await AuditLog.open({ ...file, readOnly: true });
  for (const [older, newer] of pairsOf(sizes)) {
    const proof = await reader.proveConsistency(older, newer);
    writeFileSync(join(folder, `consistency-${older}-${newer}`), proof);
  }
  if (name === "sqlite") {
    for await (const line of reader.lines()) appendFileSync(lines, `${line}\n`);
  }
  const { ok, faults } = await reader.verify({ verifierKey });
  if (!ok) throw new Error(`${name}: ${faults.map(({ message }) => message).join("\n")}`);
  await reader.close();
}

/** What crashes and other programs leave at the end of a file, before it grows to a size. */
function damage(size: number): string | Uint8Array {
  switch (size) {
    case 5: // the second line lacks nothing but its newline, and so becomes a record
      return `{"level":"info","message":"of something else"}\n${foreignLine(size)}`;
    case 7: // in the middle of a character
      return new Uint8Array([...new TextEncoder().encode('{"cost_usd":null,"entry_id":"'), 0xe9]);
    default:
      return "\0".repeat(100);
  }
}

for (const log of LOGS) await write(join(process.argv[2]!, log.name), log);

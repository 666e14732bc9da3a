// The tree of a log against the definitions of RFC 6962, with what checks proofs of consistency.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, generateSigningKey } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { verifyConsistency } from "../../src/transparency/proof_check.ts";
import { parseProof } from "../../src/transparency/tlog_proof.ts";
import { BACKENDS, openFile } from "../support/backends.ts";
import { allLines, interactions } from "../support/interaction.ts";
import { hex, Model, sha256 } from "../support/merkle.ts";
import { BY_HAND, partsOf } from "../support/notes.ts";
import { tempFolder } from "../support/temp.ts";

const { signingKey } = await generateSigningKey("acme.example/chat");
const SIZES = [1, 2, 3, 255, 256, 257, 258, 511, 512, 513, 800];

/** The hashes of a proof of growth. */
function hashesOf(text: string): Uint8Array[] {
  return text.split("\n").slice(0, -1).map((line) => new Uint8Array(Buffer.from(line, "base64")));
}

for (const backend of BACKENDS) {
  /** A log that is signed at each of the sizes, and its tree by definition. */
  const sample = async (t: TestContext) => {
    const options = { signingKey, checkpoints: BY_HAND };
    const path = join(tempFolder(t), "log");
    const log = backend === "memory"
      ? await AuditLog.open(options)
      : await openFile(t, { backend, path, ...options });
    const roots = new Map<number, Uint8Array>();
    for (const size of SIZES) {
      await log.recordAll(interactions(size - log.size));
      const { root } = partsOf(await log.checkpoint());
      roots.set(size, new Uint8Array(Buffer.from(root, "base64")));
    }
    const model = new Model((await allLines(log)).map((line) => sha256(`\0${line}`)));
    return { log, roots, model };
  };

  test(`${backend}: roots, and proofs between all sizes, are those of RFC 6962`, async (t) => {
    const { log, roots, model } = await sample(t);
    for (const [toSize, toRoot] of roots) {
      assertEquals(hex(toRoot), hex(model.mth(0, toSize)));
      for (const [fromSize, fromRoot] of roots) {
        if (fromSize > toSize) continue;
        const proof = hashesOf(await log.proveConsistency(fromSize, toSize));
        assertEquals(proof.map(hex), model.proof(fromSize, toSize).map(hex));
        const claim = { fromSize, fromRoot, toSize, toRoot, proof };
        assert(await verifyConsistency(sha256, claim), `${fromSize} to ${toSize}`);
        const other = { ...claim, fromRoot: sha256("another") };
        assert(!await verifyConsistency(sha256, other), `${fromSize} to ${toSize}`);
      }
    }
  });

  test(`${backend}: proofs of entries are those of RFC 6962`, async (t) => {
    const { log, model } = await sample(t);
    const entries = await log.query();
    for (const index of [0, 1, 254, 255, 256, 257, 511, 512, 767, 768, 798, 799]) {
      const parsed = parseProof(await log.prove(entries[index]!.entryId));
      assertEquals(parsed.index, index);
      assertEquals(parsed.hashes.map(hex), model.path(index, 0, 800).map(hex));
    }
  });
}

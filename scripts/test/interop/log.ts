/**
 * Having one log checked, as `tests/interop/write_logs.ts` has written it.
 *
 * @module
 */

import {
  ORIGIN,
  pairsOf,
  type PlannedLog,
  provenAt,
  UNREADABLE,
} from "../../../tests/interop/plan.ts";
import { altered, partsOf, spread } from "./alter.ts";
import { type Checks, expectEqual } from "./checks.ts";
import { Openssl } from "./openssl.ts";
import { type GoPrograms, runExpecting } from "./programs.ts";

/** How many bytes are changed in each part of a checkpoint or a proof, one at a time. */
const CHANGES = 8;

/**
 * Checks a log.
 *
 * @param folder What was written.
 * @param otherKey The verifier key of another log.
 */
export async function checkLog(
  checks: Checks,
  { name, sizes }: PlannedLog,
  folder: string,
  otherKey: string,
  { verifier, signer }: GoPrograms,
): Promise<void> {
  const path = (file: string) => `${folder}/${file}`;
  const text = (file: string) => Deno.readTextFileSync(path(file));
  const key = text("vkey").trimEnd();
  const rootOf = (size: number) => text(`checkpoint-${size}`).split("\n")[2];
  const largest = sizes.at(-1)!;
  const check = (what: string, work: () => Promise<void>) => checks.check(`${name}: ${what}`, work);

  /** What the verifier is called with, by the names of files. */
  const call = (command: string, files: Record<string, string>, last: string, by = key) => [
    verifier,
    command,
    ...["-key", by],
    ...Object.entries(files).flatMap(([flag, file]) => [`-${flag}`, path(file)]),
    path(last),
  ];
  const verifies = (...args: Parameters<typeof call>) => runExpecting(0, call(...args));
  const refutes = (...args: Parameters<typeof call>) => runExpecting(1, call(...args));
  /** Writes a file that has one byte changed, for each position, and has it refuted. */
  const refutesChanges = async (
    file: string,
    positions: readonly number[],
    refute: (changed: string) => Promise<unknown>,
  ) => {
    const bytes = Deno.readFileSync(path(file));
    for (const position of positions) {
      Deno.writeFileSync(path("changed"), altered(bytes, position));
      await refute("changed");
    }
  };

  await check("Go verifies the checkpoints, and when they were signed", async () => {
    for (const size of sizes) {
      const { stdout } = await verifies("checkpoint", {}, `checkpoint-${size}`);
      const [origin, signedSize, root, time] = stdout.split(" ");
      expectEqual([origin, signedSize, root], [ORIGIN, `${size}`, rootOf(size)], "Go's answer");
      const ageMs = Date.now() - Date.parse(time);
      if (!(ageMs >= 0 && ageMs < 3_600_000)) throw new Error(`it was signed at ${time}`);
    }
  });

  await check("Go computes the same roots from the lines", async () => {
    for (const size of sizes) {
      const checkpoint = `checkpoint-${size}`;
      const { output } = await verifies("log", { checkpoint }, "log.jsonl");
      const told = name === "damaged" && size === largest
        ? `verifier: ${path("log.jsonl")}: passed over ${UNREADABLE} lines that are no record`
        : undefined;
      const lines = output.split("\n");
      if (!lines.includes(`ok ${size} ${rootOf(size)}`)) throw new Error(output);
      if (told !== undefined && !lines.includes(told)) throw new Error(output);
    }
  });

  await check("Go verifies proofs of entries", async () => {
    for (const size of sizes) {
      for (const index of provenAt(size)) {
        const { stdout } = await verifies(
          "proof",
          { record: `record-${index}` },
          `${size}-${index}.tlog-proof`,
        );
        expectEqual(stdout, `ok ${index} ${size} ${rootOf(size)}`, "Go's answer");
      }
    }
  });

  await check("Go verifies between all pairs of sizes that the log has grown", async () => {
    for (const [older, newer] of pairsOf(sizes)) {
      const files = { old: `checkpoint-${older}`, new: `checkpoint-${newer}` };
      const { stdout } = await verifies("consistency", files, `consistency-${older}-${newer}`);
      expectEqual(stdout, `ok ${older} ${newer} ${rootOf(newer)}`, "Go's answer");
    }
  });

  await check("Go refutes a checkpoint with one byte changed", async () => {
    const file = `checkpoint-${largest}`;
    const { text, signatures: [first, second] } = partsOf(Deno.readFileSync(path(file)));
    const positions = [
      ...spread(2 * CHANGES, 0, text),
      // The last characters of base64 may have bits that Go does not look at.
      ...spread(CHANGES, first[0], first[1] - 3),
      // With another id it were a signature of somebody else, of whom nothing is known.
      ...spread(CHANGES, second[0] + 8, second[1] - 4),
    ];
    await refutesChanges(file, positions, (changed) => refutes("checkpoint", {}, changed));
    await refutes("checkpoint", {}, file, otherKey);
  });

  await check("Go refutes the log with one byte changed", async () => {
    const checkpoint = `checkpoint-${largest}`;
    const lines = text("log.jsonl").split("\n");
    const bytesBefore = (line: number) =>
      new TextEncoder().encode(lines.slice(0, line).join("\n")).length;
    const last = lines.length - 2;
    const positions = [
      bytesBefore(1) - 5, // in the first line
      bytesBefore(1), // its newline
      bytesBefore(last >> 1) + 20,
      bytesBefore(last) + 20,
    ];
    await refutesChanges(
      "log.jsonl",
      positions,
      (changed) => refutes("log", { checkpoint }, changed),
    );
  });

  await check("Go refutes a proof, and a record, with one byte changed", async () => {
    const index = largest >> 1;
    const [record, proof] = [`record-${index}`, `${largest}-${index}.tlog-proof`];
    const hashes = text(proof).indexOf("\n\n");
    await refutesChanges(
      proof,
      [text(proof).indexOf("index ") + 6, ...spread(CHANGES, 30, hashes)],
      (changed) => refutes("proof", { record }, changed),
    );
    const { length } = Deno.readFileSync(path(record));
    await refutesChanges(
      record,
      spread(CHANGES, 0, length),
      (changed) => refutes("proof", { record: changed }, proof),
    );
    await refutes("proof", { record: "record-0" }, proof);
    await refutes("proof", { record }, proof, otherKey);
  });

  await check("Go refutes a proof that the log has grown with one byte changed", async () => {
    const [older, newer] = sizes.slice(-2);
    const proof = `consistency-${older}-${newer}`;
    const files = { old: `checkpoint-${older}`, new: `checkpoint-${newer}` };
    const { length } = text(proof);
    await refutesChanges(
      proof,
      spread(CHANGES, 0, length - 1),
      (changed) => refutes("consistency", files, changed),
    );
    await refutes("consistency", { old: files.new, new: files.old }, proof);
    await refutes("consistency", files, `consistency-${sizes[1]}-${newer}`);
  });

  await check("openssl verifies the signatures, and refutes altered ones", async () => {
    const openssl = new Openssl(folder, key);
    for (const size of sizes) await openssl.checkpoint(text(`checkpoint-${size}`));
    await openssl.refutes(text(`checkpoint-${largest}`));
  });

  await check("Go signs the same with the log's key", async () => {
    const checkpoint = text(`checkpoint-${largest}`);
    const [body, signatures] = checkpoint.split("\n\n");
    Deno.writeTextFileSync(path("text"), `${body}\n`);
    const { stdout } = await runExpecting(0, [signer, "sign", path("key"), path("text")]);
    expectEqual(stdout, `${body}\n\n${signatures.split("\n")[0]}`, "Go's note");
  });
}

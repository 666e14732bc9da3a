import { canCosign, type Cosigner, cosignerFrom } from "./cosignature.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { failing } from "./failure.ts";
import { labelOf, type Signer, signerFrom } from "./keys.ts";
import { signNote } from "./note.ts";

/** What a log signs its checkpoints with: a key as text, or something that signs. */
export type SigningKey = string | Signer;

/** The keys of a log. All of them sign each checkpoint; their name is the log's origin. */
export class LogSigners {
  readonly #signers: readonly Signer[];
  readonly #cosigners: readonly Cosigner[];

  private constructor(signers: readonly Signer[], cosigners: readonly Cosigner[]) {
    this.#signers = signers;
    this.#cosigners = cosigners;
  }

  /**
   * Reads the keys of a log.
   *
   * @param keys At least one; all have the same name.
   * @throws {AuditLogError} `INVALID_KEY`.
   */
  static async from(keys: readonly SigningKey[]): Promise<LogSigners> {
    const signers = await Promise.all(
      keys.map((key) => typeof key === "string" ? signerFrom(key) : key),
    );
    const names = new Set(signers.map(({ name }) => name));
    if (names.size > 1) {
      throw failing("INVALID_KEY", "use the signing keys")(
        `they have different names, ${[...names].join(" and ")}; the name is the log's origin, ` +
          "which stays the same when its key changes",
      );
    }
    const labels = signers.map(labelOf);
    const repeated = labels.find((label, position) => labels.indexOf(label) !== position);
    if (repeated !== undefined) {
      throw failing("INVALID_KEY", "use the signing keys")(`two of them are ${repeated}`);
    }
    const cosigners = await Promise.all(signers.filter(canCosign).map(cosignerFrom));
    return new LogSigners(signers, cosigners);
  }

  /** The name of the keys. */
  get origin(): string {
    return this.#signers[0]!.name;
  }

  /** The keys, for messages. */
  get labels(): string {
    return this.#signers.map(labelOf).join(", ");
  }

  /** Whether one of the keys is named so. */
  has(key: { readonly name: string; readonly keyId: number }): boolean {
    return this.#signers.some((signer) => labelOf(signer) === labelOf(key));
  }

  /** The verifier keys, of those signers that tell. */
  get verifierKeys(): readonly string[] {
    return this.#signers.filter(canCosign).map(({ verifierKey }) => verifierKey);
  }

  /**
   * Signs a checkpoint.
   *
   * @param seconds When, in seconds since the epoch.
   * @returns The signed note.
   */
  async sign(size: number, root: Uint8Array, seconds: number): Promise<string> {
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    const note = await signNote(text, this.#signers);
    const timed = await Promise.all(
      this.#cosigners.map((cosigner) => cosigner.cosign(text, seconds)),
    );
    return note + timed.map((line) => `${line}\n`).join("");
  }
}

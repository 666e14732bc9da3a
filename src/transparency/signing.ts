import {
  canCosign,
  type Cosigner,
  cosignerFrom,
  type TimeReader,
  timeReaderFrom,
} from "./cosignature.ts";
import { inTime } from "../in_time.ts";
import { formatCheckpoint } from "./checkpoint.ts";
import { failing } from "./failure.ts";
import {
  type KeySigner,
  labelOf,
  type Signer,
  signerFrom,
  type Verifier,
  verifierFrom,
} from "./keys.ts";
import { checkSigners, parseNote, signNote } from "./note.ts";

/** How long a signer may take, milliseconds: a key management service that never answers would keep the log from being closed. */
const SIGNING_MS = 30_000;

/** What a log signs its checkpoints with: a key as text, or something that signs. */
export type SigningKey = string | Signer;

/** What the signatures of a signer are verified with. */
interface SignatureCheck {
  readonly verifier: Verifier;
  readonly times: TimeReader;
}

async function checkOf({ verifierKey }: KeySigner): Promise<SignatureCheck> {
  return { verifier: await verifierFrom(verifierKey), times: await timeReaderFrom(verifierKey) };
}

/** The keys of a log. All of them sign each checkpoint; their name is the log's origin. */
export class LogSigners {
  readonly #signers: readonly Signer[];
  readonly #cosigners: readonly Cosigner[];
  readonly #checks: readonly SignatureCheck[];

  private constructor(
    signers: readonly Signer[],
    cosigners: readonly Cosigner[],
    checks: readonly SignatureCheck[],
  ) {
    this.#signers = signers;
    this.#cosigners = cosigners;
    this.#checks = checks;
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
    const fail = failing("INVALID_KEY", "use the signing keys");
    checkSigners(signers, fail);
    const names = new Set(signers.map(({ name }) => name));
    if (names.size > 1) {
      throw fail(
        `they have different names, ${[...names].join(" and ")}; the name is the log's origin, ` +
          "which stays the same when its key changes",
      );
    }
    const cosigners = await Promise.all(signers.filter(canCosign).map(cosignerFrom));
    const checks = await Promise.all(signers.filter(canCosign).map(checkOf));
    return new LogSigners(signers, cosigners, checks);
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

  /** Makes sure of the signatures: one that does not hold would stay in the log for good. */
  async #check(note: string): Promise<void> {
    if (this.#checks.length === 0) return;
    const fail = failing("INVALID_KEY", "sign a checkpoint");
    const { text, signatures } = parseNote(note);
    for (const { verifier, times } of this.#checks) {
      const time = await times.timeOf(text, signatures);
      const ours = signatures.find((one) => labelOf(one) === labelOf(verifier));
      const holds = typeof time === "number" && ours !== undefined &&
        await verifier.verify(new TextEncoder().encode(text), ours.signature);
      if (!holds) throw fail(`the signer ${labelOf(verifier)} gave a signature that does not hold`);
    }
  }

  /**
   * When a checkpoint was signed, seconds since the epoch, if each of the signers has stated it: the earliest time.
   *
   * @param note The signed note.
   */
  async timeOf(note: string): Promise<number | undefined> {
    if (this.#checks.length < this.#signers.length) return undefined;
    const { text, signatures } = parseNote(note);
    const times = await Promise.all(this.#checks.map((one) => one.times.timeOf(text, signatures)));
    return times.every((time) => typeof time === "number") ? Math.min(...times) : undefined;
  }

  /**
   * Signs a checkpoint.
   *
   * @param seconds When, in seconds since the epoch.
   * @returns The signed note.
   */
  async sign(size: number, root: Uint8Array, seconds: number): Promise<string> {
    const text = formatCheckpoint({ origin: this.origin, size, root, extensions: [] });
    const late = () =>
      failing("INVALID_KEY", "sign a checkpoint")(`a signer gave nothing in ${SIGNING_MS} ms`);
    const whole = await inTime(this.#signed(text, seconds), SIGNING_MS, late, true);
    await this.#check(whole);
    return whole;
  }

  async #signed(text: string, seconds: number): Promise<string> {
    const note = await signNote(text, this.#signers);
    const timed = await Promise.all(
      this.#cosigners.map((cosigner) => cosigner.cosign(text, seconds)),
    );
    return note + timed.map((line) => `${line}\n`).join("");
  }
}

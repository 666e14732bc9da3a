/**
 * Entries whose texts can be erased from a log that is never changed.
 *
 * What a user asked and was answered is encrypted with that user's own key before it is recorded. The keys are kept
 * apart from the log. Once a user's key is deleted, nobody can read those texts any more, in any copy of the log. The
 * bytes of the log stay as they are, so checkpoints and proofs hold. This is known as crypto-shredding.
 *
 * An entry is encrypted with the key of its own `user`. So give the `user` with each call, and with each annotation the
 * user whom it is about: the texts of `anonymous` have one key together.
 *
 * ```ts
 * const keys = new UserKeys("keys");
 * const log = await AuditLog.open({ backend: "sqlite", path: "audit.db", redact: erasable(keys) });
 * for (const entry of await log.query({ user: "user-4711" })) console.log(await readable(entry, keys));
 * keys.erase("user-4711");
 * ```
 *
 * @module
 */

import { type RedactableEntry, type Redactor, redactTexts } from "@audit-log/llm/redact";
import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";

/** A key for each user, 256 bits, in a file of its own. Several processes may use the folder. */
export class UserKeys {
  readonly #folder: string;

  /** @param folder Where the keys are. It is not backed up with the log: a copy of a key is a key. */
  constructor(folder: string) {
    this.#folder = folder;
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** A user's key, if there is one. It is read each time, so that one that was deleted is in no memory. */
  get(user: string): Buffer | undefined {
    try {
      return fs.readFileSync(this.#path(user));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** A user's key, made if there is none. It is on the disk before anything is encrypted with it. */
  getOrMake(user: string): Buffer {
    const found = this.get(user);
    if (found !== undefined) return found;
    const draft = `${this.#path(user)}.${randomUUID()}.draft`;
    fs.writeFileSync(draft, randomBytes(32), { mode: 0o600, flag: "wx", flush: true });
    try {
      fs.linkSync(draft, this.#path(user)); // unless another process was first
      this.#sync();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      fs.rmSync(draft, { force: true });
    }
    return this.get(user)!;
  }

  /** Deletes a user's key, and drafts of it that a process left when it died. All that it encrypted is unreadable then. */
  erase(user: string): void {
    const key = basename(this.#path(user));
    for (const name of fs.readdirSync(this.#folder)) {
      if (name.startsWith(key)) fs.rmSync(join(this.#folder, name), { force: true });
    }
    this.#sync();
  }

  #path(user: string): string {
    return join(this.#folder, `${createHash("sha256").update(user).digest("hex")}.key`);
  }

  /** What was added to the folder, or removed, is on the disk then. */
  #sync(): void {
    if (process.platform === "win32") return; // folders cannot be synced there
    const folder = fs.openSync(this.#folder, "r");
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  }
}

/**
 * What to give as the option `redact` of `AuditLog.open()`.
 * @param options.keep Names in the metadata whose texts stay readable, so that they can be searched for.
 */
export function erasable(keys: UserKeys, options: { keep?: string[] } = {}): Redactor {
  return {
    name: "erasable",
    version: "1",
    redact(entry, found) {
      const key = keys.getOrMake(entry.user);
      found("sealed");
      return eachText(entry, (text) => seal(text, key), options.keep);
    },
  };
}

/** An entry with its texts, as far as there is a key for them. Without it, they stay as they are in the log. */
export async function readable<Entry extends RedactableEntry>(
  entry: Entry,
  keys: UserKeys,
): Promise<Entry> {
  const key = keys.get(entry.user);
  if (key === undefined) return entry;
  return { ...entry, ...await eachText(entry, (text) => unseal(text, key)) };
}

/** Puts another text in the place of each. Texts that are the whole of a prompt or a response are not looked into. */
async function eachText(
  entry: RedactableEntry,
  replace: (text: string) => string,
  keep: string[] = [],
): Promise<RedactableEntry> {
  const inMetadata = redactTexts({ name: "texts", redact: replace, keep });
  const { metadata } = await inMetadata.redact(
    { ...entry, inputText: "", outputText: "" },
    () => {},
  );
  const [inputText, outputText] = [entry.inputText, entry.outputText].map((text) =>
    text === "" ? "" : replace(text)
  );
  return { ...entry, inputText: inputText!, outputText: outputText!, metadata };
}

const SEALED = "sealed:";
const [IV_BYTES, TAG_BYTES] = [12, 16];

/** Encrypts a text: AES-256-GCM with an initialisation vector of its own. */
function seal(text: string, key: Buffer): string {
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, iv);
  const sealed = [cipher.update(JSON.stringify(text)), cipher.final()]; // as JSON: lone surrogates are kept
  return SEALED + Buffer.concat([iv, ...sealed, cipher.getAuthTag()]).toString("base64url");
}

/** The text, or what is in its place if it was not encrypted with the key. */
function unseal(text: string, key: Buffer): string {
  if (!text.startsWith(SEALED)) return text;
  const bytes = Buffer.from(text.slice(SEALED.length), "base64url");
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, IV_BYTES));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const json = [decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()];
    return JSON.parse(Buffer.concat(json).toString());
  } catch {
    return text;
  }
}

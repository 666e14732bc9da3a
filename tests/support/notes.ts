/**
 * Checkpoints and proofs as text, read without this library; and clocks, keys and waiting for tests of logs that sign.
 *
 * @module
 */

import type { AuditLog, CheckpointOptions } from "@audit-log/llm";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";

/** Nothing is signed unless the test asks for it. */
export const BY_HAND: CheckpointOptions = {
  everyEntries: Infinity,
  everyMs: Infinity,
  onClose: false,
};

/** What a checkpoint says. */
export interface NoteParts {
  origin: string;
  size: number;
  /** Base64. */
  root: string;
  /** The lines of the signatures. */
  signatures: string[];
  /** When it was signed, seconds since the epoch: once for each key that states it. */
  times: number[];
}

/** Takes a signed checkpoint apart. */
export function partsOf(note: string): NoteParts {
  const [text, ...rest] = note.split("\n\n");
  const [origin, size, root, ...more] = text!.split("\n");
  if (rest.length !== 1 || more.length > 0 || !rest[0]!.endsWith("\n")) throw new Error(note);
  const signatures = rest[0]!.slice(0, -1).split("\n");
  const times = signatures.map((line) => Buffer.from(line.split(" ")[2]!, "base64"))
    .filter(({ length }) => length === 4 + 8 + 64)
    .map((bytes) => Number(bytes.readBigUInt64BE(4)));
  return { origin: origin!, size: Number(size), root: root!, signatures, times };
}

/** All checkpoints that a log keeps. */
export async function checkpointsOf(log: AuditLog): Promise<string[]> {
  const notes: string[] = [];
  for await (const note of log.checkpoints()) notes.push(note);
  return notes;
}

/** How many entries each of them covers. */
export async function sizesOf(log: AuditLog): Promise<number[]> {
  return (await checkpointsOf(log)).map((note) => partsOf(note).size);
}

/** The root of the Merkle tree of some lines, base64: RFC 6962, section 2.1, word for word. */
export function rootOfLines(lines: readonly string[]): string {
  return treeHash(lines).toString("base64");
}

function treeHash(lines: readonly string[]): Buffer {
  if (lines.length === 0) return sha256();
  if (lines.length === 1) return sha256(Buffer.of(0), Buffer.from(lines[0]!));
  let k = 1;
  while (k * 2 < lines.length) k *= 2;
  return sha256(Buffer.of(1), treeHash(lines.slice(0, k)), treeHash(lines.slice(k)));
}

function sha256(...parts: Buffer[]): Buffer {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** A text with one character of its base64 or of its digits exchanged for another. */
export function withOther(text: string, at: number): string {
  const other = text[at] === "A" ? "B" : text[at] === "1" ? "2" : /\d/.test(text[at]!) ? "1" : "A";
  return text.slice(0, at) + other + text.slice(at + 1);
}

/** Gathers what it is told, for somebody who waits for so much of it. */
export class Gathering<T> {
  readonly all: T[] = [];
  #told: () => void = () => {};

  /** Takes one more. */
  readonly add = (one: T): void => {
    this.all.push(one);
    this.#told();
  };

  /** Resolves to all that was told once it passes. */
  async until(passes: (all: readonly T[]) => boolean): Promise<T[]> {
    // What is waited for may keep no process alive by itself, as a log's timers do not.
    const alive = setInterval(() => {}, 1000);
    try {
      while (!passes(this.all)) await new Promise<void>((resolve) => this.#told = resolve);
      return [...this.all];
    } finally {
      clearInterval(alive);
    }
  }
}

/** A clock that stands still until it is set: milliseconds since the epoch. */
export class SetClock {
  now: number;

  constructor(now: number) {
    this.now = now;
  }

  readonly read = (): number => this.now;
}

/** Something that a test holds back until it lets it go. */
export class Gate {
  #open: () => void = () => {};
  readonly passed: Promise<void>;

  constructor() {
    this.passed = new Promise((resolve) => this.#open = resolve);
  }

  /** Lets go. */
  readonly open = (): void => this.#open();
}

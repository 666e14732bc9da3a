/**
 * The data that everything is measured with: records of 2.5 KB with real texts.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import type { NewEntry } from "../../mod.ts";

/** Size of a record's line, bytes, give or take the escapes in its texts. */
export const RECORD_BYTES = 2500;
/** What a record takes beside its two texts, bytes. */
const FRAME_BYTES = 410;
const INPUT_BYTES = 600;
/** How many different entries there are; longer measurements use them again. */
const ENTRIES = 4096;
/** How many users the entries are spread over. */
export const USERS = 1000;

const REAL = new URL("../../../shared/data/llm_interactions.jsonl.gz", import.meta.url);

interface Texts {
  model: string;
  input_text: string;
  output_text: string;
}

/** Writes the entries to a file, one JSON object a line, for {@link readEntries} and for Python. */
export function writeEntries(path: string, nonLatin: boolean): void {
  const texts = existsSync(REAL) ? realTexts() : generatedTexts();
  const lines = Array.from({ length: ENTRIES }, (_, index) => {
    const { model, input_text } = texts[index % texts.length];
    const script = nonLatin && index % 2 === 1 ? toCyrillic : (text: string) => text;
    const inputText = cut(script(input_text), INPUT_BYTES);
    const left = RECORD_BYTES - FRAME_BYTES - new TextEncoder().encode(inputText).length;
    const outputText = cut(script(outputsFrom(texts, index, left)), left);
    return `${JSON.stringify(entryOf(index, model, inputText, outputText))}\n`;
  });
  writeFileSync(path, lines.join(""));
}

/** Reads the entries. */
export function readEntries(path: string): NewEntry[] {
  return readFileSync(path, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** A small entry, for logs whose number of entries counts and not their size. */
export function smallEntry(index: number): NewEntry {
  return entryOf(index, "gpt-4o", "What is the capital of France?", "Paris.");
}

/** Entries with next to nothing in them: a line of 300 bytes, most of it keys and ids. */
export function tinyEntries(): NewEntry[] {
  return Array.from({ length: ENTRIES }, (_, index) => ({
    model: "gpt-4o",
    inputText: "What is the capital of France?",
    outputText: "Paris.",
    user: userOf(index),
    costUsd: null,
    latencyMs: 250,
    metadata: {},
  }));
}

/** The name of a user. */
export function userOf(index: number): string {
  // A stride without a common factor: neighbours in the log have different users.
  return `user-${(index * 379) % USERS}`;
}

function entryOf(index: number, model: string, inputText: string, outputText: string): NewEntry {
  return {
    model,
    inputText,
    outputText,
    user: userOf(index),
    costUsd: (index % 1000) / 100_000,
    latencyMs: 200 + index % 3000,
    metadata: {
      session: `session-${index % 97}`,
      "gen_ai.provider.name": "openai",
      "gen_ai.usage.input_tokens": 100 + index % 400,
      "gen_ai.usage.output_tokens": 500 + index % 100,
    },
  };
}

function realTexts(): Texts[] {
  const lines = gunzipSync(readFileSync(REAL)).toString().trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

function generatedTexts(): Texts[] {
  const words = "the of model answer question which records are written once and read later".split(
    " ",
  );
  const text = (seed: number, length: number) =>
    Array.from({ length }, (_, i) => words[(seed * 7 + i * i) % words.length]).join(" ");
  return Array.from({ length: 500 }, (_, seed) => ({
    model: `model-${seed % 5}`,
    input_text: text(seed, 20),
    output_text: text(seed + 1, 300),
  }));
}

/** As many outputs, one after the other, as have this many bytes. */
function outputsFrom(texts: readonly Texts[], first: number, bytes: number): string {
  let text = "";
  for (let index = first; text.length < bytes; index++) {
    text += `${texts[index % texts.length].output_text}\n\n`;
  }
  return text;
}

function cut(text: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(bytes));
  return text.slice(0, read);
}

/** Each letter another one that takes two bytes. */
function toCyrillic(text: string): string {
  return text.replace(/[a-z]/gi, (letter) => String.fromCharCode(0x3cf + letter.charCodeAt(0)));
}

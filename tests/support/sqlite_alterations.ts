/**
 * What somebody may do to a SQLite log from outside, its triggers out of the way, and what is found of it.
 *
 * @module
 */

import { assert } from "@std/assert";
import { ALL, type Findings, REMOVED_AT_THE_END, uncovered } from "./findings.ts";
import { withOther } from "./notes.ts";
import type { RawDatabase } from "./raw_sqlite.ts";

/** What is done to a log whose first tile is kept. */
export interface Alteration extends Findings {
  /** SQL, or what else is done. */
  readonly alter: string | ((raw: RawDatabase, notes: readonly string[]) => void);
}

const set = (what: string, seq: number) => `UPDATE audit_record SET ${what} WHERE seq = ${seq}`;
const text = (seq: number) => set(`record = replace(record, '"out"', '"oUt"')`, seq);
const shift = (from: number, by: number) =>
  `UPDATE audit_record SET seq = -seq - 1 - ${by} WHERE seq >= ${from};` +
  "UPDATE audit_record SET seq = -seq - 1 WHERE seq < 0;";
/** Puts in a copy of an entry, with an id of its own, that is as it should be in itself. */
const forge = (seq: number) =>
  "INSERT INTO audit_record SELECT " +
  `${seq}, instant_us, lag_us, canonical, 'forged', timestamp, user, model, cost_usd, latency_ms, ` +
  "replace(record, entry_id, 'forged') FROM audit_record WHERE entry_id = " +
  "(SELECT max(entry_id) FROM audit_record)";
const note =
  (number: number, change: (note: string) => string) =>
  (raw: RawDatabase, notes: readonly string[]) => {
    const changed = change(notes[number]!);
    assert(changed !== notes[number]);
    raw.all("UPDATE audit_checkpoint SET note = ? WHERE number = ?", changed, number);
  };

/** All of them, by what is done. */
export const ALTERATIONS: Record<string, Alteration> = {
  "nothing at all": { alter: "SELECT 1", finds: [] },

  "a byte of a record": {
    alter: text(5),
    finds: ["tile 5", ...ALL],
    finds280: ["remembered"],
    says: /first difference is among the first 100$/,
  },
  "an event that hides an interaction": {
    alter: "INSERT INTO audit_event VALUES (5, 'annotation', NULL)",
    finds: ["record 5"],
    says: /the column event is not what the record says/,
  },
  "an event of no record": {
    alter: "INSERT INTO audit_event VALUES (500, 'call.end', 'x')",
    finds: ["record 300"],
    says: /audit_event has a row with the number 500/,
  },
  "a byte of a record behind the first checkpoint": {
    alter: text(120),
    finds: ["tile 120", "checkpoint", "checkpoint"],
    finds280: ["remembered"],
    says: /the first 100 agree .* among entries 100 to 279$/,
  },
  "a byte of a record behind the last full tile": {
    alter: text(290),
    finds: ["checkpoint"],
    says: /the first 280 agree .* among entries 280 to 299$/,
  },
  "a record that becomes none": {
    alter: set("record = '{}'", 5),
    finds: ["record 5", "tile 5", ...ALL],
    finds280: ["remembered"],
  },
  "a record that is no UTF-8": {
    alter: set("record = CAST(x'ff' AS TEXT)", 5),
    finds: ["record 5", "tile 5", ...ALL],
    finds280: ["remembered"],
  },
  ...Object.fromEntries(
    [
      "entry_id = 'another'",
      "user = 'eve'",
      "user = user || char(0) || 'eve'",
      "model = 'another'",
      "timestamp = '2026-01-31T08:00:00.001Z'",
      "cost_usd = 0.25",
      "cost_usd = NULL",
      "latency_ms = 8",
      "instant_us = instant_us + 1",
      "lag_us = 1",
      "canonical = 0",
    ].map((what) => [
      `a column: ${what}`,
      {
        alter: set(what, 5),
        finds: ["record 5"],
        says: new RegExp(`^Entry 5: the column ${what.split(" ")[0]} is not what the record says$`),
      },
    ]),
  ),
  "the ids of two entries, exchanged": {
    alter: (raw) => {
      const [a, b] = raw.all("SELECT entry_id FROM audit_record WHERE seq IN (5, 6) ORDER BY seq");
      raw.all("UPDATE audit_record SET entry_id = '' WHERE seq = 5");
      for (const [seq, row] of [[6, a], [5, b]] as const) {
        raw.all(
          "UPDATE audit_record SET entry_id = ? WHERE seq = ?",
          String(row!["entry_id"]),
          seq,
        );
      }
    },
    finds: ["record 5", "record 6"],
  },

  "a hash in a tile": {
    alter:
      "UPDATE audit_tile SET hashes = CAST(substr(hashes, 1, 224) || iif(substr(hashes, 225, 1) = x'00', x'01', x'00') || substr(hashes, 226) AS BLOB)",
    finds: ["tile 7", "tile"],
    says: /^Entry 7: .* the entry or the hash was altered$/,
  },
  "a tile's root": {
    alter: "UPDATE audit_tile SET root = zeroblob(32)",
    finds: ["tile"],
    says: /^The stored root of tile 0 of level 0 is not/,
  },
  "a tile that is longer": {
    alter: "UPDATE audit_tile SET hashes = CAST(hashes || zeroblob(1) AS BLOB)",
    finds: ["tile"],
    says: /^The stored tile 0 of level 0 is not/,
  },
  "a tile that is shorter": {
    alter: "UPDATE audit_tile SET hashes = substr(hashes, 1, 8160)",
    finds: ["tile 255"],
  },
  "a tile that is put in": {
    alter: "INSERT INTO audit_tile SELECT 0, 1, root, hashes FROM audit_tile",
    finds: ["tile 300"],
    says: /^The stored tiles were made of 512 entries, and the log has no more than 300/,
  },
  "all tiles removed": { alter: "DELETE FROM audit_tile", finds: [] },

  "a checkpoint's size": {
    alter: note(1, (note) => note.replace("\n280\n", "\n281\n")),
    finds: ["signature"],
    says:
      /^Checkpoint 1 of the log: the signature of acme\.example\/chat\+[0-9a-f]{8} does not hold/,
  },
  "a checkpoint's root": {
    alter: note(1, (note) => withOther(note, note.indexOf("\n280\n") + 9)),
    finds: ["signature"],
  },
  "a checkpoint's origin": {
    alter: note(1, (note) => note.replace("chat", "chas")),
    finds: ["signature"],
  },
  "a checkpoint's signature": {
    alter: note(1, (note) => withOther(note, note.indexOf("\u2014") + 40)),
    finds: ["signature"],
  },
  "a checkpoint's time": {
    alter: note(1, (note) => withOther(note, note.lastIndexOf(" ") + 12)),
    finds: ["signature"],
    says: /^Checkpoint 1 of the log: the time at which it was signed was altered, or is none$/,
  },
  "a checkpoint's time, removed": {
    alter: note(1, (note) => note.replace(/[^\n]*\n$/, "")),
    finds: [],
    unknown: /^1 of the 3 checkpoints .* does not state when it was signed\.$/,
  },
  "a checkpoint that becomes none": {
    alter: note(1, () => "nothing"),
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is none: /,
  },
  "the size beside a checkpoint": {
    alter: "UPDATE audit_checkpoint SET size = 299 WHERE number = 2",
    finds: ["checkpoint"],
    says: /^Checkpoint 2 of the log is kept as one of 299 entries, and is one of 300$/,
  },
  "two checkpoints exchanged": {
    alter: "UPDATE audit_checkpoint SET number = number - 9 WHERE number < 2;" +
      "UPDATE audit_checkpoint SET number = -number - 8 WHERE number < 0",
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log is one of 100 entries, fewer than the 280 of the one before/,
  },
  "a checkpoint removed in between": {
    alter: "DELETE FROM audit_checkpoint WHERE number = 1",
    finds: ["checkpoint"],
    says: /^Checkpoint 1 of the log has the row number 2 where 1 should follow$/,
  },
  "the first checkpoint removed": {
    alter: "DELETE FROM audit_checkpoint WHERE number = 0",
    finds: ["checkpoint"],
  },
  "a checkpoint put in before the first": {
    alter:
      "INSERT INTO audit_checkpoint SELECT -1, size, note FROM audit_checkpoint WHERE number = 0",
    finds: ["checkpoint"],
  },
  "the last checkpoint removed": {
    alter: "DELETE FROM audit_checkpoint WHERE number = 2",
    finds: [],
    unknown: uncovered(20, 300),
  },
  "all checkpoints removed": {
    alter: "DELETE FROM audit_checkpoint",
    finds: [],
    unknown: uncovered(300, 300),
  },

  "an entry removed, its number too": {
    alter: "DELETE FROM audit_record WHERE seq = 50",
    finds: ["record 50", "tile 50", "checkpoint", "checkpoint", "checkpoint 299"],
    finds280: ["remembered"],
    says: /^Entry 50: has the row number 51 where 50 should follow$/,
  },
  "an entry removed, and the others renumbered": {
    alter: `DELETE FROM audit_record WHERE seq = 50; ${shift(51, -1)}`,
    finds: ["tile 50", "checkpoint", "checkpoint", "checkpoint 299"],
    finds280: ["remembered"],
  },
  "the first entry removed": {
    alter: `DELETE FROM audit_record WHERE seq = 0; ${shift(1, -1)}`,
    finds: ["tile 0", "checkpoint", "checkpoint", "checkpoint 299"],
    finds280: ["remembered"],
  },
  "an entry put in": {
    alter: `${shift(50, 1)} ${forge(50)}`,
    finds: ["tile 50", ...ALL],
    finds280: ["remembered"],
  },
  "an entry put in before the first": {
    alter: forge(-1),
    finds: ["record 0", "tile 0", ...ALL],
    finds280: ["remembered"],
  },
  "an entry added at the end": {
    alter: forge(300),
    finds: [],
    unknown: uncovered(1, 301),
  },
  "two entries exchanged": {
    alter: set("seq = -9", 10) + ";" + set("seq = 10", 20) + ";" + set("seq = 20", -9),
    finds: ["tile 10", ...ALL],
    finds280: ["remembered"],
  },
  "an entry repeated": {
    alter:
      "INSERT INTO audit_record SELECT 300, instant_us, lag_us, canonical, 'x', timestamp, user, " +
      "model, cost_usd, latency_ms, record FROM audit_record WHERE seq = 10",
    finds: ["record 300"],
    unknown: uncovered(1, 301),
  },

  "the end cut off": {
    alter: "DELETE FROM audit_record WHERE seq >= 250",
    finds: ["tile 250", "checkpoint 250", "checkpoint 250"],
    finds280: ["remembered 250"],
    unknown: uncovered(150, 250),
    says: /signed for 300 entries, and the log has no more than 250: entries were removed/,
  },
  "a little of the end cut off": {
    alter: "DELETE FROM audit_record WHERE seq >= 299",
    finds: ["checkpoint 299"],
  },
  "the end cut off, and its checkpoints": {
    alter:
      "DELETE FROM audit_record WHERE seq >= 250; DELETE FROM audit_checkpoint WHERE size > 250",
    finds: ["tile 250"],
    finds280: ["remembered 250"],
    says: /^The stored tiles were made of 256 entries, and the log has no more than 250/,
  },
  "the end cut off, its checkpoints and tiles": {
    alter: "DELETE FROM audit_record WHERE seq >= 250; DELETE FROM audit_tile;" +
      "DELETE FROM audit_checkpoint WHERE size > 250",
    finds: [],
    finds280: ["remembered 250"],
    unknown: REMOVED_AT_THE_END,
  },
  "everything removed": {
    alter: "DELETE FROM audit_record; DELETE FROM audit_tile; DELETE FROM audit_checkpoint",
    finds: [],
    finds280: ["remembered 0"],
    unknown: REMOVED_AT_THE_END,
  },
};

/** Does it. */
export function doAlter(
  { alter }: Alteration,
  raw: RawDatabase,
  notes: readonly string[],
): void {
  if (typeof alter === "string") raw.exec(alter);
  else alter(raw, notes);
}

// Whatever becomes of the bytes of a JSONL file, opening it neither fails in another way than it should nor
// shows an entry that was never recorded.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, AuditLogError } from "@audit-log/llm";
import fc from "fast-check";
import { appendFileSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openFile } from "../support/backends.ts";
import { allLines, foreignLine, interaction } from "../support/interaction.ts";
import { check } from "../support/property.ts";
import { tempFolder } from "../support/temp.ts";

/** What happens to a file's bytes, places given as parts of its length. */
type Damage =
  | { do: "append"; bytes: Uint8Array }
  | { do: "cut"; at: number }
  | { do: "overwrite"; at: number; bytes: Uint8Array };

// No byte that could turn one record into another: invalid UTF-8, newlines, brackets.
const breaking = fc.array(fc.constantFrom(0xff, 0x0a, 0x0a, 0xc0, 0x7b, 0x00), {
  minLength: 1,
  maxLength: 9,
})
  .map((bytes) => Uint8Array.from(bytes));
const at = fc.double({ min: 0, max: 1, noNaN: true });
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ do: fc.constant("append"), bytes: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ do: fc.constant("append"), bytes: breaking }),
  fc.record({ do: fc.constant("cut"), at }),
  fc.record({ do: fc.constant("overwrite"), at, bytes: breaking }),
) as fc.Arbitrary<Damage>;

function damaged(bytes: Uint8Array, damage: Damage): Uint8Array {
  switch (damage.do) {
    case "append":
      return Uint8Array.from([...bytes, ...damage.bytes]);
    case "cut":
      return bytes.slice(0, Math.floor(bytes.length * damage.at));
    case "overwrite": {
      const copy = bytes.slice();
      const start = Math.floor((bytes.length - damage.bytes.length) * damage.at);
      copy.set(damage.bytes.subarray(0, copy.length), Math.max(0, start));
      return copy;
    }
  }
}

/** The original lines that are whole in some bytes. White space behind one, as the line ends of other systems, belongs to its JSON. */
function wholeLines(bytes: Uint8Array, originals: ReadonlySet<string>): string[] {
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n").slice(
    0,
    -1,
  );
  return lines.filter((line) => originals.has(line.replace(/[\t\r ]+$/, "")));
}

/** What a log shows; it may notice first that its index does not fit. */
async function linesOf(log: AuditLog): Promise<string[]> {
  for (let attempt = 0;; attempt++) {
    try {
      return await allLines(log);
    } catch (error) {
      assert(error instanceof AuditLogError && error.code === "DAMAGED", String(error));
      assert(attempt < 20, "the log never recovers");
    }
  }
}

test(
  "jsonl: damaged files show exactly the lines that are whole",
  { timeout: 300_000 },
  async (t) => {
    const folder = tempFolder(t);
    let run = 0;
    const property = fc.asyncProperty(
      fc.array(damage, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (damages, keepsIndex) => {
        const path = join(folder, `${run++}`);
        const log = await AuditLog.open({ backend: "jsonl", path });
        const texts = ["a", "\u2028💬", "x".repeat(200), ""];
        await log.recordAll(texts.map((inputText) => interaction({ inputText })));
        const originals = new Set(await allLines(log));
        await log.close();
        if (!keepsIndex) {
          for (const side of ["-index", "-lock"]) {
            rmSync(path + side, { force: true });
          }
        }

        const bytes = damages.reduce(damaged, new Uint8Array(readFileSync(path)));
        writeFileSync(path, bytes);
        const expected = wholeLines(bytes, originals);
        let opened: AuditLog;
        try {
          opened = await AuditLog.open({ backend: "jsonl", path });
        } catch (error) {
          assert(error instanceof AuditLogError && error.code === "NOT_A_LOG", String(error));
          assertEquals(expected, []);
          assertEquals(new Uint8Array(readFileSync(path)), bytes);
          return;
        }
        assertEquals(await linesOf(opened), expected);
        assertEquals(await opened.count(), expected.length);

        // The next entry stands on a line of its own; nothing before it has changed.
        const { entryId } = await opened.record(interaction({ inputText: "next" }));
        const line = (await opened.line(entryId))!;
        const after = new Uint8Array(readFileSync(path));
        assertEquals(after.slice(0, bytes.length), bytes);
        const all = wholeLines(after, new Set([...originals, line]));
        assertEquals(all.at(-1), line);
        assertEquals(await linesOf(opened), all);
        const { unreadable } = await opened.info();
        const others = after.filter((byte) => byte === 0x0a).length - all.length;
        assertEquals(unreadable?.count, others);
        await opened.close();
        const again = await AuditLog.open({ backend: "jsonl", path });
        assertEquals(await linesOf(again), all);
        await again.close();
      },
    );
    await check(property, 150);
  },
);

test("jsonl: a torn last line stays, is told, is no entry, and the next entry follows it", async (t) => {
  const path = join(tempFolder(t), "log");
  const line = foreignLine();
  const torn = foreignLine({ entry_id: "torn" }).slice(0, 50);
  writeFileSync(path, `${line}\n${torn}`);
  const warnings: string[] = [];
  const log = await openFile(t, {
    backend: "jsonl",
    path,
    onWarning: ({ code }) => warnings.push(code),
  });
  assertEquals(warnings, ["TORN_LINE"]);
  assertEquals(await allLines(log), [line]);
  const offset = new TextEncoder().encode(line).length + 1;
  const place = { offset, length: 50, reason: "is unfinished" };
  assertEquals((await log.info()).unreadable, { count: 1, bytes: 50, first: [place] });
  const { entryId } = await log.record(interaction());
  assertEquals(
    readFileSync(path, "utf8"),
    `${line}\n${torn}\n${await log.line(entryId)}\n`,
  );
  assertEquals((await log.info()).unreadable?.count, 1);
});

test("jsonl: a whole record that lacks only its newline becomes an entry with the next one", async (t) => {
  const path = join(tempFolder(t), "log");
  writeFileSync(path, `${foreignLine({ entry_id: "a" })}\n${foreignLine({ entry_id: "b" })}`);
  const log = await openFile(t, { backend: "jsonl", path });
  assertEquals(await log.count(), 1);
  const { entryId } = await log.record(interaction());
  assertEquals((await log.query()).map(({ entryId }) => entryId), ["a", "b", entryId]);
});

test("jsonl: an unreadable line in the middle stays, is told with its place, and is no entry", async (t) => {
  const path = join(tempFolder(t), "log");
  const [a, b] = [foreignLine({ entry_id: "a" }), foreignLine({ entry_id: "b" })];
  writeFileSync(path, `${a}\nnot a record\n${b}\n`);
  const warnings: string[] = [];
  const onWarning = ({ code }: { code: string }) => warnings.push(code);
  const log = await openFile(t, { backend: "jsonl", path, onWarning });
  assertEquals(warnings, ["UNREADABLE_LINES"]);
  assertEquals(await allLines(log), [a, b]);
  const { unreadable } = await log.info();
  assertEquals([unreadable!.count, unreadable!.bytes], [1, 12]);
  assertEquals([unreadable!.first[0]!.offset, unreadable!.first[0]!.length], [a.length + 1, 12]);
  assertEquals(readFileSync(path, "utf8"), `${a}\nnot a record\n${b}\n`);
});

test("jsonl: an onWarning that throws keeps the log from nothing, and info() tells what it was told", async (t) => {
  const path = join(tempFolder(t), "log");
  writeFileSync(path, `${foreignLine()}\nnot a record\ntorn`);
  let told = 0;
  const onWarning = () => {
    told++;
    throw new Error("mine");
  };
  const log = await openFile(t, { backend: "jsonl", path, onWarning });
  writeFileSync(path, "\nno record either\n", { flag: "a" });
  await log.record(interaction());
  assertEquals(await log.count(), 2);
  const { warnings } = await log.info();
  assertEquals(warnings.map(({ code }) => code), [
    "UNREADABLE_LINES",
    "TORN_LINE",
    "UNREADABLE_LINES",
  ]);
  assertEquals(told, 3);
});

test("jsonl: a line that another program appends while the log is open is an entry", async (t) => {
  const path = join(tempFolder(t), "log");
  const log = await openFile(t, { backend: "jsonl", path });
  await log.record(interaction());
  appendFileSync(path, `${foreignLine({ entry_id: "other" })}\n`);
  assertEquals(await log.count(), 2);
  await log.record(interaction());
  assertEquals((await log.query()).map(({ entryId }) => entryId).indexOf("other"), 1);
});

function overwrite(file: string, at: number, bytes: number[]): void {
  const changed = readFileSync(file);
  changed.set(bytes, at);
  writeFileSync(file, changed);
}

for (const side of ["-index", "-lock"]) {
  test(`jsonl: without the file ${side} beside it, or with another, a log is the same`, async (t) => {
    const path = join(tempFolder(t), "log");
    const log = await openFile(t, { backend: "jsonl", path });
    await log.recordAll([interaction({ user: "alice" }), interaction({ user: "bob" })]);
    const lines = await allLines(log);
    await log.close();
    const others: ((file: string) => void)[] = [
      (file) => rmSync(file),
      (file) => writeFileSync(file, ""),
      ...(side === "-index"
        ? [
          (file: string) =>
            writeFileSync(file, "no database, but longer than one page".repeat(999)),
          (file: string) => writeFileSync(file, readFileSync(file).subarray(0, 5000)),
          // Of a format that SQLite does not know.
          (file: string) => overwrite(file, 44, [0xff, 0xff, 0xff, 0xff]),
          // The table of its tables without an entry.
          (file: string) => overwrite(file, 100, [0x0d, 0, 0, 0, 0]),
        ]
        : []),
    ];
    for (const change of others) {
      for (const suffix of ["-wal", "-shm"]) rmSync(path + side + suffix, { force: true });
      change(path + side);
      const again = await AuditLog.open({ backend: "jsonl", path });
      assertEquals(await allLines(again), lines);
      assertEquals((await again.query({ user: "bob" })).length, 1);
      await again.close();
    }
  });
}

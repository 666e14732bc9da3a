// Files that cannot do all that a checkpoint's publisher asks of them.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { publisherToFile, splitNotes } from "../../src/transparency/publish_to_file.ts";
import { FailingRuntime, type Plan } from "../support/failing_runtime.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

const NOTES = ["1", "2", "3"].map((size) =>
  `acme.example/chat\n${size}\nroot\n\n\u2014 name text\n`
);

/** What publishes into a new file, whose calls fail as planned. */
async function publishing(t: TestContext, plan: Plan) {
  const path = join(tempFolder(t), "kept.txt");
  const failing = new FailingRuntime(await currentRuntime(), plan);
  const publish = publisherToFile(path, () => Promise.resolve(failing.runtime));
  return { publish, failing, path, text: () => readFileSync(path, "utf8") };
}

function syncFails(code: string): Plan {
  return ({ what }) =>
    what === "file.sync"
      ? { done: "nothing", error: () => Object.assign(new Error(code), { code }) }
      : undefined;
}

for (const code of ["ENOTSUP", "EOPNOTSUPP", "ENOTTY", "EINVAL"]) {
  test(`a checkpoint is published, once, where the file system has no sync: ${code}`, async (t) => {
    const { publish, failing, text } = await publishing(t, syncFails(code));
    await publish("note\n");
    assertEquals([failing.failed.length, text()], [1, "note\n\n"]);
  });
}

test("a checkpoint whose sync fails is not published; it is written anew, for what was written may be lost", async (t) => {
  const { publish, failing, text } = await publishing(t, syncFails("EIO"));
  await assertRejects(() => publish("note\n"), Error, "EIO");
  failing.plan = () => undefined;
  await publish("note\n");
  assertEquals(text(), "note\n\nnote\n\n");
});

test("a checkpoint that was cut by a full disk is ended before the next, so that each can be read", async (t) => {
  const { publish, failing, text } = await publishing(t, () => undefined);
  await publish(NOTES[0]!);
  let appends = 0;
  failing.plan = ({ what }) => {
    if (what !== "file.append") return undefined;
    if (++appends === 1) return { done: "half" };
    return { done: "nothing", error: () => Object.assign(new Error("full"), { code: "ENOSPC" }) };
  };
  for (let tries = 0; tries < 2; tries++) {
    await assertRejects(() => publish(NOTES[1]!), Error, "full");
  }
  failing.plan = () => undefined;
  await publish(NOTES[2]!);
  assertEquals(splitNotes(text()), NOTES.map((note) => ({ note, isCut: false })));
});

test("a checkpoint that another process left unfinished is told apart, and spoils no other", async (t) => {
  const whole = `${NOTES[1]}\n`;
  for (let length = 1; length <= whole.length; length++) {
    const { publish, path, text } = await publishing(t, () => undefined);
    const cut = whole.slice(0, length);
    writeFileSync(path, `${NOTES[0]}\n${cut}`);
    const wholes = (text: string) =>
      splitNotes(text).filter(({ isCut }) => !isCut).map(({ note }) => note);
    const isWhole = length >= whole.length - 1;
    const before = isWhole ? NOTES.slice(0, 2) : NOTES.slice(0, 1);
    assertEquals(wholes(text()), before);
    for (const note of [NOTES[2]!, NOTES[0]!]) await publish(note);
    assert(text().startsWith(`${NOTES[0]}\n${cut}`));
    assertEquals(wholes(text()), [...before, NOTES[2], NOTES[0]]);
  }
});

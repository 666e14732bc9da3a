/**
 * Work that is to be done before a log is closed.
 *
 * @module
 */

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { AuditLog, AuditWarning } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { inputs, interaction } from "../support/interaction.ts";
import { assertRefused, checkRefusal } from "../support/refused.ts";

export function beforeCloseConformance(name: string, place: MakePlace): void {
  /** A log, and what it warns of. */
  async function setUp(t: TestContext): Promise<{ log: AuditLog; warnings: AuditWarning[] }> {
    const warnings: AuditWarning[] = [];
    const onWarning = (warning: AuditWarning) => {
      if (warning.code === "BEFORE_CLOSE_FAILED") warnings.push(warning);
    };
    return { log: await place(t).open({ onWarning }), warnings };
  }
  const record = (log: AuditLog, inputText: string) => log.record(interaction({ inputText }));

  test(`${name}: close() waits for the work that is to be done before, which may read and record`, async (t) => {
    const { log, warnings } = await setUp(t);
    const [go, read] = [Promise.withResolvers<void>(), Promise.withResolvers<string[]>()];
    let asked = 0;
    log.beforeClose(async () => {
      asked++;
      await go.promise;
      await record(log, "1");
      read.resolve(inputs(await log.query()));
    });
    log.beforeClose(() => void asked++);
    await record(log, "0");
    assertEquals(asked, 0);
    const closing = [log.close(), log.close()];
    assertEquals(asked, 2);
    go.resolve();
    await Promise.all(closing);
    assertEquals(await read.promise, ["0", "1"]);
    assertEquals([log.size, asked, warnings], [2, 2, []]);
    await assertRefused(() => record(log, "2"), "LOG_CLOSED");
  });

  test(`${name}: after work that is done at once, the log refuses as soon as close() is called`, async (t) => {
    const { log } = await setUp(t);
    let recording: Promise<unknown> | undefined;
    log.beforeClose(() => void (recording = record(log, "0")));
    const closing = log.close();
    await assertRefused(() => record(log, "1"), "LOG_CLOSED");
    await closing;
    await recording;
    assertEquals(log.size, 1);
  });

  test(`${name}: work that fails does not keep the log from being closed, nor other work from being done`, async (t) => {
    const { log, warnings } = await setUp(t);
    log.beforeClose(() => {
      throw new Error("one");
    });
    log.beforeClose(() => Promise.reject(new Error("two")));
    log.beforeClose(async () => void await record(log, "0"));
    await log.close();
    assertEquals(log.size, 1);
    assertEquals(warnings.map(({ message }) => message.split(": ").at(-1)), ["one", "two"]);
  });

  test(`${name}: work that does not end does not keep the log from being closed`, async (t) => {
    const { log, warnings } = await setUp(t);
    log.beforeClose(() => new Promise(() => {}), { timeoutMs: 1 });
    await log.close();
    assertEquals(warnings.length, 1);
    assertStringIncludes(warnings[0]!.message, "1 ms");
  });

  test(`${name}: work that waits for close() itself is told, and not waited for`, async (t) => {
    const { log, warnings } = await setUp(t);
    const done: string[] = [];
    const work = (what: string, until: Promise<unknown> | undefined) => async () => {
      if (until !== undefined) await until;
      await record(log, what);
      await log.close();
      done.push(what);
    };
    log.beforeClose(work("at once", undefined));
    log.beforeClose(work("later", new Promise((resolve) => setTimeout(resolve, 0))));
    log.beforeClose(() => log.close());
    const closing = log.close();
    const again = log.close(); // by somebody else, who may
    await closing;
    await again;
    assertEquals(done.toSorted(), ["at once", "later"]);
    assertEquals([log.size, warnings.length], [2, 3]);
    for (const { message } of warnings) assertStringIncludes(message, "close()");
  });

  test(`${name}: work that is to come last begins when all other work is done`, async (t) => {
    const { log, warnings } = await setUp(t);
    const done: string[] = [];
    log.beforeClose(async () => {
      done.push("last");
      await record(log, "1");
    }, { last: true });
    log.beforeClose(async () => {
      await record(log, "0");
      await Promise.reject(new Error("it fails behind what it did"));
    });
    log.beforeClose(() => void done.push("first"));
    await log.close();
    assertEquals([done, log.size, warnings.length], [["first", "last"], 2, 1]);
  });

  test(`${name}: work that is to come last, and is done at once, lets the log refuse at once`, async (t) => {
    const { log } = await setUp(t);
    let isDone = false;
    log.beforeClose(() => void (isDone = true), { last: true });
    const closing = log.close();
    assertEquals(isDone, true);
    await assertRefused(() => record(log, "0"), "LOG_CLOSED");
    await closing;
  });

  test(`${name}: an onWarning that throws, or rejects, does not keep the log from being closed`, async (t) => {
    const throws = () => {
      throw new Error("mine");
    };
    for (const onWarning of [throws, () => Promise.reject(new Error("mine"))]) {
      const log = await place(t).open({ onWarning });
      log.beforeClose(() => Promise.reject(new Error("one")));
      await log.close();
      await assertRefused(() => record(log, "0"), "LOG_CLOSED");
    }
    await new Promise((resolve) => setTimeout(resolve, 0)); // an unhandled one would be told now
  });

  test(`${name}: work that was taken back, or comes too late, is not done`, async (t) => {
    const { log } = await setUp(t);
    const done: string[] = [];
    const takeBack = log.beforeClose(() => void done.push("taken back"));
    log.beforeClose(async () => {
      done.push("kept");
      await Promise.resolve();
      log.beforeClose(() => void done.push("late"));
    });
    takeBack();
    takeBack();
    await log.close();
    log.beforeClose(() => void done.push("too late"));
    await log.close();
    assertEquals(done, ["kept"]);
  });

  test(`${name}: beforeClose() refuses what is no work, and options that it does not know`, async (t) => {
    const { log } = await setUp(t);
    const add = (work: unknown, options?: unknown) => () =>
      void log.beforeClose(work as () => void, options as object);
    checkRefusal(assertThrows(add(1)), "INVALID_OPTION");
    checkRefusal(assertThrows(add(() => {}, { timeout: 1 })), "INVALID_OPTION", "timeout");
    for (const timeoutMs of [0, 1.5, Infinity, 2 ** 31, "1", null]) {
      checkRefusal(assertThrows(add(() => {}, { timeoutMs })), "INVALID_OPTION", "timeoutMs");
    }
    checkRefusal(assertThrows(add(() => {}, { last: 1 })), "INVALID_OPTION", "last");
  });
}

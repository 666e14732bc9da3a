// Wrapping: what is wrapped twice, and what is no log and no client.

import { assertEquals, assertThrows } from "@std/assert";
import Anthropic from "@anthropic-ai/sdk";
import { AuditLog, AuditLogError } from "@audit-log/llm";
import { auditAnthropic } from "@audit-log/llm/anthropic";
import { auditFetch } from "@audit-log/llm/fetch";
import { auditOpenAI } from "@audit-log/llm/openai";
import OpenAI from "openai";
import { test } from "node:test";
import { answering, QUESTION } from "../support/fetched.ts";
import { atEnd } from "../support/temp.ts";

const options = () => ({ apiKey: "sk-test", maxRetries: 0, fetch: answering("{}")! });

test("a client that is wrapped twice records each call in each log once", async (t) => {
  const logs = [await AuditLog.open(), await AuditLog.open()] as const;
  atEnd(t, () => Promise.all(logs.map((log) => log.close())));
  const [a, b] = logs;
  const openai = auditOpenAI(auditOpenAI(new OpenAI(options()), a), b);
  await openai.chat.completions.create(QUESTION as never);
  assertEquals([a.size, b.size], [2, 2]); // a beginning and an end
  await openai.withOptions({ fetch: answering("{}")! }).chat.completions.create(QUESTION as never);
  assertEquals([a.size, b.size], [4, 4]);
  const anthropic = auditAnthropic(auditAnthropic(new Anthropic(options()), a), b);
  await anthropic.messages.create({ ...QUESTION, max_tokens: 9 } as never);
  assertEquals([a.size, b.size], [6, 6]);
});

test("what is no log, or none yet, and what is no client is refused with what to do", () => {
  const opening = AuditLog.open();
  for (const log of [undefined, null, {}, opening] as unknown as AuditLog[]) {
    for (const wrap of [() => auditFetch(log), () => auditOpenAI(new OpenAI(options()), log)]) {
      const error = assertThrows(wrap, AuditLogError, "await AuditLog.open()");
      assertEquals([error.code, error.path], ["INVALID_OPTION", "log"]);
    }
  }
  const error = assertThrows(() => auditOpenAI(null as never, {} as AuditLog), AuditLogError);
  assertEquals([error.code, error.path], ["INVALID_OPTION", "client"]);
});

test("a wrapper refuses an option that it does not have, and names those that it has", async () => {
  const log = await AuditLog.open();
  const openai = (given: object | null) => () =>
    auditOpenAI(new OpenAI(options()), log, given as never);
  const anthropic = (given: object) => () =>
    auditAnthropic(new Anthropic(options()), log, given as never);
  const byFetch = (given: object | null) => () => auditFetch(log, given as never);
  const wrong: [wrap: () => unknown, path: string, says: string][] = [
    [openai({ streamUsge: true }), "streamUsge", "inlineMedia, provider, streamUsage"],
    [byFetch({ streamUsge: true }), "streamUsge", "inlineMedia, fetch, provider, streamUsage"],
    [anthropic({ streamUsage: true }), "streamUsage", "inlineMedia, provider"],
    [openai({ stream_usage: true }), "stream_usage", "did you mean streamUsage?"],
    // A client has its own.
    [openai({ fetch: answering("{}") }), "fetch", "is not an option"],
    [anthropic({ fetch: answering("{}") }), "fetch", "is not an option"],
    [openai(null), "", "the options must be an object"],
    [byFetch(null), "", "the options must be an object"],
  ];
  for (const [wrap, path, says] of wrong) {
    const error = assertThrows(wrap, AuditLogError, says);
    assertEquals([error.code, error.path], ["INVALID_OPTION", path]);
  }
  await log.close();
});

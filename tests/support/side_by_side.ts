/**
 * Programs that are run twice against the same answers, once as they are and once with what records: whoever runs them sees the
 * same, the provider sees the same, and the records are those that one expects.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { AuditEntry, AuditLog } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { assertSameRequest, capturing } from "./captured.ts";
import { observed } from "./observed.ts";
import type { Provider, Reply } from "./providers/server.ts";

/** A record: how the call ended, what was asked last, what was answered. */
export type Recorded = readonly [outcome: string, asked: string, answered: string];

/** A program of a README, as near to word for word as can be. */
export interface Example<Parts> {
  /** What is answered to it. */
  readonly replies?: readonly Reply[];
  /** The program; what it returns or throws is what its author would look at. */
  readonly run: (parts: Parts) => Promise<unknown>;
  /** The records that it leaves when it is recorded, in the order of their ends. */
  readonly records: readonly Recorded[];
}

/** What a program is run with. */
export interface Setting {
  readonly t: TestContext;
  readonly provider: Provider;
  /** The provider's address. */
  readonly url: string;
  /** Where to record, in one of the two runs. */
  readonly log: AuditLog | undefined;
}

/**
 * Makes a test of each example.
 *
 * @param readme Whose examples these are.
 * @param partsOf What the programs import, made to ask the local server and, where there is a log, to record.
 * @param examples By the heading that they stand under.
 */
export function sideBySide<Parts>(
  readme: string,
  partsOf: (setting: Setting) => Parts,
  examples: Readonly<Record<string, Example<Parts>>>,
): void {
  for (const [heading, { replies = [], run, records }] of Object.entries(examples)) {
    test(`${readme}: ${heading}`, async (t) => {
      const { provider, log } = await capturing(t);
      const setting = { t, provider, url: provider.url };
      const outcomeOf = async (recording: AuditLog | undefined): Promise<unknown> => {
        provider.reply(...replies);
        try {
          return { returned: await run(partsOf({ ...setting, log: recording })) };
        } catch (thrown) {
          return { thrown };
        }
      };
      const plain = observed(await outcomeOf(undefined));
      const asked = provider.requests.length;
      const wrapped = observed(await outcomeOf(log));
      assertEquals(wrapped, plain);
      assertEquals(provider.requests.length, 2 * asked);
      for (const [index, request] of provider.requests.slice(0, asked).entries()) {
        assertSameRequest([request, provider.requests[asked + index]!]);
      }
      await ended(log, records.length);
      assertEquals((await log.query()).map(recordedOf), records);
      const events = (await log.query({ events: "all" })).map(({ metadata }) =>
        metadata["audit.event"]
      );
      assertEquals(events.filter((event) => event === "call.end").length, records.length);
      assertEquals(events.filter((event) => event !== "call.end" && event !== "call.begin"), []);
    });
  }
}

/** Waits for calls to end that nobody waited for: those of streams that were left. */
async function ended(log: AuditLog, count: number): Promise<void> {
  while (await log.count() < count && (await log.unfinished()).length > 0) {
    await new Promise((resolve) => setTimeout(resolve));
  }
  assertEquals(await log.unfinished(), []);
}

function recordedOf({ inputText, outputText, metadata }: AuditEntry): Recorded {
  const asked = metadata["audit.input.format"] === "json"
    ? lastOf(JSON.parse(inputText))
    : inputText;
  const answered = metadata["audit.output.format"] === "json"
    ? lastOf(JSON.parse(outputText))
    : outputText;
  return [String(metadata["audit.outcome"]), asked, answered];
}

interface Message {
  readonly role?: string;
  readonly parts?: readonly Readonly<Record<string, unknown>>[];
}

/** The last message of a conversation, in short. */
function lastOf(conversation: { messages?: Message[] } | Message[]): string {
  const messages = Array.isArray(conversation) ? conversation : conversation.messages ?? [];
  const { parts = [] } = messages.at(-1) ?? {};
  return parts.map(({ type, content, name, arguments: json, response }) => {
    switch (type) {
      case "text":
        return content;
      case "tool_call":
        return `${name}(${JSON.stringify(json)})`;
      case "tool_call_response":
        return `= ${typeof response === "string" ? response : JSON.stringify(response)}`;
      default:
        return `[${type}]`;
    }
  }).join(" ");
}

/**
 * A class of an SDK whose objects are made with these options in addition, and then handed through a function.
 *
 * @param Class The class; what it has of its own stays.
 * @param options Where to ask, and by which key.
 * @param wrap What is given to the program in place of the object.
 */
export function configured<Class extends new (options?: never) => object>(
  Class: Class,
  options: object,
  wrap: (made: InstanceType<Class>) => InstanceType<Class> = (made) => made,
): Class {
  return new Proxy(Class, {
    construct: (target, [given]: [object?]) =>
      wrap(Reflect.construct(target, [{ ...options, ...given }]) as InstanceType<Class>),
  });
}

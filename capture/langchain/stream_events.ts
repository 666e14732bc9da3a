import { listOf, type Loose, looseOf, parsedOr, textOf } from "../shared/loose.ts";

/**
 * An answer that LangChain tells of by events, as its streams of events of version 3 have it: blocks of content that start,
 * grow and finish, each at a place of its own.
 */
export class AnswerInEvents {
  readonly #blocks = new Map<unknown, Loose>();
  #id: unknown;
  #usage: unknown;

  /** Takes an event; what it does not know, says nothing of the answer. */
  add(event: Loose): void {
    const { event: kind, index, content, delta } = event;
    switch (kind) {
      case "message-start":
        this.#id = event["id"];
        this.#usage = event["usage"];
        break;
      case "content-block-start":
      case "content-block-finish":
        this.#blocks.set(index, looseOf(content));
        break;
      case "content-block-delta":
        this.#blocks.set(index, grown(this.#blocks.get(index) ?? {}, delta ?? deltaOf(content)));
        break;
      case "usage": // each tells of all so far
        this.#usage = event["usage"];
        break;
    }
  }

  /** What came so far, as a message has it; `undefined` when nothing did. */
  message(): Loose | undefined {
    if (this.#blocks.size === 0) return undefined;
    const content = [...this.#blocks.values()];
    const tool_calls = listOf(content).filter(({ type }) =>
      type === "tool_call" || type === "tool_call_chunk"
    ).map((call) => {
      const { args } = call;
      return { ...call, args: typeof args === "string" ? parsedOr(args) : args };
    });
    return { type: "ai", id: this.#id, content, tool_calls, usage_metadata: this.#usage };
  }
}

/** What adapters of an older kind have in place of a delta, as one: some more of the block, as LangChain reads it. */
function deltaOf(content: unknown): Loose {
  const fields = looseOf(content);
  const { text, thinking, reasoning = thinking, data } = fields;
  if (typeof text === "string") return { type: "text-delta", text };
  if (typeof reasoning === "string") return { type: "reasoning-delta", reasoning };
  if (typeof data === "string") return { type: "data-delta", data };
  return { type: "block-delta", fields };
}

/** A block, and what a delta brings of it. */
function grown(block: Loose, told: unknown): Loose {
  const delta = looseOf(told);
  switch (delta["type"]) {
    case "text-delta":
      return longer(block, "text", "text", delta);
    case "reasoning-delta":
      return longer(block, "reasoning", "reasoning", delta);
    case "data-delta":
      return longer(block, block["type"], "data", delta);
    case "tool-call-delta":
      return longer(block, "tool_call_chunk", "args", delta);
    case "block-delta":
      return { ...block, ...looseOf(delta["fields"]) };
    default:
      return block;
  }
}

function longer(block: Loose, type: unknown, name: string, delta: Loose): Loose {
  const text = (textOf(block[name]) ?? "") + (textOf(delta[name]) ?? "");
  return { ...block, type: block["type"] ?? type, [name]: text };
}

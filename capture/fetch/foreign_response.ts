import { setBackgroundTimeout } from "../shared/background_timer.ts";
import type { Loose } from "../shared/loose.ts";
import {
  knownError,
  type RecordedEnd,
  recordedParts,
  RecordedReader,
} from "../shared/recorded_parts.ts";
import { errorIn } from "../wire/wire_format.ts";
import { type AnswerHead, AnswerReader } from "./answers.ts";
import { withoutUsage } from "./asked_usage.ts";
import { Copies, type Copy, LEFT } from "./copies.ts";

/** How long the body of an error may stay unread before the error is recorded without it, in milliseconds. */
const UNREAD_MS = 1000;

/** Ways of reading a whole body. */
const READS: readonly string[] = ["text", "json", "arrayBuffer", "bytes", "blob", "buffer"];

/**
 * What a `fetch` gave that is no `Response` of the runtime: another package's, a subclass, whatever a test has in its place. Its
 * caller gets it as it is, by a proxy that looks on when it is read, by whatever way it has, and records what that brings.
 *
 * @param response What the `fetch` gave.
 * @param call Its call.
 * @param head What is known of the answer.
 * @param signal What may end it, also while nobody reads.
 */
export function watchedResponse<T extends object>(
  response: T,
  call: RecordedEnd,
  head: AnswerHead,
  signal: AbortSignal | undefined,
): T {
  if (!canBeWatched(response)) {
    void (head.ok ? call.complete({ output: "" }) : call.fail(errorIn({}, head.status)));
    return response;
  }
  const watch = new Watch(head.ok ? call : failed(call, head.status), head, signal);
  if (!head.ok) watch.endUnlessRead();
  return watch.proxyOf(response);
}

/** Some properties of what may throw when it is looked at. */
function look(object: object, names: readonly string[]): Loose {
  return Object.fromEntries(names.map((name) => {
    try {
      return [name, (object as Loose)[name]];
    } catch {
      return [name, undefined];
    }
  }));
}

/** Whether there is something to be read, in a way that can be looked on. */
function canBeWatched(response: object): boolean {
  const { body, ...reads } = look(response, ["body", ...READS]);
  if (body === null || Object.isFrozen(response)) return false;
  return isStream(body) || isEmitter(body) ||
    Object.values(reads).some((read) => typeof read === "function");
}

/** A call that was answered with an error: it failed, however much of the answer is read. */
function failed(call: RecordedEnd, status: number | undefined): RecordedEnd {
  return {
    firstOutput: () => call.firstOutput(),
    hold: (work) => call.hold(work),
    complete: (response) => call.fail(errorIn({}, status), response),
    fail: (error, remains) => call.fail(error, remains),
    abort: (remains) => call.fail(errorIn({}, status), remains),
  };
}

/** Looks on while a response is read, or copies of it. */
class Watch {
  readonly #call: RecordedEnd;
  readonly #head: AnswerHead;
  readonly #signal: AbortSignal | undefined;
  readonly #copies: Copies;
  readonly #bodies = new WeakMap<object, object>();
  #unread: ReturnType<typeof setTimeout> | undefined;

  constructor(call: RecordedEnd, head: AnswerHead, signal: AbortSignal | undefined) {
    this.#call = call;
    this.#copies = new Copies(call);
    this.#head = head;
    this.#signal = signal;
  }

  /** Ends the call when nobody begins to read for a while: many look at an error's status and no further. */
  endUnlessRead(): void {
    this.#unread = setBackgroundTimeout(() => void this.#call.abort(), UNREAD_MS);
  }

  proxyOf<T extends object>(response: T): T {
    const proxy = new Proxy(response, {
      // What has private fields must be asked itself.
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key, target);
        return isFixed(target, key) ? value : this.#seen(target, key, value, copy);
      },
      set: (target, key, value) => Reflect.set(target, key, value, target),
    });
    const copy = this.#copies.add(proxy);
    return proxy;
  }

  #seen(response: object, key: PropertyKey, value: unknown, copy: Copy): unknown {
    if (key === "body") return this.#body(value, copy);
    if (typeof value !== "function" || key === "constructor") return value;
    if (key === "clone") return (...given: unknown[]) => this.proxyOf(value.apply(response, given));
    if (typeof key !== "string" || !READS.includes(key)) return value.bind(response);
    copy.isTouched = true;
    return (...given: unknown[]) => this.#read(key, () => value.apply(response, given), copy);
  }

  /** Has a whole body read, and records it before its reader gets it; but who waits for nothing, as with a mock, need not. */
  #read(way: string, read: () => unknown, copy: Copy): unknown {
    const feed = this.#feed(copy);
    let value: unknown;
    try {
      value = read();
    } catch (error) {
      void feed.fail(error);
      throw error;
    }
    const recorded = async (value: unknown): Promise<unknown> => {
      try {
        feed.add(await chunkOf(way, value));
      } catch {
        // It cannot be told what it is.
      }
      await feed.end();
      return value;
    };
    if (typeof Object(value).then === "function") {
      return (value as Promise<unknown>).then(recorded, async (error) => {
        await feed.fail(error);
        throw error;
      });
    }
    void recorded(value);
    return value;
  }

  #body(body: unknown, copy: Copy): unknown {
    if (!isStream(body) && !isEmitter(body)) return body;
    copy.isTouched = true;
    let watched = this.#bodies.get(body);
    if (watched === undefined) {
      watched = isStream(body) ? this.#stream(body, copy) : this.#emitter(body, copy);
      this.#bodies.set(body, watched);
    }
    return watched;
  }

  #stream(body: ReadableStream, copy: Copy): ReadableStream {
    const answer = new AnswerReader(this.#head);
    return recordedParts<unknown>(
      body,
      copy,
      {
        take: (chunk) => {
          clearTimeout(this.#unread);
          return answer.take(chunk);
        },
        endedEarly: () => answer.endedEarly(),
        response: () => answer.response(),
      },
      this.#signal,
      this.#head.hidesUsage ? withoutUsage : undefined,
    );
  }

  /** A stream of Node's: whatever way it is read, it emits what it brings. */
  #emitter(body: Emitter, copy: Copy): Emitter {
    const { emit } = body;
    let feed: Feed | undefined;
    body.emit = (name, ...given) => {
      if (name === "data") (feed ??= this.#feed(copy)).add(given[0]);
      else if (name === "end") void (feed ??= this.#feed(copy)).end();
      else if (name === "error") void (feed ??= this.#feed(copy)).fail(given[0]);
      // Behind an end, or an error, it says nothing.
      else if (name === "close") void (feed ??= this.#feed(copy)).fail(LEFT);
      return emit.call(body, name, ...given);
    };
    return body;
  }

  #feed(copy: Copy): Feed {
    clearTimeout(this.#unread);
    return new Feed(copy, new AnswerReader(this.#head), this.#signal);
  }
}

/** Records what others read. None of its methods throws. */
class Feed {
  readonly #recorded: Promise<void>;
  #controller!: ReadableStreamDefaultController<unknown>;
  #isOpen = true;
  #error: unknown;

  constructor(call: RecordedEnd, answer: AnswerReader, signal: AbortSignal | undefined) {
    const chunks = new ReadableStream<unknown>({
      start: (controller) => void (this.#controller = controller),
    });
    const reader = new RecordedReader(chunks, call, {
      take: (chunk) => answer.take(chunk),
      endedEarly: () => this.#error ?? answer.endedEarly(),
      response: () => answer.response(),
    }, signal);
    this.#recorded = readToEnd(reader);
  }

  /** Takes what was read. */
  add(chunk: unknown): void {
    if (this.#isOpen) this.#controller.enqueue(chunk);
  }

  /** There is no more. Resolves when it is recorded. */
  end(): Promise<void> {
    if (this.#isOpen) this.#controller.close();
    this.#isOpen = false;
    return this.#recorded;
  }

  /** It broke behind what was read. */
  fail(error: unknown): Promise<void> {
    if (this.#isOpen) this.#error = knownError(error);
    return this.end();
  }
}

async function readToEnd(reader: RecordedReader<unknown>): Promise<void> {
  while (!(await reader.next(({ done }) => done)));
}

/** What a way of reading gave, as a piece of a body. */
async function chunkOf(way: string, value: unknown): Promise<unknown> {
  if (way === "json") return JSON.stringify(value) ?? "";
  return way === "blob" ? await (value as Blob).arrayBuffer() : value;
}

/** A stream of Node's, as far as it is known here. */
interface Emitter {
  emit(name: unknown, ...given: unknown[]): unknown;
}

function isEmitter(body: unknown): body is Emitter {
  return typeof Object(body).on === "function" && typeof Object(body).emit === "function";
}

function isStream(body: unknown): body is ReadableStream {
  return typeof Object(body).getReader === "function";
}

/** Whether a proxy must not give anything else: JavaScript forbids it. */
function isFixed(object: object, key: PropertyKey): boolean {
  const own = Object.getOwnPropertyDescriptor(object, key);
  return own?.configurable === false && own.writable === false;
}

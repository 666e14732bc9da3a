/**
 * What a caller can see of a value, as plain data that can be compared: the classes that it is an instance of, its keys in their
 * order and whether they are enumerable, what is the same object as what. What no two runs have alike is left out or numbered.
 *
 * @module
 */

/** Values that differ from run to run, whoever makes the call: their type is all that is looked at. */
const CHANGING = new Set([
  "stack",
  "performance",
  "timestamp",
  "date",
  "keep-alive",
  "exception.stacktrace",
]);

/** Where an error was made, as runtimes note it when somebody looks at its stack. */
const PLACES = new Set(["line", "column", "originalLine", "originalColumn", "sourceURL"]);

/** What is made anew in each run: UUIDs, and the ids that the AI SDK makes. */
const RANDOM_ID =
  /[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}|\b(?:aitxt|aiobj|msg|call|id)-[A-Za-z\d]{16,24}\b|^[A-Za-z\d]{16}$/g;

/** What a caller can see of a value. */
export function observed(value: unknown): unknown {
  return new Observer().look(value);
}

class Observer {
  readonly #objects = new Map<object, number>();
  readonly #ids = new Map<string, string>();

  look(value: unknown): unknown {
    switch (typeof value) {
      case "string":
        return value.replace(RANDOM_ID, (id) => this.#numbered(id));
      case "function":
        return `function ${value.name}(${value.length})`;
      case "symbol":
      case "bigint":
        return String(value);
      case "object":
        return value === null ? null : this.#object(value);
      default:
        return value;
    }
  }

  #numbered(id: string): string {
    const known = this.#ids.get(id) ?? `id ${this.#ids.size + 1}`;
    this.#ids.set(id, known);
    return known;
  }

  #object(value: object): unknown {
    const before = this.#objects.get(value);
    if (before !== undefined) return `the same as object ${before}`;
    this.#objects.set(value, this.#objects.size + 1);
    if (Array.isArray(value) && Object.keys(value).length === value.length) {
      return value.map((item) => this.look(item));
    }
    const classes = classesOf(value);
    const told = this.#told(value);
    return { is: classes, ...(told === undefined ? {} : { told }), keys: this.#properties(value) };
  }

  /** What classes of the platform tell by getters only. */
  #told(value: object): unknown {
    if (value instanceof Error) {
      return this.#all({ name: value.name, message: value.message, text: String(value) });
    }
    if (value instanceof Headers) {
      return [...value].filter(([name]) => !CHANGING.has(name)).map((pair) => this.look(pair));
    }
    if (value instanceof Response) {
      const { status, statusText, ok, type, redirected, url, headers, bodyUsed, body } = value;
      const isLocked = body?.locked;
      return this.#all({
        status,
        statusText,
        ok,
        type,
        redirected,
        url,
        headers,
        bodyUsed,
        isLocked,
      });
    }
    if (value instanceof AbortSignal) {
      return this.#all({ aborted: value.aborted, reason: value.reason });
    }
    if (value instanceof AbortController) return this.look(value.signal);
    if (value instanceof ReadableStream) return { locked: value.locked };
    if (value instanceof Map || value instanceof Set) return this.look([...value]);
    if (value instanceof ArrayBuffer) return [...new Uint8Array(value)];
    if (value instanceof URL) return value.href;
    if (ArrayBuffer.isView(value)) {
      return [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
    }
    return undefined;
  }

  #all(values: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, this.look(value)]),
    );
  }

  #properties(value: object): unknown {
    if (isOfPlatform(value)) return Object.keys(value);
    const properties: unknown[] = [];
    for (const key of Reflect.ownKeys(value)) {
      const name = String(key);
      if (value instanceof Error && PLACES.has(name)) continue;
      const { enumerable, get } = Object.getOwnPropertyDescriptor(value, key)!;
      // What is hidden and computed may be out of use, and say so when it is asked for.
      const content: unknown = enumerable || get === undefined ? Reflect.get(value, key) : get;
      properties.push([
        enumerable ? name : `${name}, not enumerable`,
        CHANGING.has(name) ? typeof content : this.look(content),
      ]);
    }
    return properties;
  }
}

/** What has properties of the runtime's own that nobody is meant to look at. */
function isOfPlatform(value: object): boolean {
  return [Response, Headers, AbortSignal, AbortController, ReadableStream, URL]
    .some((one) => value instanceof one) || ArrayBuffer.isView(value);
}

/** Which class is which: a copy of one has its name, and is another. */
const known = new WeakMap<object, number>();
/** How many classes have a name. */
const counts = new Map<string, number>();

/** A class by its name, with a number where several have it. */
function classOf(Class: { readonly name: string }): string {
  let number = known.get(Class);
  if (number === undefined) {
    number = (counts.get(Class.name) ?? 0) + 1;
    counts.set(Class.name, number);
    known.set(Class, number);
  }
  return number === 1 ? Class.name : `${Class.name} (${number})`;
}

/** The classes that something is an instance of, as `instanceof` tells. */
function classesOf(value: object): string {
  const classes = new Set<{ readonly name: string }>();
  for (
    let at: object | null = Object.getPrototypeOf(value);
    at !== null;
    at = Object.getPrototypeOf(at)
  ) classes.add(at.constructor);
  return [...classes].map(classOf).join(", ");
}

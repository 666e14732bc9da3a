/**
 * Finding in a line what ends a string of JSON or does not stand for itself in one: quotes, backslashes and control characters.
 *
 * A loop in JavaScript takes about a nanosecond for each byte, sixteen bytes at a time in WebAssembly a fifteenth of it. Where that is
 * not to be had (`--jitless`, a page whose policy forbids it), the loop does the same.
 *
 * @module
 */

/** Room for a line, in which its stops are marked. */
export interface LineRoom {
  /** Where the line is to be put, and one byte more. */
  readonly bytes: Uint8Array;
  /** A bit for each byte of the line, from the lowest of the first number on: whether it is a stop. */
  readonly stops: Int32Array;
  /**
   * Marks the stops.
   *
   * @param length How many bytes to look at.
   * @returns Whether all of them are ASCII.
   */
  mark(length: number): boolean;
}

const [QUOTE, BACKSLASH, SPACE] = [0x22, 0x5c, 0x20];
/** What is no ASCII has it. */
const HIGH_BIT = 0x80;

/** Room in which a loop marks the stops. */
export function loopRoom(capacity: number): LineRoom {
  const bytes = new Uint8Array(capacity);
  const stops = new Int32Array(Math.ceil(capacity / 32));
  const mark = (length: number): boolean => {
    stops.fill(0, 0, Math.ceil(length / 32));
    let seen = 0;
    for (let at = 0; at < length; at++) {
      const byte = bytes[at]!;
      seen |= byte;
      if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) stops[at >> 5]! |= 1 << (at & 31);
    }
    return (seen & HIGH_BIT) === 0;
  };
  return { bytes, stops, mark };
}

/** The same in WebAssembly, or `undefined` where there is none. */
export function vectorRoom(capacity: number): LineRoom | undefined {
  const stopsAt = Math.ceil(capacity / VECTOR_BYTES) * VECTOR_BYTES;
  try {
    if (!isLittleEndian()) return undefined;
    const pages = Math.ceil((stopsAt + stopsAt / 8) / PAGE_BYTES);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const module = new WebAssembly.Module(MODULE);
    const { exports } = new WebAssembly.Instance(module, { "": { memory } });
    const mark = exports["mark"] as (from: number, to: number, stops: number) => number;
    return {
      bytes: new Uint8Array(memory.buffer, 0, capacity),
      stops: new Int32Array(memory.buffer, stopsAt),
      mark: (length) => mark(0, length, stopsAt) === 0,
    };
  } catch {
    return undefined;
  }
}

const VECTOR_BYTES = 16;
const PAGE_BYTES = 64 * 1024;

/** WebAssembly's numbers are little-endian everywhere, JavaScript's are the processor's. */
function isLittleEndian(): boolean {
  return new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
}

/**
 * A module with one function, in the binary format of the WebAssembly Core Specification 2.0. In its text format:
 *
 * ```wat
 * (module
 *   (import "" "memory" (memory 1))
 *   (func (export "mark") (param $from i32) (param $to i32) (param $stops i32) (result i32)
 *     (local $seen v128) (local $bytes v128)
 *     (loop $next
 *       (i32.store16 (local.get $stops)
 *         (i8x16.bitmask
 *           (v128.or
 *             (v128.or
 *               (i8x16.eq (local.tee $bytes (v128.load (local.get $from))) (i8x16.splat (i32.const 0x22)))
 *               (i8x16.eq (local.get $bytes) (i8x16.splat (i32.const 0x5c))))
 *             (i8x16.lt_u (local.get $bytes) (i8x16.splat (i32.const 0x20))))))
 *       (local.set $seen (v128.or (local.get $seen) (local.get $bytes)))
 *       (local.set $stops (i32.add (local.get $stops) (i32.const 2)))
 *       (br_if $next (i32.lt_u
 *         (local.tee $from (i32.add (local.get $from) (i32.const 16)))
 *         (local.get $to))))
 *     (i8x16.bitmask (local.get $seen))))
 * ```
 */
const MODULE = moduleOf();

function moduleOf(): Uint8Array<ArrayBuffer> {
  const [I32, V128, FUNCTION, EMPTY, END] = [0x7f, 0x7b, 0x60, 0x40, 0x0b];
  const [FROM, TO, STOPS, SEEN, BYTES] = [0, 1, 2, 3, 4];
  const get = (local: number) => [0x20, local];
  const set = (local: number) => [0x21, local];
  const tee = (local: number) => [0x22, local];
  const constant = (value: number) => [0x41, ...(value < 0x40 ? [value] : [value | 0x80, 0])];
  const vector = (operation: number) => [0xfd, operation];
  const [LOAD, SPLAT, EQUAL, LESS, OR, BITMASK] = [0x00, 0x0f, 0x23, 0x26, 0x50, 0x64].map(vector);
  const [ADD, LESS_U, STORE_16, LOOP, BRANCH_IF] = [0x6a, 0x49, 0x3b, 0x03, 0x0d];
  const all = (byte: number) => [...constant(byte), ...SPLAT!];
  const body = [
    ...[1, 2, V128], // one group of locals: two vectors
    ...[LOOP, EMPTY],
    ...get(STOPS),
    ...[...get(FROM), ...LOAD!, 0, 0, ...tee(BYTES), ...all(QUOTE), ...EQUAL!],
    ...[...get(BYTES), ...all(BACKSLASH), ...EQUAL!, ...OR!],
    ...[...get(BYTES), ...all(SPACE), ...LESS!, ...OR!],
    ...[...BITMASK!, STORE_16, 1, 0],
    ...[...get(SEEN), ...get(BYTES), ...OR!, ...set(SEEN)],
    ...[...get(STOPS), ...constant(2), ADD, ...set(STOPS)],
    ...[
      ...get(FROM),
      ...constant(VECTOR_BYTES),
      ADD,
      ...tee(FROM),
      ...get(TO),
      LESS_U,
      BRANCH_IF,
      0,
    ],
    END,
    ...[...get(SEEN), ...BITMASK!],
    END,
  ];
  const sized = (content: readonly number[]) => [content.length, ...content]; // all are shorter than 128 bytes
  const section = (id: number, ...content: readonly number[]) => [id, ...sized(content)];
  const name = (text: string) => sized([...new TextEncoder().encode(text)]);
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...section(1, 1, FUNCTION, ...sized([I32, I32, I32]), ...sized([I32])),
    ...section(2, 1, ...name(""), ...name("memory"), 0x02, 0x00, 1),
    ...section(3, 1, 0),
    ...section(7, 1, ...name("mark"), 0x00, 0),
    ...section(10, 1, ...sized(body)),
  ]);
}

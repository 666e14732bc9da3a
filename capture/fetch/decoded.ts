import { type Bytes, bytesOf, GatheredBytes } from "./bytes.ts";

/** How many bytes are read of what was compressed: no entry has more, and a few bytes may stand for gigabytes. */
const MOST = 32 * 1024 * 1024;

interface Format {
  /** What `DecompressionStream` calls it. */
  readonly name: string;
  /**
   * How many bytes it is given at a time. Deno gives all that they stand for at once: of deflate, a thousand times as much at most,
   * of brotli, 16 MiB for each dozen.
   */
  readonly piece: number;
}

/** What HTTP calls the formats. */
const FORMATS: Readonly<Record<string, Format>> = {
  "gzip": { name: "gzip", piece: 16 * 1024 },
  "x-gzip": { name: "gzip", piece: 16 * 1024 },
  "deflate": { name: "deflate", piece: 16 * 1024 },
  "br": { name: "brotli", piece: 64 },
};

/**
 * What bytes are that somebody encoded.
 *
 * @param bytes The bytes.
 * @param encodings A header `content-encoding`: what was done to them, in this order.
 * @returns Nothing if they are not what that says, or too many; if it is something else that was done, or what the runtime
 *   cannot undo.
 */
export async function decoded(bytes: Bytes, encodings: string): Promise<Bytes | undefined> {
  const names = encodings.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
  let known: Bytes | undefined = bytes;
  for (const name of names.reverse()) {
    const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
    if (known === undefined || format === undefined) return undefined;
    known = await inflated(known, format);
  }
  return known;
}

async function inflated(bytes: Bytes, { name, piece }: Format): Promise<Bytes | undefined> {
  try {
    const format = new DecompressionStream(name as CompressionFormat);
    const reader = inPieces(bytes, piece).pipeThrough(format).getReader();
    const gathered = new GatheredBytes();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      gathered.add(bytesOf(read.value));
      if (gathered.length <= MOST) continue;
      reader.cancel().catch(() => {});
      return undefined;
    }
    return gathered.all;
  } catch {
    return undefined;
  }
}

function inPieces(bytes: Bytes, size: number): ReadableStream<Bytes> {
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      if (start >= bytes.length) return controller.close();
      controller.enqueue(bytes.subarray(start, start += size));
    },
  }, { highWaterMark: 0 });
}

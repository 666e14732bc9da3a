import { base64Of, bytesOf } from "./base64.ts";
import type { Part } from "./messages.ts";

/** What a piece of media is, in the words of the conventions. */
export type Modality = "image" | "audio" | "video" | "document";

/** The modality that a media type tells of. */
export function modalityOf(mediaType: string | undefined): Modality {
  const [kind] = (mediaType ?? "").toLowerCase().split("/");
  return kind === "image" || kind === "audio" || kind === "video" ? kind : "document";
}

/**
 * A part for an image, audio or a file that is part of a message: its SHA-256 in hexadecimal, its media type and its size, and
 * its bytes only where they are asked for.
 *
 * @param data The bytes, or their base64.
 * @param mediaType As the request says, or only what kind it is: `image`.
 * @param keep Whether to keep the bytes.
 */
export async function blobPart(
  data: string | Uint8Array,
  mediaType: string | undefined,
  keep: boolean,
): Promise<Part> {
  const bytes = typeof data === "string" ? bytesOf(data) : data;
  const about = {
    type: "blob",
    modality: modalityOf(mediaType),
    ...(mediaType?.includes("/") ? { mime_type: mediaType } : {}),
  };
  // What is no base64 is hashed as the text that it is.
  const hashed = bytes ?? new TextEncoder().encode(data as string);
  const digest = new Uint8Array(
    await crypto.subtle.digest("SHA-256", hashed as Uint8Array<ArrayBuffer>),
  );
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const known = { ...about, sha256, size: hashed.length };
  if (!keep) return known;
  return { ...known, content: typeof data === "string" ? data : base64Of(data) };
}

/** Whether a text is a `data:` URL, which has the bytes in it. */
export function isDataUrl(text: string): boolean {
  return /^\s{0,8}data:/i.test(text);
}

/**
 * A part for what a URL leads to: a `data:` URL has the bytes in it and is treated as such; others are kept as they are.
 *
 * @param url The URL.
 * @param mediaType What the request says that it is; a `data:` URL says itself.
 * @param keep Whether to keep the bytes of a `data:` URL.
 */
export async function urlPart(
  url: string,
  mediaType: string | undefined,
  keep: boolean,
): Promise<Part> {
  if (!isDataUrl(url)) {
    return {
      type: "uri",
      modality: modalityOf(mediaType),
      ...(mediaType?.includes("/") ? { mime_type: mediaType } : {}),
      uri: url,
    };
  }
  // What is malformed is hashed as the text that it is.
  const comma = url.indexOf(",");
  const head = comma === -1 ? "" : url.slice(url.indexOf(":") + 1, comma);
  const [type = ""] = head.split(";", 1);
  const data = url.slice(comma + 1);
  const bytes = /; {0,8}base64$/i.test(head) ? data : new TextEncoder().encode(data);
  return await blobPart(bytes, type.trim() || mediaType, keep);
}

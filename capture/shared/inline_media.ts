/**
 * Finding the media that are part of what is recorded, wherever they stand and whoever told of them. What a wrapper knows to be media, it
 * makes a part of by `blobPart()`; whatever else an SDK, a provider, a tool or an application put somewhere is found here.
 *
 * @module
 */
import type { JsonObject, JsonValue } from "../../mod.ts";
import { exactJson } from "./exact_json.ts";
import { textOf } from "./loose.ts";
import { blobPart, urlPart } from "./media.ts";

/** What begins as a `data:` URL does, and not as a text that begins with that word, as in `Data: 3/4, 5/6`. */
const INLINE =
  /^\s{0,8}data:(?: {0,8}(?:application|audio|chemical|font|image|message|model|multipart|text|video|x-[\w.+-]{1,99})\/[\w.+-]{1,99}[^\s,]{0,300}|[^\s,{[]{0,300}; {0,8}base64|),/i;
/** Such a URL within a longer text. */
const URL_WITHIN =
  /\bdata:([\w.+-]{1,99}\/[\w.+-]{1,99})?(?:;[\w.+=-]{1,99}){0,8};base64,([\w+/-]+={0,2})/gi;
const BASE64 = /^[\w+/\r\n-]+={0,2}\s{0,8}$/;
/** So much base64, maybe with what JSON escapes in it, as the string that it is in JSON, or the beginning of one. */
const QUOTED = /(?<=")[\w+/\\-]{256,}={0,2}/g;
/** What JSON with media in it has: so much base64 at a time is no word. */
const IN_JSON = /[\w+/-]{64}|"Buffer"/;

/** Members that tell of a media type. */
const MEDIA_TYPES: readonly string[] = ["mimeType", "mime_type", "mediaType", "media_type"];
/** What a thing is, where that says that its data are media. */
const KINDS = /^(?:image|audio|video|document|file|media|blob|base64|buffer)/i;
/** Members that are media in base64, whatever is beside them. */
const ALWAYS: readonly string[] = ["b64_json", "file_data", "image_base64", "partial_image_b64"];
/** Those that are where something beside them says so. */
const BESIDE: readonly string[] = ["data", "blob"];
/** Those that are where they look like it. */
const LIKELY: readonly string[] = ["bytes", "image", "audio", "video", "imageBytes", "videoBytes"];
/** What a `format` is called that tells of audio. */
const AUDIO = /^(?:aac|aiff|flac|g711\w*|m4a|mp3|mp4|mpeg|mpga|ogg|opus|pcm\w*|wav|wave|webm)$/i;
/** A provider's tools give a picture that they made as a result. */
const RESULT = "result";
/** Where the conventions have media. */
const CONTENT = "content";
/** All of these. */
const NAMES: ReadonlySet<string> = new Set([...ALWAYS, ...BESIDE, ...LIKELY, RESULT, CONTENT]);

/** Whether a text is nothing but media. */
export function isInlineMedia(text: string): boolean {
  return INLINE.test(text);
}

/** What people and models said stays as it is: these members of parts, but for what a tool answered with. */
const SAID: Readonly<Record<string, string>> = {
  text: "content",
  reasoning: "content",
  refusal: "content",
  tool_call: "arguments",
};
const TOOL_ANSWER = "tool_call_response";

/**
 * A value with the media in it replaced by what they are, wherever they stand: `data:` URLs, bytes as SDKs and JSON have them, base64 that
 * is said to be media by the names around. Within a longer text, a `data:` URL keeps its media type, and has the hash and the size in
 * place of the data: `data:image/png;sha256=...;size=68,`.
 *
 * @param value Plain JSON, with messages in it as they are recorded.
 * @returns The value itself where there are none: most have none, and need not wait.
 */
export function withoutInlineMedia<T extends JsonValue>(value: T): T | Promise<T> {
  return hasMedia(value, true) ? replaced(value, { sparesSaid: true }) as Promise<T> : value;
}

function hasMedia(value: JsonValue, sparesSaid: boolean): boolean {
  if (typeof value === "string") return isInText(value);
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (hasMedia(item, sparesSaid)) return true;
    return false;
  }
  const object = value as JsonObject;
  if (bufferIn(object) !== undefined) return true;
  const said = sparesSaid ? saidIn(object) : undefined;
  const spares = sparesSaid && object["type"] !== TOOL_ANSWER;
  for (const name of Object.keys(object)) {
    if (name === said) continue;
    if (hasMedia(object[name]!, spares) || isBase64In(object, name)) return true;
  }
  return false;
}

/** The name of the member that is what somebody said. */
function saidIn({ type }: JsonObject): string | undefined {
  return typeof type === "string" && Object.hasOwn(SAID, type) ? SAID[type] : undefined;
}

function isInText(text: string): boolean {
  const hasUrl = text.includes(":") && (INLINE.test(text) || text.search(URL_WITHIN) !== -1);
  return hasUrl || hasMediaInJson(text);
}

/** Whether a text is JSON, as tools answer with, with media in it. Of one that was cut, it is the look that tells. */
function hasMediaInJson(text: string): boolean {
  if (!/^\s{0,8}[[{]/.test(text) || !IN_JSON.test(text)) return false;
  try {
    return hasMedia(JSON.parse(text), false);
  } catch {
    return text.search(QUOTED) !== -1; // it is no JSON, or nested too deep to be looked into
  }
}

/** The bytes of a buffer, as Node writes it in JSON. */
function bufferIn({ type, data }: JsonObject): Uint8Array | undefined {
  if (type !== "Buffer" || !Array.isArray(data)) return undefined;
  return Uint8Array.from(data as readonly number[]);
}

/** Whether a member is media in base64. */
function isBase64In(object: JsonObject, name: string): boolean {
  const value = object[name];
  if (typeof value !== "string" || value === "" || !NAMES.has(name)) return false;
  const type = textOf(object["type"]) ?? "";
  if (ALWAYS.includes(name)) return BASE64.test(value);
  if (BESIDE.includes(name)) {
    const isSaid = mediaTypeIn(object) !== undefined || KINDS.test(type);
    return isSaid && type !== "text" && BASE64.test(value);
  }
  if (name === CONTENT) return type === "blob" && BASE64.test(value);
  if (name === RESULT && type === "image_generation_call") return true;
  return /^[\w+/-]{256,}={0,2}$/.test(value);
}

function mediaTypeIn(object: JsonObject): string | undefined {
  for (const name of MEDIA_TYPES) {
    if (typeof object[name] === "string") return object[name];
  }
  const format = textOf(object["format"]) ?? "";
  return typeof object["data"] === "string" && AUDIO.test(format) ? `audio/${format}` : undefined;
}

async function replaced(
  value: JsonValue,
  { sparesSaid, mediaType }: { sparesSaid: boolean; mediaType?: string | undefined },
): Promise<JsonValue> {
  if (typeof value === "string") return await replacedText(value, mediaType);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return await inTurn(value, (item) => replaced(item, { sparesSaid }));
  const object = value as JsonObject;
  const buffer = bufferIn(object);
  if (buffer !== undefined) return { ...await blobPart(buffer, mediaType, false) };
  if (object["type"] === "blob" && isBase64In(object, "content")) return await hashed(object);
  const said = sparesSaid ? saidIn(object) : undefined;
  const around = {
    sparesSaid: sparesSaid && object["type"] !== TOOL_ANSWER,
    mediaType: mediaTypeIn(object),
  };
  const entries = await inTurn(Object.entries(object), async ([name, part]) => {
    if (name === said) return [name, part] as const;
    const isBase64 = typeof part === "string" && !INLINE.test(part) && isBase64In(object, name);
    const known = isBase64
      ? { ...await blobPart(part, around.mediaType ?? guessedType(object, name), false) }
      : await replaced(part, around);
    return [name, known] as const;
  });
  return Object.fromEntries(entries);
}

/** A part that is media as the conventions have it, with its bytes: what is made of those takes their place. */
async function hashed({ content, ...others }: JsonObject): Promise<JsonValue> {
  const known = await replaced(others, { sparesSaid: false }) as JsonObject;
  const mediaType = mediaTypeIn(others) ?? textOf(others["modality"]);
  return { ...known, ...await blobPart(String(content), mediaType, false) };
}

/** Media may be large: one after the other. */
async function inTurn<T, U>(list: readonly T[], make: (item: T) => Promise<U>): Promise<U[]> {
  const made: U[] = [];
  for (const item of list) made.push(await make(item));
  return made;
}

/** What kind of media it is, where only the names tell. */
function guessedType({ type }: JsonObject, name: string): string | undefined {
  const told = /image|audio|video/.exec(`${textOf(type) ?? ""} ${name}`)?.[0];
  return told ?? (/b64_json|result/.test(name) ? "image" : undefined);
}

async function replacedText(text: string, mediaType: string | undefined): Promise<JsonValue> {
  if (INLINE.test(text)) return { ...await urlPart(text, mediaType, false) };
  const isJson = hasMediaInJson(text);
  if (isJson) {
    try {
      const json = exactJson(text);
      return json.write(await replaced(json.value, { sparesSaid: false }));
    } catch {
      // It was cut, or is nested too deep: no call shall fail for what a tool answered with.
    }
  }
  const plain = await hashedIn(text, URL_WITHIN);
  return isJson ? await hashedIn(plain, QUOTED) : plain;
}

/** A text with the hash for each of the media in it. */
async function hashedIn(text: string, media: RegExp): Promise<string> {
  let plain = "";
  let at = 0;
  for (const { 0: found, 1: type = "", 2: data = found, index } of text.matchAll(media)) {
    const { sha256, size } = await blobPart(data.replaceAll("\\/", "/"), undefined, false);
    plain += `${text.slice(at, index)}data:${type};sha256=${sha256};size=${size},`;
    at = index + found.length;
  }
  return plain + text.slice(at);
}

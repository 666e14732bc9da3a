import type { JsonObject, JsonValue } from "../../mod.ts";
import { exactJson } from "./exact_json.ts";

/** Names of what somebody is let in with, however they are written: `openAIApiKey`, `x-api-key`, `aws_session_token`. */
const CREDENTIAL = new RegExp(
  `(?:${
    [
      "api[-_]?key(?:s|[-_]?(?:string|value))?",
      "access[-_]?key(?:[-_]?id)?",
      "(?:private|subscription|account|signing|encryption|master|shared|service|auth|functions?)[-_]?key(?:[-_]?pem)?",
      "(?:access|api|auth|authorization|bearer|bot|client|hf|id|jwt|private|refresh|sas|secret|security|service|session|user|vault)[-_]?token",
      "(?:^|\\.)token",
      "(?:^|[._-])(?:bearer|dsn|jwt|pwd|sas)",
      "auth(?:orization)?[-_]?header",
      "authorization",
      "passw(?:or)?d",
      "passphrase",
      "secrets?",
      "credentials?",
      "cookies?",
      "connection[-_]?string",
    ].join("|")
  })$`,
  "i",
);
/** Names of what credentials are sent in; those within may be called anything. */
const CARRIER = /headers(?:\.|$)|(?:^|\.)auth(?:entication)?(?:\.|$)/i;
/** Names of where a server is. */
const ADDRESS = /(?:server|base|api)[-_]?(?:url|base|uri)$|(?:^|\.)url$|endpoint$/i;
/** What a credential is called in a URL's query, beside the names that it has anywhere. */
const IN_QUERY = /^(?:[?&;])(?:key|sig|signature|code|auth|token|x-(?:amz|goog)-[\w-]+)$/i;

/** What has members whose names are those of other things, as a JSON schema's properties are: what they say is no credential. */
const SCHEMAS = /^(?:properties|patternProperties|\$defs|definitions|dependentSchemas)$/;

/**
 * Whole texts that are credentials, whatever they are called: those of headers, which are no words, as in `Basic Information`, and keys
 * whose form tells.
 */
const SECRET =
  /^(?:(?:bearer|basic|token) {1,8}(?=[\w.~+/-]*[\d=]|[\w.~+/=-]{24})[\w.~+/=-]{8,}|(?:sk|pk|rk|xai|gsk|glpat|hf|nvapi|pplx|r8|gh[opsu]|xox[a-z])[-_][\w-]{16,}|github_pat_\w{16,}|AIza[\w-]{20,}|(?:ya29|AQ)\.[\w.-]{20,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)$/i;
const LEFT_OUT = "[secret]";

/** What a name says of what it is the name of. */
interface Told {
  /** It is a credential, or holds some. */
  readonly isCredential: boolean;
  /** It is where a server is. */
  readonly isAddress: boolean;
}

/** What names of members say that were looked at: most come with each call. Of a name out of a text, the text might be kept. */
const told = new Map<string, Told>();
const MOST_TOLD = 1000;

function toldBy(name: string): Told {
  const known = told.get(name);
  if (known !== undefined) return known;
  const says = { isCredential: isCredential(name), isAddress: ADDRESS.test(name) };
  if (told.size < MOST_TOLD && name.length < 100) told.set(name, says);
  return says;
}

function isCredential(name: string): boolean {
  return CREDENTIAL.test(name) || CARRIER.test(name);
}

/**
 * What is recorded of a call beside what was said, without what lets somebody in: the one place that decides. Left out are members that
 * are called as credentials are, at whatever depth, those of JSON within a text included; of URLs, user, password, and the members
 * of the query that are called so, and of the addresses of servers the whole query. Texts that are nothing but a
 * key, by their form, are `[secret]`. A JSON schema may have properties of any name.
 *
 * @param value Plain JSON.
 * @returns The value itself where nothing is left out.
 */
export function withoutCredentials<T extends JsonValue>(value: T): T {
  return stripped(value) as T;
}

function stripped(value: JsonValue, isAddress = false): JsonValue {
  if (typeof value === "string") return strippedText(value, isAddress);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => stripped(item, isAddress));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  return strippedObject(value as JsonObject, false);
}

/** @param isSchema Whether its members have their names from somebody else. */
function strippedObject(object: JsonObject, isSchema: boolean): JsonObject {
  const kept: Record<string, JsonValue> = {};
  let isSame = true;
  for (const name of Object.keys(object)) {
    const value = object[name]!;
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    const saysNothing = value === null || typeof value === "boolean";
    if (!saysNothing && !(isSchema && isObject) && isCredentialIn(object, name)) {
      isSame = false;
      continue;
    }
    const part = isObject
      ? strippedObject(value as JsonObject, !isSchema && SCHEMAS.test(name))
      : stripped(value, toldBy(name).isAddress);
    kept[name] = part;
    isSame &&= part === value;
  }
  return isSame ? object : kept;
}

/**
 * A key that stands beside an address lets in there: those of search services are called so, and nothing else. A token that has a
 * probability is one of a model's.
 */
function isCredentialIn(object: JsonObject, name: string): boolean {
  if (name === "token" && typeof object["logprob"] === "number") return false;
  return toldBy(name).isCredential ||
    (/^key$/i.test(name) && Object.keys(object).some((other) => toldBy(other).isAddress));
}

function strippedText(text: string, isAddress: boolean): string {
  const json = strippedJson(text);
  if (json !== undefined) return json;
  if (SECRET.test(text)) return LEFT_OUT;
  if (!text.includes("://")) return text;
  const plain = text.replace(/:\/\/[^\s/?#"'\\]{1,1000}@/g, "://");
  if (isAddress) return plain.replace(/(:\/\/[^\s?#"'\\]{0,1000})\?[^\s#"'\\]*/g, "$1");
  return plain.replace(
    /([?&;][\w.-]{1,100})=[^\s&;#"'\\]*/g,
    (whole, name: string) =>
      IN_QUERY.test(name) || isCredential(name) ? `${name}=${LEFT_OUT}` : whole,
  );
}

/** JSON, as attributes of spans have it, or what begins like some and was cut, or is another language's; `undefined` for others. */
function strippedJson(text: string): string | undefined {
  if (!/^\s{0,8}[[{]/.test(text)) return undefined;
  try {
    const value: JsonValue = JSON.parse(text);
    if (stripped(value) === value) return text;
    const json = exactJson(text);
    return json.write(stripped(json.value));
  } catch {
    // It is no JSON, or nested too deep to be looked into.
    for (const { 1: name, index } of text.matchAll(/["']([\w.-]{1,100})\\*["']\s{0,8}:/g)) {
      if (!isCredential(name!)) continue;
      let end = index;
      while (text[end - 1] === "\\") end--; // those of the quote
      return text.slice(0, end) + LEFT_OUT; // where it would end cannot be told
    }
    return undefined;
  }
}

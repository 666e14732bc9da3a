/** As many bytes at a time as may be arguments of a function, and a multiple of 3. */
const AT_ONCE = 0x6000;

/** The base64 of bytes. */
export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += AT_ONCE) {
    text += btoa(String.fromCharCode(...bytes.subarray(at, at + AT_ONCE)));
  }
  return text;
}

/** The bytes of base64, of that for URLs as well; `undefined` for what is none. */
export function bytesOf(base64: string): Uint8Array | undefined {
  try {
    const plain = base64.replaceAll("-", "+").replaceAll("_", "/");
    return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

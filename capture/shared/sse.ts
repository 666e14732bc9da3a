/** How many characters are kept of a line, and of an event, which both may never end: more than an entry may have. */
const MOST = 32 * 1024 * 1024;

/** Decodes what has all of its characters' bytes, in half the time that remembering what has not takes. */
const WHOLE = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Reads server-sent events as they come, after the HTML standard, section 9.2: lines end with CR, LF or both, wherever the bytes
 * are cut. Of an event that is longer than is kept, it tells that there was one.
 */
export class SseReader {
  readonly #event: (name: string, data: string) => void;
  readonly #decoder = new TextDecoder();
  /** Whether the last of the bytes may be a part of a character. */
  #isCut = true;
  /** A line of which the end is still to come. */
  #begun = "";
  #afterCr = false;
  #name = "";
  #data: string | undefined;
  /** Whether the event that is being read is longer than is kept. */
  #isTooLong = false;
  #tooLong = 0;

  /** @param event Takes an event: its type, `message` where it names none, and its data. */
  constructor(event: (name: string, data: string) => void) {
    this.#event = event;
  }

  /** How many events were longer than is kept. */
  get tooLong(): number {
    return this.#isTooLong ? this.#tooLong + 1 : this.#tooLong;
  }

  /** Whether a line ended with the last of the bytes. */
  get isAtLineStart(): boolean {
    return this.#begun === "";
  }

  /** Takes the events that some more bytes complete. */
  read(bytes: Uint8Array): void {
    const isWhole = !this.#isCut;
    if (bytes.length > 0) this.#isCut = bytes[bytes.length - 1]! > 0x7f;
    const text = isWhole && !this.#isCut
      ? WHOLE.decode(bytes)
      : this.#decoder.decode(bytes, { stream: true });
    this.#lines(text);
  }

  #lines(text: string): void {
    let from = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterCr = false;
    let lf = text.indexOf("\n", from);
    let cr = text.indexOf("\r", from);
    while (lf !== -1 || cr !== -1) {
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr;
      if (this.#begun === "") this.#take(text, from, end);
      else {
        this.#keep(text.slice(from, end));
        this.#take(this.#begun, 0, this.#begun.length);
        this.#begun = "";
      }
      from = end + (end === cr && lf === cr + 1 ? 2 : 1);
      // Its LF may be still to come.
      this.#afterCr = end === cr && from === text.length && lf !== cr + 1;
      if (lf !== -1 && lf < from) lf = text.indexOf("\n", from);
      if (cr !== -1 && cr < from) cr = text.indexOf("\r", from);
    }
    if (from < text.length) this.#keep(text.slice(from));
  }

  /** Adds to the line that has begun; of an event that is left out, no more than that it is not empty. */
  #keep(text: string): void {
    if (this.#begun.length + text.length > MOST) this.#leaveOut();
    if (!this.#isTooLong) this.#begun += text;
    else if (text !== "") this.#begun = ":";
  }

  #leaveOut(): void {
    this.#isTooLong = true;
    this.#data = undefined;
  }

  /** Takes a line where it stands: each piece of it that were cut out would cost time. */
  #take(text: string, from: number, end: number): void {
    if (from === end) return this.#dispatch();
    if (end - from > MOST) this.#leaveOut();
    const isData = text.startsWith("data", from);
    if (this.#isTooLong || !(isData || text.startsWith("event", from))) return;
    const colon = from + (isData ? "data" : "event").length;
    if (colon < end && text[colon] !== ":") return; // another field
    const value = colon < end ? text.slice(colon + (text[colon + 1] === " " ? 2 : 1), end) : "";
    if (!isData) this.#name = value;
    else if (value.length + (this.#data?.length ?? 0) > MOST) this.#leaveOut();
    else this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`;
  }

  #dispatch(): void {
    const name = this.#name;
    const data = this.#data;
    this.#name = "";
    this.#data = undefined;
    if (this.#isTooLong) this.#tooLong++;
    this.#isTooLong = false;
    if (data !== undefined) this.#event(name === "" ? "message" : name, data);
  }
}

/** An event of a stream of server-sent events. */
export interface ServerSentEvent {
  /** Its type; `message` where it names none. */
  readonly name: string;
  readonly data: string;
}

/**
 * Reads server-sent events as they come, after the HTML standard, section 9.2: lines end with CR, LF or both, wherever the bytes
 * are cut.
 */
export class SseReader {
  readonly #decoder = new TextDecoder();
  #line = "";
  #afterCr = false;
  #name = "";
  #data: string[] = [];

  /** The events that some more bytes complete. */
  read(bytes: Uint8Array): ServerSentEvent[] {
    return this.#lines(this.#decoder.decode(bytes, { stream: true }));
  }

  #lines(text: string): ServerSentEvent[] {
    const events: ServerSentEvent[] = [];
    let from = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterCr = false;
    const ends = /\r\n|\n|\r/g;
    ends.lastIndex = from;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const event = this.#take(this.#line + text.slice(from, end.index));
      if (event !== undefined) events.push(event);
      this.#line = "";
      from = ends.lastIndex;
      // Its LF may be still to come.
      this.#afterCr = end[0] === "\r" && from === text.length;
    }
    this.#line += text.slice(from);
    return events;
  }

  #take(line: string): ServerSentEvent | undefined {
    if (line === "") {
      const event = {
        name: this.#name === "" ? "message" : this.#name,
        data: this.#data.join("\n"),
      };
      const isEvent = this.#data.length > 0;
      this.#name = "";
      this.#data = [];
      return isEvent ? event : undefined;
    }
    const [, field = line, value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    return undefined; // a comment, or a field that says nothing of the event
  }
}

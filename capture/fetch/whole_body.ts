import type { JsonValue } from "../../mod.ts";
import { exactValue } from "../shared/exact_json.ts";

/** What a body says that was read to its end: who reads it has what was read to be recorded, as long as that is kept. */
export class WholeBody {
  #text: string | undefined;
  /** The value of its JSON, once that was read. */
  #value: { readonly json: unknown } | undefined;

  /** @param text Its text. */
  constructor(text: string) {
    this.#text = text;
  }

  /** Its text; nothing once it is not kept any more. */
  get text(): string | undefined {
    return this.#text;
  }

  /** The value of its JSON, to be looked at: who takes it gets the same. @throws {SyntaxError} It is none. */
  readJson(): JsonValue {
    const text = this.#text ?? "";
    const json: JsonValue = JSON.parse(text);
    this.#value = { json };
    return exactValue(json, text);
  }

  /** The value of its JSON, as `json()` gives it, for one who has it alone. @throws {SyntaxError} It is none. */
  takeJson(): unknown {
    const { json } = this.#value ?? { json: JSON.parse(this.#text ?? "") };
    this.#value = undefined;
    return json;
  }

  /** Keeps nothing: it is read otherwise, and may be long. */
  forget(): void {
    this.#text = undefined;
    this.#value = undefined;
  }
}

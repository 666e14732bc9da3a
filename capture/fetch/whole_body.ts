import type { JsonValue } from "../../mod.ts";
import { exactValue } from "../shared/exact_json.ts";

/** What a body says that was read to its end: whoever reads it may have what was read of it to be recorded. */
export class WholeBody {
  /** Its text. */
  readonly text: string;
  /** The value of its JSON, once that was read, until somebody has it. */
  #value: { readonly json: unknown } | undefined;

  /** @param text Its text. */
  constructor(text: string) {
    this.text = text;
  }

  /** The value of its JSON, to be looked at: who takes it gets the same. @throws {SyntaxError} It is none. */
  readJson(): JsonValue {
    const json: JsonValue = JSON.parse(this.text);
    this.#value = { json };
    return exactValue(json, this.text);
  }

  /** The value of its JSON, as `json()` gives it, for one who has it alone. @throws {SyntaxError} It is none. */
  takeJson(): unknown {
    const { json } = this.#value ?? { json: JSON.parse(this.text) };
    this.#value = undefined;
    return json;
  }
}

import type { CapturedRemains } from "../shared/captured_call.ts";
import type { RecordedEnd } from "../shared/recorded_parts.ts";

/** What is recorded when a stream of Node's is destroyed by who reads it. */
export const LEFT = { name: "AbortError", message: "Nobody reads on" };

/** The copies of a response: who leaves one does not end the call as long as another may be read. */
export class Copies {
  readonly #call: RecordedEnd;
  #open = 0;
  /** What was read of one that was left. */
  #remains: CapturedRemains | undefined;

  constructor(call: RecordedEnd) {
    this.#call = call;
  }

  /** One more, as which a copy's call ends. */
  add(copy: object): Copy {
    this.#open++;
    let isOpen = true;
    const call = this.#call;
    const added: Copy = {
      isTouched: false,
      firstOutput: () => call.firstOutput(),
      hold: (work) => call.hold(work),
      complete: (response) => call.complete(response),
      fail: (error, remains) => call.fail(error, remains),
      abort: (remains, reason) => {
        // Who stopped the request wants none of them.
        if (reason !== undefined && reason !== LEFT) return call.abort(remains, reason);
        if (isOpen) this.#open--;
        isOpen = false;
        if (remains?.output?.length) this.#remains = remains;
        return this.#open > 0 ? Promise.resolve() : call.abort(this.#remains ?? remains, reason);
      },
    };
    abandoned.register(copy, added);
    return added;
  }
}

/** How the call of a copy ends. */
export interface Copy extends RecordedEnd {
  /** Whether somebody has looked for what reads it: that tells itself when it is left. */
  isTouched: boolean;
}

/** Copies that became garbage: those that nobody has begun to read, nobody can. */
const abandoned = new FinalizationRegistry<Copy>((copy) => {
  if (!copy.isTouched) void copy.abort();
});

/**
 * The calls of a lane: begun, ended in any order and in every way, tried again, left, and resumed.
 *
 * @module
 */

import type { AuditCall, AuditLog } from "../../../mod.ts";
import type { Random } from "../../../tests/support/random.ts";
import { ALONE, callOf, end, type Recording } from "./entries.ts";
import { numbersOf, type Outcome, type Submissions, worst } from "./submissions.ts";
import type { Teller } from "./teller.ts";

const MAY_FAIL = ["REDACTION_FAILED"];
/** How many calls are resumed at a time. */
const MOST_RESUMED = 5;

/** Calls that one lane began, over all its handles, and those of the present handle that it has to end. */
export class LaneCalls {
  readonly #submissions: Submissions;
  readonly #teller: Teller;
  readonly #random: Random;
  /** Calls that were begun on the present handle and have not ended; an end may have been refused. */
  #open: { readonly call: AuditCall; wasRefused: boolean }[] = [];
  /** What is known of each call that was begun: an end that was refused may be in the log. */
  readonly #states = new Map<string, "open" | "unsure" | "ended">();

  constructor(submissions: Submissions, teller: Teller, random: Random) {
    this.#submissions = submissions;
    this.#teller = teller;
    this.#random = random;
  }

  /** To be told when the handle is closed: its calls are left, to be resumed. */
  leave(): void {
    this.#open = [];
  }

  /** Begins several at once. */
  async begin(log: AuditLog, recording: Recording, count: number): Promise<Outcome> {
    if (this.#random.chance(15)) {
      const { lane: user, handle, redacts } = recording;
      const metadata = { handle, redacts };
      const asked = { user, model: ALONE, inputText: ALONE, metadata };
      this.#open.push({ call: await log.begin(asked, { begin: false }), wasRefused: false });
      return "acknowledged";
    }
    const submissions = this.#submissions;
    return worst(
      await Promise.all(
        numbersOf(submissions.take(count)).map((number) =>
          submissions.submit([number, number], false, async () => {
            const call = await log.begin(callOf(recording, number));
            this.#open.push({ call, wasRefused: false });
            this.#states.set(call.callId, "open");
            return [call.entry!];
          }, MAY_FAIL)
        ),
      ),
    );
  }

  /** Ends some: those whose end was never tried at once, others one by one. */
  async end(recording: Recording, count: number): Promise<Outcome> {
    const chosen = this.#open.filter(() => this.#random.chance(60)).slice(0, count);
    const again = chosen.filter(({ wasRefused }) => wasRefused);
    const first = chosen.filter(({ wasRefused }) => !wasRefused);
    const outcomes = await Promise.all(first.map((one) => this.#end(recording, one)));
    if (outcomes.includes("failed")) return "failed";
    again.push(...first.filter(({ wasRefused }) => wasRefused && this.#random.chance(70)));
    for (const one of again) {
      outcomes.push(await this.#end(recording, one));
      this.#teller.journal.count("ends tried again");
    }
    return worst(outcomes);
  }

  async #end(
    recording: Recording,
    one: { readonly call: AuditCall; wasRefused: boolean },
  ): Promise<Outcome> {
    const outcome = await this.#submit(recording, one.call);
    if (outcome === "acknowledged") this.#open = this.#open.filter((other) => other !== one);
    else one.wasRefused = true;
    return outcome;
  }

  async #submit(recording: Recording, call: AuditCall): Promise<Outcome> {
    const span = this.#submissions.take();
    const ending = async () => [await end(call, recording, span[0])];
    const outcome = await this.#submissions.submit(span, false, ending, MAY_FAIL);
    const { callId } = call;
    if (this.#states.has(callId)) {
      this.#states.set(callId, outcome === "acknowledged" ? "ended" : "unsure");
    }
    return outcome;
  }

  /**
   * Looks which calls are unfinished, and ends some of those that nobody else ends: this lane's of earlier handles, and for one
   * lane of a round those of the rounds before.
   */
  async resume(log: AuditLog, recording: Recording): Promise<Outcome> {
    const { lane } = recording;
    const own = await this.#teller.attempt("unfinished", () => log.unfinished({ user: lane }));
    if (own === undefined) return "refused";
    this.#check(own);
    const round = Number(lane.split(".")[0]);
    const all = /^\d+\.0a$/.test(lane)
      ? await this.#teller.attempt("unfinished", () => log.unfinished())
      : [];
    const earlier = (all ?? []).filter(({ entry }) => Number(entry!.user.split(".")[0]) < round);
    const held = new Set(this.#open.map(({ call }) => call.callId));
    const left = [...own.filter(({ callId }) => !held.has(callId)), ...earlier];
    for (const call of left.filter(() => this.#random.chance(50)).slice(0, MOST_RESUMED)) {
      const outcome = await this.#submit(recording, call);
      if (outcome !== "acknowledged") return outcome;
      this.#teller.journal.count("calls resumed");
    }
    return "acknowledged";
  }

  #check(unfinished: readonly AuditCall[]): void {
    const ids = new Set(unfinished.map(({ callId }) => callId));
    for (const [callId, state] of this.#states) {
      if (state === "open" && !ids.has(callId)) this.#teller.fail(`${callId} is not unfinished`);
      if (state === "ended" && ids.has(callId)) this.#teller.fail(`${callId} has ended`);
    }
  }
}

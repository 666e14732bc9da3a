/**
 * What makes a log checkable, whatever backend is beneath it: checkpoints, proofs, verification.
 *
 * @module
 */

import type { MakePlace } from "../support/backends.ts";
import { checkpointConformance } from "./log_checkpoints.ts";
import { proofConformance } from "./log_proofs.ts";
import { publishConformance } from "./log_publish.ts";
import { scheduleConformance } from "./log_schedule.ts";
import { signerConformance } from "./log_signers.ts";
import { signingHandlesConformance } from "./log_signing_handles.ts";
import { verifyConformance } from "./log_verify.ts";

/** Registers the tests of what makes a log checkable. */
export function transparencyConformance(
  name: string,
  place: MakePlace,
  { persistent }: { readonly persistent: boolean },
): void {
  checkpointConformance(name, place);
  proofConformance(name, place);
  verifyConformance(name, place);
  scheduleConformance(name, place);
  publishConformance(name, place);
  signerConformance(name, place);
  if (persistent) signingHandlesConformance(name, place);
}

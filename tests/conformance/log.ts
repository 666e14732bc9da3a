/**
 * What every log does, whatever backend is beneath it. A backend proves itself by calling
 * {@link logConformance}; what it cannot do, it declares.
 *
 * @module
 */

import type { MakePlace } from "../support/backends.ts";
import { adoptConformance } from "./log_adopt.ts";
import { annotationsConformance } from "./log_annotations.ts";
import { beforeCloseConformance } from "./log_before_close.ts";
import { callsConformance } from "./log_calls.ts";
import { handlesConformance } from "./log_handles.ts";
import { lifecycleConformance } from "./log_lifecycle.ts";
import { metadataConformance } from "./log_metadata.ts";
import { pagingConformance } from "./log_paging.ts";
import { queryConformance } from "./log_query.ts";
import { recordConformance } from "./log_record.ts";
import { redactionConformance } from "./log_redaction.ts";
import { refusalsConformance } from "./log_refusals.ts";
import { timeConformance } from "./log_time.ts";

/** What a backend can do beyond the least. */
export interface LogFlags {
  /** Opening the same place again shows the same log, to several handles at once too. */
  readonly persistent: boolean;
}

/** Registers the tests of the behaviour that all logs share. */
export function logConformance(name: string, place: MakePlace, flags: LogFlags): void {
  recordConformance(name, place);
  queryConformance(name, place);
  timeConformance(name, place);
  metadataConformance(name, place);
  pagingConformance(name, place);
  adoptConformance(name, place);
  lifecycleConformance(name, place);
  beforeCloseConformance(name, place);
  callsConformance(name, place);
  annotationsConformance(name, place);
  redactionConformance(name, place);
  refusalsConformance(name, place);
  if (flags.persistent) handlesConformance(name, place);
}

/**
 * Having logs of every runtime checked by programs that are not ours: the Go program in `tests/interop/verifier`, which
 * stands on Go's own packages, and openssl. `tests/interop/plan.ts` tells what is written, `README.md` there how the
 * programs are called.
 *
 * @module
 */

import { LOGS, ORIGIN, pairsOf, type PlannedLog, provenAt } from "../../tests/interop/plan.ts";
import { mustRun, run, type RunResult } from "../lib/process.ts";
import { pathOf } from "../lib/project.ts";
import type { Runtime } from "../lib/runtimes.ts";
import { altered, placesIn } from "./altered.ts";
import { Openssl } from "./openssl.ts";
import type { Progress } from "./print.ts";
import { Checks, type Outcome } from "./checks.ts";

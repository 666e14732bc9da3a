import { logConformance } from "../conformance/log.ts";
import { placeFor } from "../support/backends.ts";

logConformance("jsonl", placeFor("jsonl"), { persistent: true });

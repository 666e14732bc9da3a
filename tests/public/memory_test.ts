import { logConformance } from "../conformance/log.ts";
import { placeFor } from "../support/backends.ts";

logConformance("memory", placeFor("memory"), { persistent: false });

import { logConformance } from "../conformance/log.ts";
import { placeFor } from "../support/backends.ts";

logConformance("sqlite", placeFor("sqlite"), { persistent: true });

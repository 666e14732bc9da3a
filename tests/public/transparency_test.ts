import { AuditLog } from "@audit-log/llm";
import { transparencyConformance } from "../conformance/log_transparency.ts";
import { ArrayStore } from "../support/array_store.ts";
import { FILE_BACKENDS, placeFor } from "../support/backends.ts";
import { atEnd } from "../support/temp.ts";

transparencyConformance("memory", placeFor("memory"), { persistent: false });
for (const backend of FILE_BACKENDS) {
  transparencyConformance(backend, placeFor(backend), { persistent: true });
}
// What keeps its tree where it can: a store of a caller's own that knows nothing of trees.
transparencyConformance("custom store", (t) => ({
  async open(options = {}) {
    const log = await AuditLog.open({ ...options, backend: new ArrayStore() });
    atEnd(t, () => log.close());
    return log;
  },
}), { persistent: false });

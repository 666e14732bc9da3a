// Whichever call to the system fails while large batches are written to SQLite, by the thread that writes them or by the
// log: as in injected_faults_test.ts. What the thread does is done here, where its calls can be made to fail.

import type { Runtime } from "@audit-log/llm";
import { RowThread } from "../../src/stores/row_thread.ts";
import { LARGE_BATCHES, testFaults } from "../support/fault_bench.ts";

/** The runtime, whose writer of rows calls the runtime, too. */
function withWriter(runtime: Runtime): Runtime {
  const { sqlite } = runtime;
  return {
    ...runtime,
    sqlite: {
      ...sqlite,
      async startRowWriter(settings) {
        const thread = await RowThread.open(runtime, settings);
        // That of a runtime ends the thread, whatever becomes of its database.
        const close = () => thread.close().catch(() => {});
        return { write: (rows) => thread.write(rows), close };
      },
    },
  };
}

testFaults({ backend: "sqlite", ...LARGE_BATCHES, through: withWriter });

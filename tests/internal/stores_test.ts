import { join } from "node:path";
import type { TestContext } from "node:test";
import type { FileSettings } from "../../src/options.ts";
import type { LogStore, Runtime } from "@audit-log/llm";
import { openJsonlStore } from "../../src/stores/jsonl.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { openSqliteStore } from "../../src/stores/sqlite.ts";
import { storeConformance } from "../conformance/store.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

type OpenStore = (runtime: Runtime, settings: FileSettings) => Promise<LogStore>;

const inFile = (open: OpenStore) => async (t: TestContext): Promise<LogStore> =>
  await open(await currentRuntime(), {
    path: join(tempFolder(t), "log"),
    durability: "full",
    readOnly: false,
    busyTimeoutMs: 30_000,
    maxRecordBytes: 2 ** 20,
    warn: () => {},
  });

storeConformance("memory store", () => new MemoryStore());
storeConformance("sqlite store", inFile(openSqliteStore));
storeConformance("jsonl store", inFile(openJsonlStore));

import { join } from "node:path";
import {
  type MakeTreeStore,
  treeStoreConformance,
  type TreeStorePair,
} from "../conformance/tree_store.ts";
import type { FileSettings } from "../../src/options.ts";
import type { Runtime } from "../../src/ports.ts";
import { openJsonlStore } from "../../src/stores/jsonl.ts";
import { MemoryStore } from "../../src/stores/memory.ts";
import { MemoryTree } from "../../src/stores/memory_tree.ts";
import { openSqliteStore } from "../../src/stores/sqlite.ts";
import type { LogStore } from "../../src/stores/store.ts";
import { ArrayStore } from "../support/array_store.ts";
import { currentRuntime } from "../support/runtime.ts";
import { tempFolder } from "../support/temp.ts";

type OpenStore = (runtime: Runtime, settings: FileSettings) => Promise<LogStore>;

const inFile =
  (open: OpenStore, durability: FileSettings["durability"] = "full"): MakeTreeStore => (t) => {
    const path = join(tempFolder(t), "log");
    return {
      persistent: true,
      async open(): Promise<TreeStorePair> {
        const store = await open(await currentRuntime(), {
          path,
          durability,
          readOnly: false,
          busyTimeoutMs: 30_000,
          maxRecordBytes: 2 ** 20,
          warn: () => {},
        });
        return { store, tree: store.tree! };
      },
    };
  };

const inMemory = (make: () => LogStore): MakeTreeStore => () => ({
  persistent: false,
  open(): Promise<TreeStorePair> {
    const store = make();
    return Promise.resolve({ store, tree: new MemoryTree(store) });
  },
});

treeStoreConformance("memory tree", inMemory(() => new MemoryStore()));
treeStoreConformance("custom store's tree", inMemory(() => new ArrayStore()));
treeStoreConformance("sqlite tree", inFile(openSqliteStore));
treeStoreConformance("jsonl tree", inFile(openJsonlStore));
treeStoreConformance("relaxed jsonl tree", inFile(openJsonlStore, "relaxed"));

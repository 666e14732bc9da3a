import { assertEquals, assertThrows } from "@std/assert";
import { test } from "node:test";
import { CliError } from "../../src/cli/cli_error.ts";
import { Groups, parseGrouping } from "../../src/cli/groups.ts";
import type { AuditEntry } from "../../src/entry.ts";

const entryOf = (user: string): AuditEntry => ({
  entryId: "",
  timestamp: "2026-01-31T08:00:00.000Z",
  user,
  model: "m",
  inputText: "",
  outputText: "",
  costUsd: null,
  latencyMs: null,
  metadata: {},
});

test("groups are refused when there are more than can be held", () => {
  const groups = new Groups(parseGrouping("user"), 2);
  groups.add(entryOf("alice"));
  groups.add(entryOf("bob"));
  groups.add(entryOf("alice"));
  assertThrows(() => groups.add(entryOf("carol")), CliError, "more than 2 groups");
  assertEquals(groups.all().map(({ group, calls }) => [group, calls]), [["alice", 2], ["bob", 1]]);
});

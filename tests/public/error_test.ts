// What is seen of an error that is logged.

import { assert, assertEquals } from "@std/assert";
import { AuditLog, AuditLogError } from "@audit-log/llm";
import { test } from "node:test";
import { inspect } from "node:util";
import { interaction } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

test("an error that is about no field, and has no cause, does not speak of any", async () => {
  const log = await AuditLog.open();
  await log.close();
  const error = await assertRefused(() => log.record(interaction()), "LOG_CLOSED");
  assertEquals([error.path, error.cause], [undefined, undefined]);
  assert(!("path" in error) && !("cause" in error));
  assert(!inspect(error).includes("undefined"), inspect(error));
});

test("an error that is about a field has its name", () => {
  const cause = new Error("beneath");
  const error = new AuditLogError("INVALID_ENTRY", "Cannot x: y", { path: "model", cause });
  assertEquals([error.path, error.cause], ["model", cause]);
  assertEquals(JSON.parse(JSON.stringify(error)).path, "model");
});

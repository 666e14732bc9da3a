/**
 * Annotations, gaps, and the context that entries are recorded in.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { type AuditEntry, withAuditContext } from "@audit-log/llm";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { foreignLine, inputs, interaction, interactions } from "../support/interaction.ts";
import { assertRefused } from "../support/refused.ts";

export function annotationsConformance(name: string, place: MakePlace): void {
  test(`${name}: annotate() says something of an entry, in the convention's fields`, async (t) => {
    const log = await place(t).open();
    const [entry, other] = await log.recordAll(interactions(2, { model: "gpt", user: "alice" }));
    const annotation = await log.annotate(entry!.entryId, {
      name: "relevance",
      score: 0.25,
      label: "fail",
      explanation: "Off the point.",
      user: "judge",
      metadata: { run: 7 },
    });
    assertEquals([annotation.model, annotation.user], ["gpt", "judge"]);
    assertEquals(annotation.metadata, {
      "audit.event": "annotation",
      "audit.ref": entry!.entryId,
      "gen_ai.evaluation.explanation": "Off the point.",
      "gen_ai.evaluation.name": "relevance",
      "gen_ai.evaluation.score.label": "fail",
      "gen_ai.evaluation.score.value": 0.25,
      run: 7,
    });
    await log.annotate(entry!.entryId, { name: "human-review" });
    const found = await log.get(entry!.entryId, { annotations: true });
    const { annotations, ...plain } = found!;
    assertEquals(plain, entry!);
    assertEquals(
      annotations.map(({ name, score, label, explanation, user }) => [
        name,
        score,
        label,
        explanation,
        user,
      ]),
      [
        ["relevance", 0.25, "fail", "Off the point.", "judge"],
        ["human-review", undefined, undefined, undefined, "anonymous"],
      ],
    );
    assert(
      Object.isFrozen(found) && Object.isFrozen(annotations) && Object.isFrozen(annotations[0]),
    );
    assertEquals((await log.get(other!.entryId, { annotations: true }))!.annotations, []);
    const queried = await log.query({ annotations: true, user: "alice" });
    assertEquals(queried.map(({ annotations }) => annotations.length), [2, 0]);
    const streamed: number[] = [];
    for await (const { annotations } of log.stream({ annotations: true, order: "desc" })) {
      streamed.push(annotations.length);
    }
    assertEquals(streamed, [0, 2]);
    // The entries themselves are as they were.
    assertEquals(await log.query(), [entry!, other!]);
    assertEquals(await log.get("nobody", { annotations: true }), undefined);
    assert((await log.verify()).ok);
  });

  test(`${name}: an annotation is copied before annotate() returns`, async (t) => {
    const log = await place(t).open();
    const { entryId } = await log.record(interaction());
    const annotation = { name: "quality", score: 1, metadata: { tags: ["a"] } };
    const annotating = [log.annotate(entryId, annotation)];
    annotation.score = 2;
    annotation.metadata.tags.push("b");
    annotating.push(log.annotate(entryId, annotation));
    annotation.score = 3;
    await Promise.all(annotating);
    const { annotations } = (await log.get(entryId, { annotations: true }))!;
    // Each looks for its entry first: which is written first is open.
    const told = new Map(annotations.map(({ score, metadata }) => [score, metadata["tags"]]));
    assertEquals([...told].sort(), [[1, ["a"]], [2, ["a", "b"]]]);
  });

  test(`${name}: an entry whose model new ones may not have is annotated, too`, async (t) => {
    const log = await place(t).open();
    await log.adopt([foreignLine({ model: "" })]);
    const [{ entryId }] = await log.query() as [AuditEntry];
    assertEquals((await log.annotate(entryId, { name: "seen" })).model, "-");
  });

  test(`${name}: entries that another program wrote are annotated, whatever their ids are`, async (t) => {
    const log = await place(t).open();
    const ids = ["entry 7", "日本 💬", 'a"b\\c', "x".repeat(1024), "4C668D10-691D"];
    const odd = ["", "a\tb", "x".repeat(1025)];
    await log.adopt([...ids, ...odd].map((entry_id) => foreignLine({ entry_id })));
    for (const id of ids) await log.annotate(id, { name: "seen", label: id });
    for (const entry of await log.query({ annotations: true, limit: ids.length })) {
      assertEquals(entry.annotations.map(({ label }) => label), [entry.entryId]);
    }
    for (const id of odd) {
      await assertRefused(() => log.annotate(id, { name: "seen" }), "INVALID_ENTRY", "entryId");
    }
    assertEquals(await log.count({ events: "all" }), 2 * ids.length + odd.length);
    assert((await log.verify()).ok);
  });

  test(`${name}: an annotation that was asked for before the log is closed is recorded`, async (t) => {
    const log = await place(t).open();
    const { entryId } = await log.record(interaction());
    const annotating = log.annotate(entryId, { name: "relevance" });
    await Promise.all([annotating, log.close()]);
    assertEquals(log.size, 2);
    await assertRefused(() => log.annotate(entryId, { name: "relevance" }), "LOG_CLOSED");
  });

  test(`${name}: annotate() refuses what it does not know`, async (t) => {
    const log = await place(t).open();
    const { entryId } = await log.record(interaction());
    const annotate = (annotation: unknown, id = entryId) => () =>
      log.annotate(id, annotation as never);
    await assertRefused(annotate({ name: "x" }, "nobody"), "ENTRY_NOT_FOUND");
    await assertRefused(annotate({}), "INVALID_ENTRY", "name");
    await assertRefused(annotate({ name: "x", score: NaN }), "INVALID_ENTRY", "score");
    await assertRefused(annotate({ name: "x", score: "1" }), "INVALID_ENTRY", "score");
    await assertRefused(annotate({ name: "x", score: 2 ** 53 }), "INVALID_ENTRY", "score");
    await assertRefused(annotate({ name: "x", label: 1 }), "INVALID_ENTRY", "label");
    await assertRefused(annotate({ name: "x", value: 1 }), "INVALID_ENTRY", "value");
    await assertRefused(annotate(null), "INVALID_ENTRY");
    await assertRefused(
      annotate({ name: "x", metadata: { "audit.ref": "other" } }),
      "INVALID_ENTRY",
      'metadata["audit.ref"]',
    );
    assertEquals(log.size, 1);
  });

  test(`${name}: recordGap() tells how many entries of which calls were lost`, async (t) => {
    const log = await place(t).open();
    const gap = await log.recordGap({
      lost: 3,
      calls: ["a", "b"],
      reasons: { WRITE_FAILED: 2, ENTRY_TOO_LARGE: 1 },
    });
    assertEquals(gap.metadata, {
      "audit.event": "gap",
      "audit.gap": {
        calls: ["a", "b"],
        lost: 3,
        reasons: { ENTRY_TOO_LARGE: 1, WRITE_FAILED: 2 },
      },
    });
    assertEquals(await log.query(), []);
    const refused = (gap: unknown) => () => log.recordGap(gap as never);
    await assertRefused(refused({ lost: 0 }), "INVALID_ENTRY", "lost");
    for (const call of [1, undefined, "", "what was said", "a@b.c", "x".repeat(129)]) {
      await assertRefused(refused({ lost: 1, calls: [call] }), "INVALID_ENTRY", "calls");
    }
    for (
      const reasons of [
        { X: "y" },
        { X: 0 },
        { "what was said": 1 },
        [],
        null,
        JSON.parse('{"__proto__":1}'),
      ]
    ) {
      await assertRefused(refused({ lost: 1, reasons }), "INVALID_ENTRY", "reasons");
    }
    await assertRefused(refused({ lost: 1, why: "" }), "INVALID_ENTRY", "why");
  });

  test(`${name}: entries carry the context that they are recorded in, unless they say otherwise`, async (t) => {
    const log = await place(t).open();
    await withAuditContext({ user: "alice", metadata: { a: 1, b: 1 } }, async () => {
      await log.record(interaction({ inputText: "0" }));
      await log.record(interaction({ inputText: "1", user: "bob", metadata: { b: 2 } }));
      await withAuditContext({ metadata: { b: 3, c: [3] } }, async () => {
        await log.recordAll([interaction({ inputText: "2" })]);
        const call = await log.begin({ model: "m", inputText: "3" });
        // Ended elsewhere, it is of the context in which it began.
        await withAuditContext(
          { user: "carol", metadata: { d: 4 } },
          () => call.complete({ outputText: "" }),
        );
      });
    });
    await log.record(interaction({ inputText: "4" }));
    const entries = await log.query();
    assertEquals(inputs(entries), ["0", "1", "2", "3", "4"]);
    assertEquals(entries.map(({ user }) => user), ["alice", "bob", "alice", "alice", "anonymous"]);
    const own = entries.map(({ metadata }) =>
      Object.fromEntries(Object.entries(metadata).filter(([key]) => !key.startsWith("audit.")))
    );
    assertEquals(own, [{ a: 1, b: 1 }, { a: 1, b: 2 }, { a: 1, b: 3, c: [3] }, {
      a: 1,
      b: 3,
      c: [3],
    }, {}]);
    assert((await log.verify()).ok);
  });

  test(`${name}: concurrent contexts do not mix, through awaits, timers and streams`, async (t) => {
    const log = await place(t).open();
    const users = Array.from({ length: 20 }, (_, n) => `u${n}`);
    await Promise.all(users.map((user) =>
      withAuditContext({ user }, async () => {
        await Promise.resolve();
        await new Promise((resolve) => setTimeout(resolve, 1));
        await log.record(interaction({ inputText: user }));
        const stream = new ReadableStream<string>({
          pull(controller) {
            controller.enqueue(user);
            controller.close();
          },
        });
        for await (const text of stream) await log.record(interaction({ inputText: text }));
      })
    ));
    const entries = await log.query();
    assertEquals(entries.length, 40);
    for (const { user, inputText } of entries) assertEquals(user, inputText);
  });
}

// Every query walks along an index or the primary key, in order: no table is scanned, nothing is sorted.

import { assert, assertEquals, assertGreater, assertStringIncludes } from "@std/assert";
import { AuditLog, type AuditQuery, type Runtime, type SqliteDatabase } from "@audit-log/llm";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FILE_BACKENDS } from "../support/backends.ts";
import { foreignLine, interaction, START_MS, steadyClock } from "../support/interaction.ts";
import { currentRuntime } from "../support/runtime.ts";
import { atEnd, tempFolder } from "../support/temp.ts";

/** A statement, and how SQLite says to run it. */
interface Planned {
  sql: string;
  plan: string[];
}

/** The runtime, telling of each SELECT that is prepared how SQLite will run it. */
function spying(runtime: Runtime, into: Planned[]): Runtime {
  const spy = (database: SqliteDatabase): SqliteDatabase => ({
    exec: (sql) => database.exec(sql),
    close: () => database.close(),
    prepare(sql) {
      // SQLite prepares it again each time such a limit is set.
      assert(!/\bLIMIT \?(?! \+)/.test(sql), sql);
      const statement = database.prepare(sql);
      if (!/^(SELECT|WITH) .* (FROM|JOIN) (audit_record|line)\b/s.test(sql)) return statement;
      if (/ AS (first|sound|stray)\b/.test(sql)) return statement; // verify() reads everything
      const values = Array(sql.split("?").length - 1).fill(0);
      const rows = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values);
      into.push({ sql, plan: rows.map((row) => String(row["detail"])) });
      return statement;
    },
  });
  return {
    ...runtime,
    sqlite: { name: "spy", open: (path, options) => spy(runtime.sqlite.open(path, options)) },
  };
}

/** Opens a log whose statements are told, with times that run backwards or not. */
async function open(
  t: TestContext,
  backend: typeof FILE_BACKENDS[number],
  lag: boolean,
): Promise<{ log: AuditLog; planned: Planned[]; id: string }> {
  const planned: Planned[] = [];
  const runtime = spying(await currentRuntime(), planned);
  const path = join(tempFolder(t), "log");
  const log = await AuditLog.open({ backend, path, runtime, clock: steadyClock() });
  atEnd(t, () => log.close());
  const entries = Array.from(
    { length: 30 },
    (_, n) => interaction({ user: `u${n % 3}`, model: `m${n % 2}`, metadata: { n: n % 5 } }),
  );
  const [first] = await log.recordAll(entries);
  if (lag) await log.adopt([foreignLine({ timestamp: "1999-01-01" })]);
  return { log, planned, id: first!.entryId };
}

/** SQLite calls a walk from the end that stops at the first row a scan. */
const NEWEST_ROW = / FROM \w+ ORDER BY seq DESC LIMIT 1$/;

function checkPlans(planned: readonly Planned[]): void {
  for (const { sql, plan } of planned) {
    const about = `${sql}\n${plan.join("\n")}`;
    assert(!plan.join().includes("TEMP B-TREE"), about);
    if (sql.startsWith("WITH")) {
      // Segments are counted up or down; in each, the index is walked.
      const walks = plan.filter((step) => /^(SCAN|SEARCH) (audit_record|line)\b/.test(step));
      assertEquals(walks.length, 1, about);
      assert(/^SEARCH \w+ USING (COVERING )?INDEX \w+_user/.test(walks[0]!), about);
      continue;
    }
    assertEquals(plan.length, 1, about);
    if (NEWEST_ROW.test(sql)) assert(/^SCAN \w+$/.test(plan[0]!), about);
    else {assert(
        /^SEARCH \w+ USING (INTEGER PRIMARY KEY|(COVERING )?INDEX \w+) \(/.test(plan[0]!),
        about,
      );}
  }
}

const FILTERS: Record<string, AuditQuery> = {
  nothing: {},
  user: { user: "u1" },
  model: { model: "m1" },
  "user and model": { user: "u1", model: "m1" },
};
const time = (seconds: number): Date => new Date(START_MS + seconds * 1000);
const SPANS: Record<string, AuditQuery> = {
  "": {},
  " since": { since: time(5) },
  " until": { until: time(20) },
  " since and until": { since: time(5), until: time(20) },
};

for (const backend of FILE_BACKENDS) {
  const table = backend === "sqlite" ? "audit_record" : "line";
  const access: Record<string, string> = {
    nothing: `SEARCH ${table} USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)`,
    user: `INDEX ${table}_user (<expr>=? AND user=? AND rowid>? AND rowid<?)`,
    model: `INDEX ${table}_model (model=? AND rowid>? AND rowid<?)`,
    "user and model":
      `INDEX ${table}_user_model (<expr>=? AND user=? AND model=? AND rowid>? AND rowid<?)`,
  };

  for (const lag of [false, true]) {
    const order = lag ? "times that ran backwards" : "times in order";
    for (const [what, filter] of Object.entries(FILTERS)) {
      test(`${backend}, ${order}: queries by ${what} are one walk along their index`, async (t) => {
        const { log, planned, id } = await open(t, backend, lag);
        for (const [span, times] of Object.entries(SPANS)) {
          for (const metadata of [{}, { n: 1 }]) {
            const query = { ...filter, ...times, metadata };
            planned.length = 0;
            for (const order of ["asc", "desc"] as const) {
              await log.query({ ...query, order });
              await log.query({ ...query, order, limit: 3 });
              await log.query({ ...query, order, after: id });
            }
            await log.count(query);
            checkPlans(planned);
            const pages = planned.filter(({ sql }) => /seq >= \?/.test(sql));
            for (const { plan } of pages) {
              assertStringIncludes(plan.join("; "), access[what]!, `${what}${span}`);
            }
          }
        }
      });
    }

    test(`${backend}, ${order}: an entry is found by its id`, async (t) => {
      const { log, planned, id } = await open(t, backend, lag);
      await log.get(id);
      checkPlans(planned);
      const found = planned.filter(({ sql }) => sql.includes("entry_id = ?"));
      assertEquals(found.length, 1);
      assertStringIncludes(found[0]!.plan[0]!, `INDEX ${table}_entry_id (entry_id=?)`);
    });
  }

  test(`${backend}: the spy sees what is asked of the database`, async (t) => {
    const { log, planned } = await open(t, backend, true);
    await log.query({ user: "u1", model: "m1", since: time(1), order: "desc" });
    assertGreater(planned.filter(({ sql }) => /ORDER BY seq DESC LIMIT \?/.test(sql)).length, 0);
    assertGreater(planned.filter(({ sql }) => sql.includes("lag_us > 0")).length, 0);
  });
}

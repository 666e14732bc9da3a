/**
 * Times in queries: they compare as instants, whatever form they are given in.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { test } from "node:test";
import type { MakePlace } from "../support/backends.ts";
import { foreignLine, inputs, interactions } from "../support/interaction.ts";

const INSTANT = Date.UTC(2026, 0, 31, 8, 0, 0, 500);

/** The same instant, in every form. */
const FORMS: (string | Date)[] = [
  new Date(INSTANT),
  "2026-01-31T08:00:00.500Z",
  "2026-01-31T08:00:00.5Z",
  "2026-01-31T08:00:00,500Z",
  "2026-01-31T08:00:00.5",
  "2026-01-31 08:00:00.500",
  "2026-01-31T08:00:00.500000+00:00",
  "2026-01-31T08:00:00.500000999",
  "2026-01-31T10:30:00.500+02:30",
  "2026-01-30T21:00:00.500-1100",
  "2026-02-01T07:59:00.500+23:59",
];

export function timeConformance(name: string, place: MakePlace): void {
  test(`${name}: since and until include the exact millisecond, in every form of a time`, async (t) => {
    let now = INSTANT - 2;
    const log = await place(t).open({ clock: () => ++now });
    await log.recordAll(interactions(3)); // 1 is at the instant
    for (const time of FORMS) {
      const about = String(time);
      assertEquals(inputs(await log.query({ since: time })), ["1", "2"], about);
      assertEquals(inputs(await log.query({ until: time })), ["0", "1"], about);
      assertEquals(inputs(await log.query({ since: time, until: time })), ["1"], about);
      assertEquals(await log.count({ since: time, until: time }), 1, about);
    }
  });

  test(`${name}: a microsecond more or less counts`, async (t) => {
    let now = INSTANT - 2;
    const log = await place(t).open({ clock: () => ++now });
    await log.recordAll(interactions(3));
    assertEquals(inputs(await log.query({ since: "2026-01-31T08:00:00.500001Z" })), ["2"]);
    assertEquals(inputs(await log.query({ until: "2026-01-31T08:00:00.499999Z" })), ["0"]);
  });

  test(`${name}: microseconds of adopted entries count`, async (t) => {
    const log = await place(t).open();
    await log.adopt(["000000", "000001", "000999", "001000"].map((micros) =>
      foreignLine({
        entry_id: micros,
        input_text: micros,
        timestamp: `2026-01-31T09:00:00.${micros}+01:00`,
      })
    ));
    const query = { since: "2026-01-31T08:00:00.000001", until: "2026-01-31T08:00:00.000999" };
    assertEquals(inputs(await log.query(query)), ["000001", "000999"]);
    assertEquals(inputs(await log.query({ until: new Date("2026-01-31T08:00:00Z") })), ["000000"]);
    assertEquals(inputs(await log.query({ since: "2026-01-31T08:00:00.001" })), ["001000"]);
  });

  test(`${name}: a date alone means its midnight, UTC`, async (t) => {
    const times = ["2026-01-30T23:59:59.999", "2026-01-31T00:00:00", "2026-01-31T00:00:00.001"];
    const clock = times.map((time) => Date.parse(`${time}Z`)).values();
    const log = await place(t).open({ clock: () => clock.next().value! });
    await log.recordAll(interactions(3));
    assertEquals(inputs(await log.query({ since: "2026-01-31" })), ["1", "2"]);
    assertEquals(inputs(await log.query({ until: "2026-01-31" })), ["0", "1"]);
  });

  test(`${name}: a span of time is found among entries whose times run backwards`, async (t) => {
    const log = await place(t).open();
    const days = [5, 6, 1, 7, 2, 2, 9, 8, 3, 30, 4, 10, 31, 11, 6];
    await log.adopt(days.map((day, n) =>
      foreignLine({
        entry_id: `${n}`,
        input_text: `${day}`,
        timestamp: `2026-03-${String(day).padStart(2, "0")}T12:00:00Z`,
      })
    ));
    for (let since = 0; since <= 31; since++) {
      for (let until = since; until <= 31; until++) {
        const query = {
          since: new Date(Date.UTC(2026, 2, since, 12)),
          until: new Date(Date.UTC(2026, 2, until, 12)),
        };
        const expected = days.filter((day) => day >= since && day <= until).map(String);
        assertEquals(inputs(await log.query(query)), expected);
        assertEquals(await log.count(query), expected.length);
      }
    }
    const newest = await log.query({ since: "2026-03-06", order: "desc", limit: 4 });
    assertEquals(inputs(newest), ["6", "11", "31", "10"]);
  });

  test(`${name}: times in the years 0000 and 9999 are found to the microsecond`, async (t) => {
    const log = await place(t).open();
    const times = [
      "9999-12-31T23:59:59.999Z",
      "0000-01-01T00:00:00Z",
      "2026-01-01T00:00:00.000001Z",
      "2026-01-01T00:00:00.000002Z",
      "1969-12-31T23:59:59.999999Z",
    ];
    await log.adopt(
      times.map((timestamp, n) => foreignLine({ entry_id: `${n}`, input_text: `${n}`, timestamp })),
    );
    for (const [n, time] of times.entries()) {
      assertEquals(inputs(await log.query({ since: time, until: time })), [`${n}`], time);
      assertEquals(await log.count({ since: time, until: time }), 1, time);
    }
  });

  test(`${name}: a log is intact behind an entry of the year 9999, however its times are rounded`, async (t) => {
    const log = await place(t).open();
    const adopt = (number: number, timestamp: string) =>
      log.adopt([foreignLine({ entry_id: `${number}`, timestamp })]);
    await adopt(0, "9999-12-31T23:59:59.999968Z");
    // Each in a batch of its own: some are half a unit of the last place behind it.
    for (let number = 1; number <= 64; number++) {
      await adopt(number, `2026-01-01T00:00:00.${String(number).padStart(6, "0")}Z`);
    }
    await log.adopt([foreignLine({ entry_id: "b" }), foreignLine({ entry_id: "c" })]);
    assertEquals((await log.verify()).faults, []);
  });
}

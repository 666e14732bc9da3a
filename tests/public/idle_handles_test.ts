// Handles that sign, and record nothing: what a program does that is started every minute. They sign no more often than one
// that stays open.

import { assertEquals } from "@std/assert";
import { type CheckpointOptions, generateSigningKey } from "@audit-log/llm";
import { test, type TestContext } from "node:test";
import { FILE_BACKENDS, type LogPlace, placeFor } from "../support/backends.ts";
import { interaction, START_MS } from "../support/interaction.ts";
import { checkpointsOf, partsOf, sizesOf } from "../support/notes.ts";

const MINUTE_MS = 60_000;
const { signingKey } = await generateSigningKey("acme.example/chat");
const newKey = await generateSigningKey("acme.example/chat");

/** Opens a log each minute, and closes it; tells after how many minutes checkpoints were signed. */
async function signedMinutes(place: LogPlace, minutes: number, checkpoints: CheckpointOptions) {
  const options = (minute: number) => {
    const clock = () => START_MS + minute * MINUTE_MS;
    return { signingKey, clock, checkpoints };
  };
  const first = await place.open(options(0));
  await first.record(interaction());
  await first.close();
  for (let minute = 1; minute <= minutes; minute++) {
    await (await place.open(options(minute))).close();
  }
  const log = await place.open();
  const notes = await checkpointsOf(log);
  return notes.map((note) => (partsOf(note).times[0]! * 1000 - START_MS) / MINUTE_MS);
}

for (const backend of FILE_BACKENDS) {
  const place = (t: TestContext) => placeFor(backend)(t);

  test(`${backend}: handles that record nothing sign on close as often as one that stays open`, async (t) => {
    const signed: [CheckpointOptions, minutes: number[]][] = [
      [{}, [0, 10, 20]],
      [{ everyMs: 7 * MINUTE_MS }, [0, 7, 14, 21]],
      [{ everyMs: 60 * MINUTE_MS }, [0]],
      // Without a pace of its own, it is the usual one.
      [{ everyMs: Infinity }, [0, 10, 20]],
      [{ onClose: false }, []],
    ];
    for (const [checkpoints, minutes] of signed) {
      assertEquals(await signedMinutes(place(t), 25, checkpoints), minutes);
    }
  });

  test(`${backend}: a handle that recorded nothing signs what no checkpoint covers yet`, async (t) => {
    const log = place(t);
    const options = { signingKey, clock: () => START_MS };
    await (await log.open(options)).close();
    const unsigned = await log.open();
    await unsigned.record(interaction());
    for (let n = 0; n < 2; n++) await (await log.open(options)).close();
    assertEquals(await sizesOf(unsigned), [0, 1]);
  });

  test(`${backend}: a handle that recorded nothing signs with a key that has not signed yet`, async (t) => {
    const log = place(t);
    const clock = () => START_MS;
    await (await log.open({ signingKey, clock })).close();
    const both = { signingKey: [signingKey, newKey.signingKey], clock };
    for (let n = 0; n < 2; n++) await (await log.open(both)).close();
    const notes = await checkpointsOf(await log.open());
    assertEquals(notes.map((note) => partsOf(note).times.length), [1, 2]);
  });

  test(`${backend}: a checkpoint whose time is to come keeps no handle from signing`, async (t) => {
    const log = place(t);
    for (const ms of [MINUTE_MS, 0]) {
      await (await log.open({ signingKey, clock: () => START_MS + ms })).close();
    }
    assertEquals(await sizesOf(await log.open()), [0, 0]);
  });

  test(`${backend}: a handle that signs nothing on close hands on the newest checkpoint, which its maker may have failed to`, async (t) => {
    const log = place(t);
    const clock = () => START_MS;
    const failing = () => Promise.reject(new Error("the network is down"));
    const first = await log.open({
      signingKey,
      clock,
      checkpoints: { publish: failing },
      onWarning: () => {},
    });
    await first.record(interaction());
    await first.close();
    const published: string[] = [];
    const publish = (note: string) => Promise.resolve(void published.push(note));
    await (await log.open({ signingKey, clock, checkpoints: { publish } })).close();
    assertEquals(published, await checkpointsOf(await log.open()));
  });
}

/** When feeds are fetched: by a clock that the test sets. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { AskedToWait } from "../../intel/fetch_result.ts";
import { Coalesced, pauseAfter, Turns } from "../../intel/feed_schedule.ts";
import { feed, listing, settled, withScene } from "./feed_manager_scene.ts";

const MINUTE = 60_000, HOUR = 60 * MINUTE;

Deno.test("feed schedule: at once, then at the interval", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a"), feed("b", { interval: 600 }), feed("off", { enabled: false })]);
    answers.set("a", listing(1));
    answers.set("b", listing(2));
    await manager.load();
    assert.equal(scene.state("a").nextAt, null, "nothing is planned before the beginning");
    manager.begin();
    await clock.pass(30 * MINUTE);
    assert.deepEqual(scene.timesOf("a"), [0]);
    assert.deepEqual(scene.timesOf("b"), [0, 600, 1200, 1800]);
    assert.equal(scene.state("a").nextAt, "2026-08-22T01:00:00.000Z");
    assert.equal(scene.state("off").nextAt, null);
    assert.deepEqual(scene.timesOf("off"), []);
  });
});

Deno.test("feed schedule: after failures sooner, with growing pauses", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a", { interval: 600 })]);
    await manager.load();
    manager.begin();
    await clock.pass(40 * MINUTE);
    assert.deepEqual(scene.timesOf("a"), [0, 60, 180, 420, 900, 1500, 2100]);
    answers.set("a", listing(1));
    await clock.pass(20 * MINUTE);
    answers.set("a", "answered 500");
    await clock.pass(13 * MINUTE);
    assert.deepEqual(scene.timesOf("a").slice(7), [2700, 3300, 3900, 3960, 4080, 4320]);
  });
});

Deno.test("feed schedule: a publisher that asks to wait is left alone, an interval at most", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a"), feed("b", { interval: 300 })]);
    for (const name of ["a", "b"]) {
      answers.set(name, () => Promise.reject(new AskedToWait("answered 429", 600)));
    }
    await manager.load();
    manager.begin();
    await clock.pass(15 * MINUTE);
    assert.deepEqual(scene.timesOf("a"), [0, 600]);
    assert.deepEqual(scene.timesOf("b"), [0, 300, 600, 900]);
  });
});

Deno.test("feed schedule: a start soon after another leaves the publisher alone", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a")]);
    answers.set("a", listing(1));
    await manager.update();
    await clock.pass(10_000);
    const next = scene.open();
    next.configure([feed("a")]);
    await next.load();
    next.begin();
    await clock.pass(49_000);
    assert.deepEqual(scene.timesOf("a"), [0]);
    await clock.pass(2_000);
    assert.deepEqual(scene.timesOf("a"), [0, 60]);
  });
});

Deno.test("feed schedule: new, changed and re-enabled feeds are due at once, others not", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    for (const name of ["a", "b", "c"]) answers.set(name, listing(1));
    manager.configure([feed("a"), feed("b"), feed("c", { enabled: false })]);
    await manager.load();
    manager.begin();
    await clock.pass(100_000);
    manager.configure([
      feed("a"),
      feed("b", { headers: { Key: "env:KEY" } }),
      feed("c"),
      feed("d"),
    ]);
    await clock.pass(1_000);
    assert.deepEqual(scene.timesOf("a"), [0]);
    assert.deepEqual(scene.timesOf("b"), [0, 100]);
    assert.deepEqual(scene.timesOf("c"), [100]);
    assert.deepEqual(scene.timesOf("d"), [100]);
    manager.configure([feed("a", { interval: 60 })]);
    await clock.pass(2 * MINUTE);
    assert.deepEqual(scene.timesOf("a"), [0, 161, 221]);
    assert.equal(scene.timesOf("b").length, 2);
  });
});

Deno.test("feed schedule: a clock that is set back by a year does not stop it", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    answers.set("a", listing(1));
    manager.configure([feed("a")]);
    await manager.load();
    manager.begin();
    await clock.pass(MINUTE);
    clock.set(clock.now() - 365 * 24 * HOUR);
    await clock.pass(HOUR + 2 * MINUTE);
    assert.equal(scene.fetches.length, 2);
  });
});

Deno.test("feed schedule: stop ends what is planned and what is under way", async () => {
  await withScene(async (scene) => {
    const { manager, answers, clock } = scene;
    manager.configure([feed("a"), feed("b")]);
    answers.set("a", listing(1));
    answers.set(
      "b",
      (signal) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    );
    await manager.load();
    manager.begin();
    await clock.pass(1);
    await manager.stop();
    assert.equal(manager.updating, false);
    assert.equal(scene.state("b").status, "never");
    const before = scene.fetches.length;
    await clock.pass(5 * HOUR);
    await manager.update();
    assert.equal(scene.fetches.length, before);
    assert.deepEqual(scene.log, ["info: threat feed a: 1 entries"]);
  });
});

Deno.test("feed schedule: pauses are within a tenth of what they should be", () => {
  const interval = fc.integer({ min: 1, max: 315_360_000 });
  const random = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(interval, fc.nat(2_000), random, (seconds, failures, chance) => {
    const pause = pauseAfter(seconds, failures, chance);
    const whole = seconds * 1000;
    const mean = failures === 0 ? whole : Math.min(whole, MINUTE * 2 ** (failures - 1));
    assert.ok(
      Number.isSafeInteger(pause) && pause >= Math.floor(0.9 * mean) && pause <= 1.1 * mean + 1,
    );
  }));
});

Deno.test("feed schedule: turns are taken in order, and given back after a failure", async () => {
  const turns = new Turns(2), order: number[] = [];
  const work = Array.from({ length: 6 }, (_, at) =>
    turns.run(async () => {
      order.push(at);
      await settled();
      if (at % 2 === 0) throw new Error("no");
    }).catch(() => {}));
  await Promise.all(work);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
});

Deno.test("feed schedule: calls while one runs become one that begins after it", async () => {
  const seen = { running: 0, calls: 0 };
  const coalesced = new Coalesced(async () => {
    seen.calls++;
    assert.equal(++seen.running, 1);
    await settled();
    seen.running--;
  });
  const first = coalesced.call();
  const others = [coalesced.call(), coalesced.call(), coalesced.call()];
  assert.deepEqual(seen, { running: 1, calls: 1 });
  // One more at every moment between the first and the second, as it may happen.
  const late = first.then(() => coalesced.call());
  await first;
  const later = coalesced.call();
  await Promise.all([...others, late, later]);
  assert.ok(seen.calls >= 2 && seen.calls <= 3, `${seen.calls} calls`);
  assert.equal(seen.running, 0);
  const last = coalesced.call();
  await coalesced.idle();
  assert.equal(seen.running, 0);
  await last;
});

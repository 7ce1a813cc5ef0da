/** The charts' figures: every packet in its second, none twice, nothing older than the span. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import type { Series } from "../../dashboard/contract.ts";
import { Timeline } from "../../dashboard/live/timeline.ts";

const NOON = Date.UTC(2026, 0, 31, 12, 0, 0);
const SECOND = 1_000, HOUR = 3_600_000;

const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const sumOf = ({ allowed, blocked }: Series) => sum(allowed) + sum(Object.values(blocked).map(sum));

Deno.test("timeline: what is counted stands in the newest point and moves back with time", () => {
  const timeline = new Timeline();
  timeline.add(NOON, { allowed: 3, blocked: { rule: 2 } });
  const now = timeline.series("5m", NOON);
  deepEqual([now.at.length, now.step, now.at.at(-1)], [300, 1, NOON]);
  deepEqual([now.allowed.at(-1), now.blocked.rule?.at(-1)], [3, 2]);
  deepEqual(Object.keys(now.blocked), ["rule"], "reasons that did not occur are absent");
  const later = timeline.series("5m", NOON + 10 * SECOND);
  deepEqual([later.allowed.at(-1), later.allowed.at(-11)], [0, 3]);
  equal(sumOf(timeline.series("5m", NOON + 300 * SECOND)), 0, "too old for this span");
  equal(sumOf(timeline.series("1h", NOON + 300 * SECOND)), 5);
  equal(sumOf(timeline.series("24h", NOON + 23 * HOUR)), 5);
  equal(sumOf(timeline.series("24h", NOON + 25 * HOUR)), 0);
});

Deno.test("timeline: a long pause leaves nothing of before it", () => {
  const timeline = new Timeline();
  timeline.add(NOON, { allowed: 7, blocked: { ban: 1 } });
  timeline.add(NOON + 1_000 * HOUR, { allowed: 1, blocked: {} });
  for (const span of ["5m", "1h", "24h"] as const) {
    equal(sumOf(timeline.series(span, NOON + 1_000 * HOUR)), 1, span);
  }
});

Deno.test("timeline: a clock that was set back loses no packet", () => {
  const timeline = new Timeline();
  timeline.add(NOON, { allowed: 1, blocked: {} });
  timeline.add(NOON - HOUR, { allowed: 1, blocked: {} });
  equal(sumOf(timeline.series("5m", NOON)), 2);
});

Deno.test("timeline: hours of the past are spread over their points", () => {
  const timeline = new Timeline();
  timeline.addPast(NOON - 2 * HOUR, NOON - HOUR, NOON, { allowed: 1_200, blocked: { threat: 12 } });
  timeline.addPast(NOON - 40 * HOUR, NOON - 39 * HOUR, NOON, { allowed: 99, blocked: {} });
  const series = timeline.series("24h", NOON);
  const hour = series.at.flatMap((at, index) =>
    at >= NOON - 2 * HOUR && at < NOON - HOUR ? [series.allowed[index]] : []
  );
  deepEqual([hour.length, ...new Set(hour)], [12, 100]);
  equal(Math.round(sumOf(series)), 1_212, "what lies before the span is left out");
  equal(sumOf(timeline.series("5m", NOON)), 0);
});

Deno.test("timeline: the sum of a span is the sum of what came in it, as a list would have it", () => {
  const step = fc.record({
    after: fc.integer({ min: 0, max: 400 }),
    allowed: fc.nat(9),
    rule: fc.nat(9),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const timeline = new Timeline();
      const all: { at: number; count: number }[] = [];
      let now = NOON;
      for (const { after, allowed, rule } of steps) {
        now += after * SECOND;
        timeline.add(now, { allowed, blocked: { rule } });
        all.push({ at: now, count: allowed + rule });
      }
      const since = (point: number, points: number) =>
        sum(
          all.filter(({ at }) => Math.floor(at / point) > Math.floor(now / point) - points)
            .map(({ count }) => count),
        );
      equal(sumOf(timeline.series("5m", now)), since(SECOND, 300));
      equal(sumOf(timeline.series("1h", now)), since(10 * SECOND, 360));
      ok(Math.abs(sumOf(timeline.series("24h", now)) - since(300 * SECOND, 288)) < 1);
    }),
    { numRuns: 200 },
  );
});

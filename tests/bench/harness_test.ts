import assert from "node:assert/strict";
import { interleave, isReached, median, medianRatio, percentile } from "../../bench/harness.ts";
import { formatFigure, formatTarget } from "../../bench/results.ts";

Deno.test("bench: medians and percentiles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile([7], 0.99), 7);
});

Deno.test("bench: a ratio is taken within each round", () => {
  const of = { name: "a", unit: "x", values: [10, 2, 30] };
  const to = { name: "b", unit: "x", values: [5, 1, 10] };
  assert.equal(medianRatio(of, to), 2);
});

Deno.test("bench: contestants take turns", async () => {
  const order: string[] = [];
  const contestant = (name: string) => (round: number) => {
    order.push(name + round);
    return Promise.resolve({ [name]: round });
  };
  const values = await interleave(2, [contestant("a"), contestant("b")]);
  assert.deepEqual(order, ["a0", "b0", "a1", "b1"]);
  assert.deepEqual(values, { a: [0, 1], b: [0, 1] });
});

Deno.test("bench: targets from above and from below", () => {
  const verdict = { name: "", value: 0.3, unit: "×" };
  assert.equal(isReached(verdict), undefined);
  assert.equal(isReached({ ...verdict, target: { atLeast: 0.3 } }), true);
  assert.equal(isReached({ ...verdict, target: { atMost: 0.2 } }), false);
  assert.equal(formatTarget({ ...verdict, target: { atMost: 0.2 } }), "≤ 0.200 ×, MISSED");
  assert.equal(formatFigure(1234567.8, "packets/s"), "1,234,568 packets/s");
  assert.equal(formatFigure(12.345, "MB"), "12.3 MB");
});

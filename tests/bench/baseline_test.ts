/** What counts as slower than before. */
import assert from "node:assert/strict";
import { BASELINE_FILE, compare, medians, TOLERANCE } from "../../bench/baseline.ts";

Deno.test("baseline: more than a tenth is slower, less or faster is not", () => {
  const kept = { a: 2, b: 2, c: 2 };
  const found = compare({ a: 2.19, b: 2.21, c: 0.5, d: 9 }, kept);
  assert.equal(TOLERANCE, 0.1);
  assert.deepEqual(found.map(({ name, isSlower }) => [name, isSlower]), [
    ["a", false],
    ["b", true],
    ["c", false],
    ["d", false],
  ]);
  assert.deepEqual(found.map(({ kept }) => kept), [2, 2, 2, undefined]);
});

Deno.test("baseline: one round that was disturbed moves nothing", () => {
  assert.deepEqual(medians([{ a: 1 }, { a: 50 }, { a: 2 }]), { a: 2 });
});

Deno.test("baseline: what is kept are costs above nothing", () => {
  const kept = Object.values(JSON.parse(Deno.readTextFileSync(BASELINE_FILE)));
  assert.ok(kept.length > 0 && kept.every((ratio) => typeof ratio === "number" && ratio > 0));
});

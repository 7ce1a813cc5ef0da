import assert from "node:assert/strict";
import type { JsonScalar } from "../../intel/formats/json_walker.ts";
import { isExpired } from "../../intel/formats/crowdsec_time.ts";

const NOW = Date.parse("2026-03-02T00:00:00Z");

const durations: readonly (readonly [JsonScalar, boolean | undefined])[] = [
  ["3h59m57.641708614s", false],
  ["166h2m13s", false],
  ["1ns", false],
  ["1.5µs", false],
  ["+4h", false],
  ["0s", true],
  ["0h0m0.000s", true],
  ["-1ns", true],
  ["-2m3s", true],
  ["4", undefined],
  ["4 h", undefined],
  ["h", undefined],
  ["soon", undefined],
  ["1h".repeat(40), undefined],
  [4, undefined],
  [true, undefined],
];
for (const [duration, expected] of durations) {
  Deno.test(`crowdsec: a decision for ${duration}: over is ${expected}`, () => {
    assert.equal(isExpired(duration, "2026-03-01T00:00:00Z", NOW), expected);
  });
}

Deno.test("crowdsec: without a duration the end counts, without an end there is none", () => {
  assert.equal(isExpired(undefined, undefined, NOW), false);
  assert.equal(isExpired(null, "", NOW), false);
  assert.equal(isExpired("", "2026-03-02T00:00:01Z", NOW), false);
  assert.equal(isExpired("", "2026-03-02T00:00:00Z", NOW), true);
  assert.equal(isExpired("", "tomorrow", NOW), undefined);
  assert.equal(isExpired("", 17, NOW), undefined);
});

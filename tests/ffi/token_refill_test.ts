import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { TokenRefill } from "../../ffi/token_refill.ts";

Deno.test("token refill: rounds of any length come to the same rate, and none gives more", () => {
  const rounds = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { maxLength: 500 });
  fc.assert(fc.property(rounds, fc.integer({ min: 1, max: 20_000 }), (lengths, perSecond) => {
    const refill = new TokenRefill(perSecond, 1_000, 77);
    let now = 77, sum = 0;
    for (const length of lengths) {
      now += length;
      const tokens = refill.take(now);
      ok(Number.isInteger(tokens) && tokens >= 0);
      sum += tokens;
    }
    const due = (now - 77) * perSecond / 1000;
    // What is not yet a whole token waits; the rest is what adding so many numbers costs.
    ok(sum <= due + 1e-6 && sum > due - 1 - 1e-6, `${sum} of ${due}`);
  }));
});

Deno.test("token refill: rounds too short for a token add up to some", () => {
  const refill = new TokenRefill(1_600, 1_024, 0);
  const tokens = Array.from({ length: 10 }, (_, round) => refill.take((round + 1) / 4));
  deepEqual(tokens, [0, 0, 1, 0, 1, 0, 0, 1, 0, 1]);
});

Deno.test("token refill: a long time fills a bucket and no more", () => {
  const refill = new TokenRefill(1_600, 1_024, 0);
  equal(refill.take(3_600_000), 1_024);
  equal(refill.take(3_600_010), 16);
});

Deno.test("token refill: a clock that stands still or was read earlier gives nothing", () => {
  const refill = new TokenRefill(1_000, 1_024, 50);
  deepEqual([refill.take(50), refill.take(20), refill.take(53)], [0, 0, 3]);
});

Deno.test("token refill: without a rate there is nothing", () => {
  equal(new TokenRefill(0, 0, 0).take(1_000), 0);
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { formatV4 } from "../../engine/net/address.ts";
import { RateLimiter } from "../../engine/policy/rate_limit.ts";
import { packetOf } from "./packets.ts";

/** The obvious token bucket: one object for each source, kept for ever. */
class NaiveLimiter {
  readonly #buckets = new Map<string, { tokens: number; time: number }>();
  constructor(readonly connections: number, readonly seconds: number) {}

  take(source: string, now: number): boolean {
    const bucket = this.#buckets.get(source) ?? { tokens: this.connections, time: now };
    const filled = bucket.tokens + (now - bucket.time) * (this.connections / this.seconds);
    const tokens = Math.min(this.connections, filled);
    this.#buckets.set(source, { tokens: tokens >= 1 ? tokens - 1 : tokens, time: now });
    return tokens >= 1;
  }
}

Deno.test("the rate limit agrees with one bucket for each source", () => {
  const step = fc.record({ source: fc.nat(20), after: fc.nat(3000) });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      fc.array(step, { maxLength: 300 }),
      (connections, seconds, steps) => {
        const limiter = new RateLimiter({ connections, seconds }, 1024);
        const naive = new NaiveLimiter(connections, seconds);
        let milliseconds = 0;
        for (const { source, after } of steps) {
          milliseconds += after;
          const now = 1_700_000_000 + milliseconds / 1000;
          const from = formatV4(0x0a000000 + source);
          const { packet } = packetOf({ from, seconds: now });
          const exactly = packet.seconds + packet.microseconds / 1e6;
          assert.equal(limiter.take(packet), naive.take(from, exactly));
        }
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("a burst passes as a whole, then the rate; another source is untouched", () => {
  const limiter = new RateLimiter({ connections: 100, seconds: 10 });
  let passed = 0;
  for (let at = 0; at < 300; at++) {
    if (limiter.take(packetOf({ seconds: 1_700_000_000 + at / 300 }).packet)) passed++;
  }
  assert.ok(passed >= 100 && passed <= 110, `${passed} passed`);
  assert.ok(limiter.take(packetOf({ from: "192.0.2.2" }).packet));
});

Deno.test("a million sources cost no memory beyond the table", () => {
  const limiter = new RateLimiter({ connections: 2, seconds: 10 }, 1024);
  const { packet } = packetOf();
  for (let source = 0; source < 1_000_000; source++) {
    packet.source0 = source;
    assert.ok(limiter.take(packet), "a new source begins with a full bucket");
  }
});

Deno.test("a clock that jumps neither opens the limit nor shuts anybody out", () => {
  const jump = fc.oneof(
    fc.integer({ min: 0, max: 2_000 }),
    fc.integer({ min: -86_400_000, max: 86_400_000 }),
  );
  fc.assert(fc.property(fc.array(jump, { maxLength: 300 }), (jumps) => {
    const limiter = new RateLimiter({ connections: 5, seconds: 10 }, 1024);
    let now = 1_700_000_000_000, forward = 0, passed = 0;
    const take = (after: number) => {
      now += after;
      forward += Math.max(0, after);
      return limiter.take(packetOf({ seconds: now / 1000 }).packet);
    };
    for (const after of jumps) if (take(after)) passed++;
    // Packets carry whole microseconds.
    assert.ok(passed <= 5 + (forward / 1000 + jumps.length * 1e-6) / 2, `${passed} passed`);
    assert.ok(take(2_001), "two seconds later, by whatever clock, there is a new token");
  }));
});

import assert from "node:assert/strict";
import { PacketAction } from "../../engine/observe/hourly_counts.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { NOON, packetOf, StoreBench } from "./samples.ts";

Deno.test("stats come from the sums, the last 24 hours by hour", () => {
  using bench = new StoreBench();
  const hour = 3_600_000, start = Math.floor(NOON / hour) * hour;
  bench.block({ time: NOON, source: "203.0.113.1" });
  bench.block({ time: NOON - 23 * hour, source: "203.0.113.1" });
  bench.block({ time: NOON - 24 * hour, source: "2001:db8::1", reason: Reason.threat });
  bench.allow({ time: NOON - hour, length: 1_000 });
  const broken = packetOf({ time: NOON, length: 14 });
  broken.result = 2;
  bench.totals.seen(broken);
  bench.flush();
  bench.block({ time: NOON, source: "203.0.113.1" });
  bench.totals.hourly.clear();
  bench.totals.wouldBlock(packetOf({ time: NOON }), Reason.rule);
  bench.store.flush(bench.batch(PacketAction.wouldBlock));
  using reader = StoreReader.open(bench.path)!;
  const { since, hours, topBlocked, ...rest } = reader.stats(new Date(NOON));
  assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000);
  assert.deepEqual(rest, {
    allowed: { packets: 1, bytes: 1_000 },
    blocked: { packets: 3, bytes: 180 },
    wouldBlock: { packets: 1, bytes: 60 },
    undecodable: { packets: 1, bytes: 14 },
    byReason: {
      default_policy: { allowed: 1, blocked: 0, wouldBlock: 0 },
      rule: { allowed: 0, blocked: 2, wouldBlock: 1 },
      threat: { allowed: 0, blocked: 1, wouldBlock: 0 },
    },
    otherBlocked: 0,
  });
  const iso = (time: number) => new Date(time).toISOString();
  assert.deepEqual(topBlocked, [
    {
      address: "203.0.113.1",
      blocked: 2,
      wouldBlock: 1,
      reason_code: "rule",
      reasonCode: "rule",
      lastSeen: iso(NOON),
    },
    {
      address: "2001:db8::1",
      blocked: 1,
      wouldBlock: 0,
      reason_code: "threat",
      reasonCode: "threat",
      lastSeen: iso(NOON - 24 * hour),
    },
  ]);
  assert.equal(hours.length, 24);
  assert.deepEqual(hours[0], {
    hour: iso(start - 23 * hour),
    allowed: 0,
    blocked: 1,
    wouldBlock: 0,
  });
  assert.deepEqual(hours[22], { hour: iso(start - hour), allowed: 1, blocked: 0, wouldBlock: 0 });
  assert.deepEqual(hours[23], { hour: iso(start), allowed: 0, blocked: 1, wouldBlock: 1 });
});

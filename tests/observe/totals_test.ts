import assert from "node:assert/strict";
import fc from "fast-check";
import { HourlyCounts, PacketAction } from "../../engine/observe/hourly_counts.ts";
import { Losses } from "../../engine/observe/losses.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { DecodeResult, Direction } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { NOON, packetOf } from "./samples.ts";

Deno.test("totals tell seen, allowed, blocked and would-block apart", () => {
  const totals = new Totals();
  const packet = packetOf({ length: 100, direction: Direction.outgoing });
  for (let count = 0; count < 4; count++) totals.seen(packet);
  totals.allowed(packet, Reason.whitelist);
  totals.blocked(packet, Reason.rule);
  totals.wouldBlock(packet, Reason.rule);
  totals.blockedUnseen(NOON / 1000, Reason.threat, 10, 600);
  const broken = packetOf({ length: 14, direction: Direction.unknown });
  broken.result = DecodeResult.truncated;
  totals.seen(broken);
  assert.deepEqual(JSON.parse(JSON.stringify(totals)), {
    packets: 5,
    bytes: 414,
    allowed: 1,
    allowedBytes: 100,
    blocked: 11,
    blockedBytes: 700,
    wouldBlock: 1,
    wouldBlockBytes: 100,
    undecodable: 1,
    byReason: {
      whitelist: { allowed: 1, blocked: 0, wouldBlock: 0 },
      threat: { allowed: 0, blocked: 10, wouldBlock: 0 },
      rule: { allowed: 0, blocked: 1, wouldBlock: 1 },
    },
    byDecodeResult: { not_ip: 0, truncated: 1, malformed: 0, unknown_link: 0 },
    byDirection: { unknown: 1, incoming: 0, outgoing: 4, forwarded: 0, local: 0 },
  });
  const cells = totals.cells();
  assert.equal(cells.length, 3 * Object.keys(Reason).length);
  assert.deepEqual(cells.filter(({ packets }) => packets > 0), [
    { verdict: "allowed", reason: "whitelist", packets: 1, bytes: 100 },
    { verdict: "blocked", reason: "threat", packets: 10, bytes: 600 },
    { verdict: "blocked", reason: "rule", packets: 1, bytes: 100 },
    { verdict: "would_block", reason: "rule", packets: 1, bytes: 100 },
  ]);
});

Deno.test("hourly counts agree with a map, in whatever order the hours come", () => {
  const event = fc.tuple(fc.nat(5 * 3600), fc.nat(2), fc.nat(7), fc.nat(1500));
  fc.assert(fc.property(fc.array(event), (events) => {
    const counts = new HourlyCounts();
    const expected = new Map<string, number>();
    const names = ["allowed", "blocked", "would_block"];
    for (const [seconds, action, reason, bytes] of events) {
      counts.add(seconds, action, reason, 1, bytes);
      const key = `${Math.floor(seconds / 3600)} ${names[action]} ${reason}`;
      expected.set(key, (expected.get(key) ?? 0) + 1);
    }
    const found = new Map<string, number>();
    const reasons = Object.keys(Reason);
    for (const { hour, action, reason, packets } of counts.entries()) {
      const at = reasons.findIndex((name) => name.toLowerCase() === reason.replaceAll("_", ""));
      found.set(`${hour} ${action} ${at}`, packets);
    }
    assert.deepEqual(new Map([...found].sort()), new Map([...expected].sort()));
  }));
});

Deno.test("a capture that names a new hour with every packet cannot fill the memory", () => {
  const counts = new HourlyCounts();
  for (let hour = 0; hour < 50_000; hour++) {
    counts.add(hour * 3600, PacketAction.allowed, 0, 1, 10);
  }
  const entries = [...counts.entries()];
  assert.equal(entries.length, 4_096);
  assert.equal(entries.reduce((sum, { packets }) => sum + packets, 0), 50_000);
  counts.clear();
  assert.deepEqual([...counts.entries()], []);
  counts.add(7 * 3600, PacketAction.blocked, 6, 1, 10);
  assert.deepEqual([...counts.entries()], [
    { hour: 7, action: "blocked", reason: "rule", packets: 1, bytes: 10 },
  ]);
});

Deno.test("losses start at zero and are plain numbers", () => {
  const losses = new Losses();
  losses.nflogLost += 3;
  const snapshot = JSON.parse(JSON.stringify(losses));
  assert.equal(snapshot.nflogLost, 3);
  assert.equal(Object.values<number>(snapshot).reduce((sum, count) => sum + count, 0), 3);
});

/** Packets that nobody looked at are divided as those were that somebody did, to the last of them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { PacketShares } from "../../engine/observe/packet_shares.ts";
import { Totals } from "../../engine/observe/totals.ts";
import { DecodeResult, Direction, type ParsedPacket } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { NOON, packetOf } from "./samples.ts";

/** A packet that neither opens nor ends a connection. */
function ordinary(direction: number): ParsedPacket {
  const packet = packetOf({ length: 100, direction });
  packet.hasTcpFlags = false;
  return packet;
}

const incoming = ordinary(Direction.incoming), outgoing = ordinary(Direction.outgoing);

Deno.test("numbers and bytes are exact, kinds are those of the packets looked at", () => {
  const shares = new PacketShares(), totals = new Totals();
  for (let count = 0; count < 3; count++) shares.add(incoming, Reason.rule);
  shares.add(outgoing, -1);
  totals.countedOnly(NOON / 1000, 1_001, 64_007, shares);
  const { packets, bytes, allowed, allowedBytes, blocked, byDirection, byReason } = totals.toJSON();
  assert.deepEqual([packets, bytes], [1_001, 64_007]);
  assert.deepEqual([allowed, blocked], [751, 0], "what was not allowed the kernel reports");
  assert.equal(allowedBytes, 48_005);
  assert.deepEqual(byReason, { rule: { allowed: 751, blocked: 0, wouldBlock: 0 } });
  assert.equal(byDirection.incoming + byDirection.outgoing, 1_001);
});

Deno.test("what could not be decoded, and what tells nothing of others", () => {
  const shares = new PacketShares(), totals = new Totals();
  const odd = ordinary(Direction.unknown);
  odd.result = DecodeResult.notIp;
  shares.add(odd, Reason.defaultPolicy);
  const syn = packetOf({ length: 60, direction: Direction.incoming });
  syn.hasTcpFlags = true;
  syn.tcpFlags = 2;
  for (let count = 0; count < 50; count++) shares.add(syn, Reason.rule);
  totals.countedOnly(NOON / 1000, 10, 600, shares);
  const { allowed, undecodable } = totals.toJSON();
  assert.deepEqual([allowed, undecodable], [0, 10]);
});

Deno.test("without a packet looked at there is only the number", () => {
  const totals = new Totals();
  totals.countedOnly(NOON / 1000, 5, 300, new PacketShares());
  const { packets, bytes, allowed } = totals.toJSON();
  assert.deepEqual([packets, bytes, allowed], [5, 300, 0]);
});

Deno.test("the parts add up, whatever the shares", () => {
  const counts = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 5 });
  fc.assert(fc.property(counts, fc.nat(1e9), fc.nat(1e12), (weights, packets, bytes) => {
    const shares = new PacketShares();
    weights.forEach((weight, reason) => {
      for (let count = 0; count < weight; count++) shares.add(incoming, reason);
    });
    if (weights.every((weight) => weight === 0)) return;
    shares.age();
    const sums = [0, 0, 0];
    shares.byKind(packets, bytes, (_reason, packets, bytes) => {
      assert.ok(packets >= 0 && bytes >= 0);
      sums[0] += packets;
      sums[1] += bytes;
    }, () => assert.fail("none of them"));
    shares.byDirection(packets, (_direction, packets) => sums[2] += packets);
    assert.deepEqual(sums, [packets, bytes, packets]);
  }));
});

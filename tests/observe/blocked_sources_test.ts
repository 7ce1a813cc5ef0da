import assert from "node:assert/strict";
import fc from "fast-check";
import { parsePrefix } from "../../engine/net/address.ts";
import { BlockedSources } from "../../engine/observe/blocked_sources.ts";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";

function packetFrom(address: string): ParsedPacket {
  const { family, words } = parsePrefix(address)!;
  const packet = new ParsedPacket();
  packet.family = family;
  [packet.source0, packet.source1, packet.source2, packet.source3] = words;
  return packet;
}

/** Both signs of the first word, and addresses that differ in one word alone. */
const ADDRESSES = [
  "192.0.2.1",
  "10.0.0.1",
  "255.255.255.255",
  "2001:db8::1",
  "2001:db8::2",
  "2001:db8:0:1::1",
];

Deno.test("sources are counted by address, the most blocked first", () => {
  fc.assert(fc.property(fc.array(fc.constantFrom(...ADDRESSES), { maxLength: 200 }), (from) => {
    const events = new EventBuffer(256), sources = new BlockedSources();
    for (const address of from) events.add(packetFrom(address), new Uint8Array(0), 1);
    sources.add(events);
    const expected = new Map<string, number>();
    for (const address of from) expected.set(address, (expected.get(address) ?? 0) + 1);
    const found = sources.top(10);
    assert.deepEqual(new Map(found.map(({ ip, packets }) => [ip, packets])), expected);
    assert.deepEqual(
      found.map(({ packets }) => packets),
      [...expected.values()].sort((a, b) => b - a),
    );
  }));
});

Deno.test("packets that share a row count by its hits, rows of several sources not at all", () => {
  const events = new EventBuffer(2, 0), sources = new BlockedSources();
  for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"]) {
    events.add(packetFrom(address), new Uint8Array(0), 1);
  }
  sources.add(events);
  assert.deepEqual(sources.top(1), [{ ip: "192.0.2.1", packets: 2 }]);
  assert.ok(sources.top(10).every(({ ip }) => ip !== ""));
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { EventBuffer, Mixed } from "../../engine/observe/event_buffer.ts";
import { formatHash, hashBytes } from "../../engine/observe/packet_hash.ts";
import { Protocol } from "../../engine/packet/packet.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import { addTo, packetOf, type Sample } from "./samples.ts";

// Few values each, so that events repeat; v4 and v6 with equal words must stay apart.
const SAMPLE: fc.Arbitrary<Sample> = fc.tuple(
  fc.constantFrom(
    ["10.0.0.1", "10.0.0.2"],
    ["10.0.0.2", "10.0.0.1"],
    ["10.0.0.3", "10.0.0.1"],
    ["a00:1::", "a00:2::"],
    ["2001:db8::1", "2001:db8::2"],
    ["2001:db8::1", "2001:db8::3"],
  ),
  fc.constantFrom(1, 2, 3),
  fc.constantFrom(22, 23),
  fc.constantFrom<number>(Protocol.tcp, Protocol.udp, Protocol.icmp),
  fc.nat(REASONS.length - 1),
  fc.nat(4),
  fc.nat(2),
).map((
  [[source, destination], sourcePort, destinationPort, protocol, reason, direction, detail],
) => ({
  source,
  destination,
  sourcePort,
  destinationPort,
  protocol,
  reason,
  direction,
  detail,
}));

/** What makes two events share a row at first, as text. */
function keyOf(sample: Sample): string {
  const port = sample.protocol === Protocol.icmp ? -1 : sample.destinationPort;
  const { source, destination, protocol, reason, detail, direction } = sample;
  return [source, destination, port, protocol, reason, detail, direction].join();
}

function sum(events: EventBuffer, of: (row: number) => boolean = () => true): number {
  let hits = 0;
  for (let row = 0; row < events.count; row++) if (of(row)) hits += events.rowHits[row];
  return hits;
}

Deno.test("below the write budget every event is a row of its own", () => {
  const events = new EventBuffer(100, 50);
  for (let count = 0; count < 50; count++) addTo(events);
  assert.equal(events.count, 50);
  assert.equal(events.coalesced, 0);
  addTo(events);
  addTo(events);
  assert.equal(events.count, 51);
  assert.equal(events.rowHits[50], 2);
  assert.equal(events.coalesced, 1);
  assert.equal(events.blurred, 0);
});

Deno.test("equal events share a row exactly as a map by key says", () => {
  fc.assert(fc.property(fc.array(SAMPLE, { maxLength: 400 }), (samples) => {
    const events = new EventBuffer(1_000, 0);
    const expected = new Map<string, number>();
    for (const sample of samples) {
      addTo(events, sample);
      expected.set(keyOf(sample), (expected.get(keyOf(sample)) ?? 0) + 1);
    }
    assert.equal(events.count, expected.size);
    assert.equal(events.blurred, 0);
    // Rows are in the order in which keys came first, as a Map's entries are.
    assert.deepEqual([...events.rowHits.subarray(0, events.count)], [...expected.values()]);
  }));
});

Deno.test("the sum of hits is exact by reason and direction however small the buffer", () => {
  const property = fc.property(
    fc.array(SAMPLE, { maxLength: 600 }),
    fc.integer({ min: 1, max: 12 }),
    fc.nat(20),
    (samples, capacity, budget) => {
      const events = new EventBuffer(capacity, budget);
      for (const sample of samples) addTo(events, sample);
      assert.equal(events.hits, samples.length);
      assert.equal(sum(events), samples.length);
      assert.equal(events.coalesced, samples.length - events.count);
      for (let reason = 0; reason < REASONS.length; reason++) {
        for (let direction = 0; direction < 5; direction++) {
          const expected = samples.filter((sample) =>
            sample.reason === reason && sample.direction === direction
          ).length;
          const found = sum(
            events,
            (row) => events.reason[row] === reason && events.direction[row] === direction,
          );
          assert.equal(found, expected);
        }
      }
    },
  );
  fc.assert(property);
});

Deno.test("a flood from spoofed sources to every port stays within the buffer", () => {
  const events = new EventBuffer(64, 16);
  for (let packet = 0; packet < 20_000; packet++) {
    addTo(events, {
      source: `10.${packet >> 16}.${(packet >> 8) & 255}.${packet & 255}`,
      destinationPort: packet,
      detail: packet % 7,
      direction: packet % 5,
      reason: packet % REASONS.length,
    });
  }
  assert.equal(sum(events), 20_000);
  assert.ok(events.count <= 64 + 64 + 40, `${events.count} rows`);
});

Deno.test("a row claims only what all its packets have in common", () => {
  const events = new EventBuffer(1, 0);
  addTo(events, { source: "10.0.0.9", destinationPort: 9 });
  addTo(events, { source: "10.0.0.1", sourcePort: 1 });
  addTo(events, { source: "10.0.0.1", sourcePort: 2 });
  assert.equal(events.count, 2);
  assert.equal(events.mixed[1], Mixed.sourcePort, "one source so far");
  addTo(events, { source: "10.0.0.2", sourcePort: 2 });
  assert.equal(events.mixed[1], Mixed.sourcePort | Mixed.source, "many sources, one destination");
  addTo(events, { source: "10.0.0.2", destination: "192.0.2.77" });
  assert.equal(events.mixed[1], Mixed.sourcePort | Mixed.source | Mixed.destination);
  assert.equal(events.rowHits[1], 4);
  assert.equal(events.blurred, 3);
});

Deno.test("cleared, it holds nothing and begins with the budget again", () => {
  const events = new EventBuffer(10, 2);
  for (let count = 0; count < 100; count++) addTo(events, { destinationPort: count });
  const coalesced = events.coalesced;
  events.clear();
  assert.deepEqual([events.count, events.hits], [0, 0]);
  for (let count = 0; count < 2; count++) addTo(events);
  assert.equal(events.count, 2);
  assert.equal(events.coalesced, coalesced, "counters since the start stay");
});

Deno.test("packets without readable addresses are kept, apart from those with addresses", () => {
  const events = new EventBuffer(10, 0);
  const packet = packetOf({ source: "0.0.0.0", destination: "0.0.0.0", protocol: 0 });
  events.add(packet, new Uint8Array(40), 0);
  packet.family = 0;
  events.add(packet, new Uint8Array(40), 0);
  events.add(packet, new Uint8Array(40), 0);
  assert.deepEqual([...events.rowHits.subarray(0, events.count)], [1, 2]);
  assert.equal(events.sourcePort[1], -1);
  assert.equal(events.tcpFlags[1], -1);
});

Deno.test("the hash depends on every byte and on nothing outside the range", () => {
  const out = new Int32Array(2);
  const hash = (bytes: Uint8Array, start: number, end: number) => {
    hashBytes(bytes, start, end, out, 0);
    return formatHash(out[0], out[1]);
  };
  fc.assert(fc.property(
    fc.uint8Array({ minLength: 1, maxLength: 70 }),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
    (bytes, where, change) => {
      const plain = hash(bytes, 0, bytes.length);
      assert.match(plain, /^[0-9a-f]{16}$/);
      const padded = new Uint8Array(bytes.length + 6).fill(change);
      padded.set(bytes, 3);
      assert.equal(hash(padded, 3, 3 + bytes.length), plain);
      assert.equal(hash(bytes, -5, bytes.length + 9), plain, "a range outside is clamped");
      const changed = bytes.slice();
      changed[where % bytes.length] ^= change;
      assert.notEqual(hash(changed, 0, bytes.length), plain);
      assert.notEqual(hash(new Uint8Array([...bytes, 0]), 0, bytes.length + 1), plain);
    },
  ));
});

import assert from "node:assert/strict";
import fc from "fast-check";
import { Detectors } from "../../engine/detect/detectors.ts";
import { formatPrefix, formatV4, maskWord } from "../../engine/net/address.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";
import { detection, Scene } from "./scene.ts";

const word = fc.oneof(fc.integer(), fc.constantFrom(0, 1, -1, 0xfe800000 | 0, 0x0a000001));

/** Any packet that the decoder could make, and many that it could not. */
const packets = fc.record({
  family: fc.constantFrom(0, 4, 6),
  protocol: fc.oneof(fc.constantFrom(1, 6, 17, 58), fc.nat(255)),
  direction: fc.oneof(fc.constant(1), fc.nat(4)),
  isToMany: fc.boolean(),
  source0: word,
  source1: word,
  source2: word,
  source3: word,
  destination0: word,
  hasPorts: fc.boolean(),
  sourcePort: fc.nat(65_535),
  destinationPort: fc.nat(65_535),
  hasTcpFlags: fc.boolean(),
  tcpFlags: fc.oneof(fc.constant(2), fc.nat(63)),
  icmpType: fc.integer({ min: -1, max: 255 }),
  fragmentOffset: fc.constantFrom(0, 0, 8),
  seconds: fc.oneof(fc.constant(1_700_000_000), fc.nat(0xffffffff)),
  microseconds: fc.nat(999_999),
});

Deno.test("detectors: whatever comes, nothing breaks and nothing grows", () => {
  const eager = detection({
    port_scan: { ports: 2, seconds: 3600 },
    syn_flood: { half_open: 2, seconds: 3600 },
    blocked_hits: { hits: 2, seconds: 3600 },
    connection_burst: { connections: 2, seconds: 3600, ports: [22, 80] },
  });
  const step = fc.record({
    packet: packets,
    number: fc.nat(8),
    times: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const detectors = new Detectors(eager, { sources: 16 }), packet = new ParsedPacket();
      for (const { packet: fields, number, times } of steps) {
        Object.assign(packet, fields);
        for (let time = 0; time < times; time++) {
          detectors.seen(packet, number % 3, number > 5);
          packet.destinationPort = (packet.destinationPort + 1) & 0xffff;
          detectors.blocked(packet, number % 8);
        }
      }
      const found = detectors.take();
      assert.ok(found.length <= 256 && detectors.suppressed >= 0);
      for (const { source, text, evidence, at } of found) {
        assert.match(text, /^[^\n]{10,150}$/);
        assert.ok(Number.isSafeInteger(at));
        source.words.forEach((word, at) =>
          assert.equal(word & ~maskWord(source.length - 32 * at), 0, "bits past the length")
        );
        assert.ok((evidence.ports as readonly number[]).length <= 16);
        for (const value of Object.values(evidence)) {
          if (typeof value === "number") assert.ok(Number.isFinite(value) && value >= 0);
        }
      }
      assert.equal(detectors.take(), detectors.take(), "nothing found is always the same nothing");
    }),
    { numRuns: 300 },
  );
});

Deno.test("detectors: what is taken is gone, and nothing found costs nothing", () => {
  const scene = new Scene();
  for (let port = 1; port < 10; port++) scene.send({ port });
  assert.equal(scene.found().length, 1);
  assert.deepEqual(scene.found(), []);
  assert.equal(scene.detectors.take(), scene.detectors.take());
});

Deno.test("detectors: a clock that is set back by a year while a scan runs hides nothing", () => {
  const scene = new Scene();
  for (let port = 1; port < 5; port++) scene.send({ port });
  scene.now -= 365 * 86_400;
  for (let port = 5; port < 12; port++) scene.send({ port });
  assert.equal(scene.found().length, 1);
  scene.now += 400 * 86_400;
  for (let port = 1; port < 12; port++) scene.send({ port });
  assert.equal(scene.found().length, 1);
  scene.now -= 86_400;
  for (let port = 1; port < 12; port++) scene.send({ port });
  assert.equal(scene.found().length, 1, "nor is a source silent until the clock is where it was");
});

Deno.test("a scanner cannot hide behind a crowd of forged sources", () => {
  const scene = new Scene();
  const scan = (from: string, first: number) => {
    for (let port = first; port < first + 8; port++) scene.send({ from, port });
  };
  for (let source = 0; source < 100; source++) scan(formatV4(0x0b000000 + source), 1);
  scan("192.0.2.66", 1);
  assert.ok(!scene.found().some(({ source }) => formatPrefix(source) === "192.0.2.66"));
  scene.now += 0.1;
  scene.send({ from: "192.0.2.66", port: 100 });
  assert.deepEqual(scene.found().map(({ source }) => formatPrefix(source)), ["192.0.2.66"]);
});

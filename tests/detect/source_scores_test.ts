import assert from "node:assert/strict";
import fc from "fast-check";
import { PacketClock } from "../../engine/detect/packet_clock.ts";
import { PortSamples } from "../../engine/detect/port_samples.ts";
import { Remembered } from "../../engine/detect/remembered.ts";
import { NO_SOURCE, SourceScores } from "../../engine/detect/source_scores.ts";
import { ParsedPacket } from "../../engine/packet/packet.ts";

const SETTINGS = { enabled: true, isDryRun: false, threshold: 10, seconds: 5 };

/** A table and a packet that says who comes when. */
class Bench {
  readonly clock = new PacketClock();
  readonly scores: SourceScores;
  readonly packet = new ParsedPacket();

  constructor(sources: number) {
    this.scores = new SourceScores(this.clock, sources);
    this.scores.configure(SETTINGS);
    this.packet.family = 4;
  }

  /** Someone comes; `milliseconds` since 1970. */
  come(source: number, milliseconds: number): number {
    this.packet.source0 = source;
    this.packet.seconds = Math.floor(milliseconds / 1000);
    this.packet.microseconds = (milliseconds % 1000) * 1000;
    this.clock.set(this.packet);
    return this.scores.open(this.packet);
  }

  scoreOf(source: number): number {
    this.packet.source0 = source;
    const slot = this.scores.find(this.packet);
    return slot === NO_SOURCE ? NaN : this.scores.score(slot);
  }
}

Deno.test("source scores agree with one score for each source", () => {
  const step = fc.record({ source: fc.nat(20), after: fc.nat(3000), points: fc.nat(5) });
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const bench = new Bench(1024), naive = new Map<number, { score: number; time: number }>();
    let now = 1_700_000_000_000;
    for (const { source, after, points } of steps) {
      now += after;
      const before = naive.get(source) ?? { score: 0, time: now };
      const left = Math.max(0, before.score - ((now - before.time) / 1000) * 2);
      naive.set(source, { score: left + points, time: now });
      const isPast = bench.scores.add(bench.come(source, now), points);
      assert.ok(Math.abs(bench.scoreOf(source) - (left + points)) < 1e-4);
      if (Math.abs(left + points - 9) > 1e-4) assert.equal(isPast, left + points > 9);
    }
  }));
});

Deno.test("a full set gives up the lowest score, of equal ones the quietest", () => {
  const bench = new Bench(4);
  let now = 1_700_000_000_000;
  for (let source = 1; source <= 4; source++) {
    bench.scores.add(bench.come(source, now++), source === 3 ? 1 : 2);
  }
  bench.scores.add(bench.come(9, now++), 2);
  assert.ok(Number.isNaN(bench.scoreOf(3)), "it had the lowest score");
  now += 10_000;
  for (const source of [2, 4, 9]) bench.come(source, now++);
  bench.come(10, now);
  assert.ok(Number.isNaN(bench.scoreOf(1)), "all scores are nothing, and it came first");
  assert.ok(!Number.isNaN(bench.scoreOf(2)));
});

Deno.test("whatever comes, no more sources are known than there is room for", () => {
  fc.assert(
    fc.property(fc.array(fc.integer(), { maxLength: 400 }), fc.nat(100), (sources, step) => {
      const bench = new Bench(16);
      let now = 1_700_000_000_000;
      for (const source of sources) {
        const slot = bench.come(source, now += step);
        assert.ok(slot >= 0 && slot < 16);
        bench.scores.add(slot, 1);
      }
      const known = new Set(sources.filter((source) => !Number.isNaN(bench.scoreOf(source))));
      assert.ok(known.size <= 16);
      if (sources.length > 0) assert.ok(known.has(sources[sources.length - 1]));
    }),
  );
});

Deno.test("a clock that jumps neither freezes a score nor makes one", () => {
  const jump = fc.oneof(fc.integer({ min: 0, max: 900 }), fc.integer({ min: -1e9, max: 1e9 }));
  fc.assert(fc.property(fc.array(jump, { maxLength: 200 }), (jumps) => {
    const bench = new Bench(4);
    let now = 1_700_000_000_000, added = 0;
    for (const after of jumps) {
      now += after;
      bench.scores.add(bench.come(1, now), 1);
      added++;
      assert.ok(bench.scoreOf(1) >= 1 && bench.scoreOf(1) <= added);
    }
    bench.come(1, now + 1);
    const slot = bench.come(1, now + 2000 + added * 500);
    assert.equal(bench.scores.score(slot), 0, "by whatever clock, time takes it away");
  }));
});

Deno.test("after the clock was set back, sources of before make room first", () => {
  const bench = new Bench(4);
  for (let source = 1; source <= 4; source++) {
    bench.scores.add(bench.come(source, 1_800_000_000_000), 9);
  }
  for (let source = 11; source <= 14; source++) {
    bench.scores.add(bench.come(source, 1_700_000_000_000 + source), 1);
  }
  for (let source = 11; source <= 14; source++) assert.ok(bench.scoreOf(source) > 0.9);
});

Deno.test("reports that arrive a little late neither lose nor double time", () => {
  const bench = new Bench(4);
  bench.scores.add(bench.come(1, 1_700_000_000_000), 9);
  for (let at = 1; at <= 1000; at++) {
    bench.come(1, 1_700_000_000_000 + at);
    bench.come(1, 1_700_000_000_000 + at - 400);
  }
  assert.ok(Math.abs(bench.scoreOf(1) - 7) < 0.01, `${bench.scoreOf(1)}`);
});

Deno.test("a source is silent for a second after it was found", () => {
  const bench = new Bench(4);
  const slot = bench.come(1, 1_700_000_000_000);
  assert.ok(!bench.scores.isSilent(slot));
  assert.ok(bench.scores.add(slot, 10));
  bench.scores.close(slot);
  assert.ok(bench.scores.isSilent(bench.come(1, 1_700_000_000_999)));
  assert.ok(!bench.scores.isSilent(bench.come(1, 1_700_000_001_000)));
  assert.ok(!bench.scores.isSilent(bench.come(1, 1_600_000_000_000)));
});

Deno.test("what a source did is remembered exactly, the last 64 things", () => {
  fc.assert(fc.property(fc.array(fc.nat(100), { maxLength: 300 }), (things) => {
    const remembered = new Remembered(3), naive: number[] = [];
    for (const thing of things) {
      const isNew = !naive.includes(thing);
      if (isNew) naive.push(thing);
      if (naive.length > 64) naive.shift();
      assert.equal(remembered.add(1, 2 * thing), isNew);
      // The neighbours' places are not touched.
      assert.ok(!remembered.mark(0, 2 * thing) && !remembered.mark(2, 2 * thing));
    }
    for (const thing of naive) {
      assert.ok(remembered.mark(1, 2 * thing));
      assert.ok(!remembered.mark(1, 2 * thing), "only once");
      assert.ok(!remembered.add(1, 2 * thing), "a mark does not make it another");
    }
    remembered.clear(1);
    for (const thing of naive) assert.ok(!remembered.mark(1, 2 * thing));
  }));
});

Deno.test("samples of ports: the first sixteen different ones of each source", () => {
  fc.assert(fc.property(fc.array(fc.nat(65_535), { maxLength: 60 }), (ports) => {
    const samples = new PortSamples(2);
    for (const port of ports) samples.add(1, port);
    assert.deepEqual(samples.list(1), [...new Set(ports)].slice(0, 16));
    assert.deepEqual(samples.list(0), []);
    samples.clear(1);
    assert.deepEqual(samples.list(1), []);
  }));
});

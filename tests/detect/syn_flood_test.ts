import assert from "node:assert/strict";
import { formatPrefix, formatV4 } from "../../engine/net/address.ts";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { Scene } from "./scene.ts";

const UNLIMITED = { policy: { rateLimit: undefined } } as const;

Deno.test("SYN flood: 150 connections begun at once, and none completed", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 149; at++) {
    scene.send({ port: 443 });
    scene.now += 0.0001;
  }
  assert.deepEqual(scene.found(), []);
  scene.send({ port: 443 });
  const [{ source, ...rest }] = scene.found();
  assert.equal(formatPrefix(source), "192.0.2.1");
  assert.deepEqual(rest, {
    detector: "syn_flood",
    text: "SYN flood: 150 connections begun to port 443, none completed, in 15 ms",
    evidence: { opened: 150, completed: 0, ports: [443], seconds: 0.015 },
    at: 1_700_000_060_015,
    isDryRun: false,
  });
});

Deno.test("SYN flood: connections that are completed are none, however many", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 3000; at++) scene.connect({ port: 443 }, 0.0001);
  assert.deepEqual(scene.found(), []);
});

Deno.test("SYN flood: completed connections are no credit for a flood", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 1000; at++) scene.connect({ port: 443 }, 0.0001);
  for (let at = 0; at < 151; at++) scene.send({ port: 443 });
  const [{ detector, evidence }] = scene.found();
  assert.equal(detector, "syn_flood");
  assert.ok(Number(evidence.opened) >= 150);
});

Deno.test("SYN flood: the score falls by 30 a second", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 1000; at++) {
    scene.send({ port: 443 });
    scene.now += 1 / 29;
  }
  assert.deepEqual(scene.found(), []);
  for (let at = 0; at < 1000; at++) {
    scene.send({ port: 443 });
    scene.now += 1 / 300;
  }
  assert.ok(scene.found().length >= 1);
});

Deno.test("SYN flood: one flood is found within the first millisecond, and once", () => {
  const scene = new Scene();
  for (let at = 0; at < 20_000; at++) {
    scene.send({ port: 80 });
    scene.now += 1 / 200_000;
  }
  const found = scene.found();
  assert.equal(found.length, 1);
  assert.ok(found[0].at <= 1_700_000_060_006, `${found[0].at}`);
});

Deno.test("SYN flood: one that the rate limit holds back is found too, an eager client is not", () => {
  const flood = new Scene({ policy: { rateLimit: { connections: 10, seconds: 10 } } });
  for (let at = 0; at < 5000; at++) {
    flood.send({ port: 80 });
    flood.now += 1 / 5000;
  }
  assert.equal(flood.found().length, 1);
  // 300 connections a second: 100 are made, then ten a second.
  const eager = new Scene();
  for (let at = 0; at < 9000; at++) {
    eager.connect({ port: 80 }, 0);
    eager.now += 1 / 300;
  }
  assert.deepEqual(eager.found(), []);
});

Deno.test("SYN flood: forged sources are no detection each, and hide no flood", () => {
  const scene = new Scene({ ...UNLIMITED, sources: 1024 });
  for (let at = 0; at < 200_000; at++) {
    scene.send({ from: formatV4(0x0b000000 + at * 7919), port: 80 });
    // One in ten is of the same source: 20,000 a second.
    if (at % 10 === 0) scene.send({ from: "192.0.2.66", port: 80 });
    scene.now += 1 / 200_000;
  }
  assert.deepEqual(scene.found().map(({ source }) => formatPrefix(source)), ["192.0.2.66"]);
});

Deno.test("SYN flood: many real sources at once are reported by 64 a second, the rest counted", () => {
  const scene = new Scene({ ...UNLIMITED, detection: { syn_flood: { half_open: 5 } } });
  for (let source = 0; source < 1000; source++) {
    for (let at = 0; at < 5; at++) scene.send({ from: formatV4(0x0b000000 + source), port: 80 });
  }
  assert.equal(scene.found().length, 64);
  assert.equal(scene.detectors.suppressed, 936);
  scene.now += 10;
  for (let second = 0; second < 10; second++, scene.now++) {
    for (let source = 0; source < 100; source++) {
      for (let at = 0; at < 5; at++) scene.send({ from: formatV4(0x0c000000 + source), port: 80 });
    }
  }
  assert.equal(scene.found().length, 256, "what nobody takes does not pile up");
});

Deno.test("SYN flood: SYN and ACK, and what is no TCP, are none", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 1000; at++) {
    scene.send({ port: 80, flags: TcpFlag.syn | TcpFlag.ack });
    scene.send({ port: 80, protocol: "udp" });
    scene.send({ protocol: "icmp" });
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("SYN flood: acknowledging blindly what was never seen hides no flood", () => {
  const scene = new Scene(UNLIMITED);
  for (let at = 0; at < 200; at++) scene.connect({ acknowledgement: at });
  assert.ok(scene.found().some(({ detector }) => detector === "syn_flood"));
});

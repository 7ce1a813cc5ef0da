import assert from "node:assert/strict";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { ports, rule } from "../support/policies.ts";
import { HOST, PEER, Scene, type SceneOptions } from "./scene.ts";

const BLOCKS_TELNET: SceneOptions = { policy: { rules: [rule({ ports: ports(23) })] } };
const BLOCKS_ALL: SceneOptions = { policy: { defaultAction: "block" } };

Deno.test("blocked hits: thirty connections that a rule blocks", () => {
  const scene = new Scene(BLOCKS_TELNET);
  for (let at = 0; at < 29; at++) {
    assert.ok(scene.send({ port: 23 }));
    scene.now += 0.01;
  }
  assert.deepEqual(scene.found(), []);
  scene.send({ port: 23 });
  assert.deepEqual(scene.found().map(({ source: _, ...rest }) => rest), [{
    detector: "blocked_hits",
    text: "repeated hits on blocked ports: 30 packets to port 23 in 290 ms",
    evidence: { hits: 30, ports: [23], packets: 30, seconds: 0.29 },
    at: 1_700_000_060_290,
    isDryRun: false,
  }]);
});

Deno.test("blocked hits: the default policy's count too, those of lists and the rate limit do not", () => {
  const knock = (options: SceneOptions) => {
    const scene = new Scene(options);
    for (let at = 0; at < 60; at++) assert.ok(scene.send({ port: 8000 + (at % 3) }) || at < 10);
    return scene.texts();
  };
  assert.deepEqual(knock(BLOCKS_ALL), [
    "repeated hits on blocked ports: 30 packets to ports 8000, 8001 and 8002 in 0 ms",
  ]);
  const list = PrefixList.parse([PEER]);
  for (const policy of [{ blacklist: list }, { bans: list }, { threats: list }]) {
    assert.deepEqual(knock({ policy }), []);
  }
  assert.deepEqual(knock({ policy: { rateLimit: { connections: 10, seconds: 10 } } }), []);
});

Deno.test("blocked hits: what is allowed does not count", () => {
  const scene = new Scene(BLOCKS_TELNET);
  for (let at = 0; at < 60; at++) scene.connect({ port: 80 });
  assert.deepEqual(scene.found(), []);
});

Deno.test("blocked hits: who tries again because nobody answers is not found", () => {
  const scene = new Scene(BLOCKS_ALL);
  for (let attempt = 0; attempt < 40; attempt++) {
    // Linux repeats a SYN after 1, 3, 7, 15 and 31 seconds.
    const sourcePort = 50_000 + attempt;
    for (const wait of [1, 2, 4, 8, 16, 32]) {
      scene.send({ port: 23, sourcePort });
      scene.now += wait;
    }
  }
  for (let at = 0; at < 600; at++) {
    scene.send({ protocol: "icmp", icmpType: 8 });
    scene.now++;
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("blocked hits: the same packet again and again without waiting is found", () => {
  for (const protocol of ["tcp", "icmp", "udp"] as const) {
    const scene = new Scene(BLOCKS_ALL);
    for (let at = 0; at < 60; at++) {
      scene.send({ protocol, port: 23, sourcePort: 50_000 });
      scene.now += 0.01;
    }
    assert.equal(scene.found().length, 1, protocol);
  }
});

Deno.test("blocked hits: what goes on or answers is no knocking", () => {
  const scene = new Scene(BLOCKS_ALL);
  for (let at = 0; at < 2000; at++) {
    // A call that this machine has left, and connections that it does not know any more.
    scene.send({ protocol: "udp", sourcePort: 20_000, port: 40_000 });
    scene.send({ protocol: "udp", sourcePort: 53, port: 40_000 + at });
    scene.send({ port: 40_000 + at, sourcePort: 443, flags: TcpFlag.ack });
    scene.send({ port: 40_000 + at, sourcePort: 443, flags: TcpFlag.syn | TcpFlag.ack });
    scene.send({ protocol: "icmp", icmpType: 11 });
    scene.now += 0.01;
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("blocked hits: datagrams of the first seconds may be answers", () => {
  const scene = new Scene({ ...BLOCKS_ALL, isJustStarted: true });
  const send = () => {
    for (let at = 0; at < 40; at++) scene.send({ protocol: "udp", sourcePort: 5000, port: 7000 });
    return scene.texts().length;
  };
  assert.equal(send(), 0);
  scene.now += 6;
  assert.equal(send(), 1);
});

Deno.test("blocked hits: the score falls by one in two seconds", () => {
  const scene = new Scene(BLOCKS_TELNET);
  for (let at = 0; at < 500; at++) {
    scene.send({ port: 23 });
    scene.now += 2.1;
  }
  assert.deepEqual(scene.found(), []);
  for (let at = 0; at < 60; at++) {
    scene.send({ port: 23 });
    scene.now += 1;
  }
  assert.equal(scene.found().length, 1);
});

Deno.test("blocked hits: off, and what this machine sends itself", () => {
  const scene = new Scene({ ...BLOCKS_ALL, detection: { blocked_hits: { enabled: false } } });
  for (let at = 0; at < 60; at++) scene.send({ port: 23 });
  assert.deepEqual(scene.found(), []);
  const own = new Scene(BLOCKS_ALL);
  for (let at = 0; at < 60; at++) assert.ok(own.send({ from: HOST, to: PEER, port: 23 }));
  assert.deepEqual(own.found(), []);
});

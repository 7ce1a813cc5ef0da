import assert from "node:assert/strict";
import { formatPrefix } from "../../engine/net/address.ts";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { detection, HOST, HOST_V6, Scene } from "./scene.ts";

const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN, urg: URG } = TcpFlag;

Deno.test("port scan: seven low ports are enough, and the detection says what was seen", () => {
  const scene = new Scene();
  const ports = [22, 80, 443, 25, 110, 139];
  for (const port of ports) {
    scene.knock({ port });
    scene.now += 0.01;
  }
  assert.deepEqual(scene.found(), []);
  scene.knock({ port: 21 });
  assert.deepEqual(
    scene.found().map(({ source, ...rest }) => ({
      source: formatPrefix(source),
      ...rest,
    })),
    [{
      detector: "port_scan",
      source: "192.0.2.1",
      text: "port scan: 7 ports in 60 ms",
      evidence: { targets: 7, ports: [...ports, 21], packets: 7, seconds: 0.06 },
      at: 1_700_000_060_060,
      isDryRun: false,
    }],
  );
});

Deno.test("port scan: twenty high ports are needed, or ten of UDP", () => {
  const scene = new Scene();
  for (let port = 2000; port < 2019; port++) scene.knock({ port });
  assert.deepEqual(scene.found(), []);
  scene.knock({ port: 2019 });
  assert.deepEqual(scene.texts(), ["port scan: 20 ports in 0 ms"]);
  for (let port = 2000; port < 2009; port++) {
    scene.send({ from: "192.0.2.2", protocol: "udp", port });
  }
  assert.deepEqual(scene.found(), []);
  scene.send({ from: "192.0.2.2", protocol: "udp", port: 2009 });
  assert.equal(scene.found().length, 1);
});

Deno.test("port scan: evidence keeps sixteen ports of a longer scan", () => {
  const scene = new Scene({ detection: { port_scan: { ports: 100 } } });
  for (let port = 5000; port < 5150; port++) scene.knock({ port });
  const [{ evidence }] = scene.found();
  assert.deepEqual(evidence.ports, Array.from({ length: 16 }, (_, at) => 5000 + at));
  assert.ok(Number(evidence.targets) >= 100);
});

Deno.test("port scan: the score falls, so that who takes his time is not found", () => {
  const scene = new Scene();
  for (let port = 2000; port < 2200; port++) {
    scene.knock({ port });
    scene.now += 0.6;
  }
  assert.deepEqual(scene.found(), []);
  for (let port = 3000; port < 3040; port++) {
    scene.knock({ port });
    scene.now += 0.2;
  }
  assert.equal(scene.found().length, 1);
});

Deno.test("port scan: the same port again adds nothing", () => {
  const scene = new Scene();
  for (let at = 0; at < 1000; at++) {
    scene.knock({ port: 22 + (at % 5) });
    scene.now += 0.001;
  }
  assert.deepEqual(scene.found().filter(({ detector }) => detector === "port_scan"), []);
});

Deno.test("port scan: one port of many of the machine's addresses is a scan too", () => {
  const scene = new Scene();
  for (let host = 1; host <= 7; host++) scene.send({ to: `198.51.100.${host}`, port: 22 });
  assert.deepEqual(scene.texts(), ["port scan: port 22 of 7 addresses in 0 ms"]);
  for (let host = 1; host <= 20; host++) {
    scene.send({ from: "192.0.2.2", to: `198.51.100.${host}`, protocol: "icmp" });
  }
  assert.deepEqual(scene.texts(), ["port scan: 20 addresses or protocols in 0 ms"]);
});

Deno.test("port scan: NULL, FIN and Xmas probes count, other packets out of place do not", () => {
  for (const flags of [0, FIN, FIN | PSH | URG, SYN | FIN]) {
    const scene = new Scene();
    for (const port of [22, 80, 443, 25, 110, 139, 21]) assert.ok(scene.send({ port, flags }));
    assert.equal(scene.found().length, 1, `flags ${flags}`);
  }
  for (const flags of [ACK, RST, RST | ACK, FIN | ACK, SYN | ACK]) {
    const scene = new Scene();
    for (let port = 1; port < 100; port++) scene.send({ port, flags });
    assert.deepEqual(scene.found(), [], `flags ${flags}`);
  }
});

Deno.test("port scan: a connection that is made is taken back, once for each port", () => {
  const scene = new Scene();
  for (let port = 5000; port < 5060; port++) scene.connect({ port });
  assert.deepEqual(scene.found(), []);
  for (let port = 1; port < 12; port++) {
    scene.knock({ port });
    scene.connect({ port: 5000 });
  }
  assert.equal(scene.found().length, 1);
});

Deno.test("port scan: a /64 is one source, a link-local address is another than its neighbour", () => {
  const scene = new Scene();
  const low = [22, 80, 443, 25, 110, 139, 21];
  low.forEach((port, at) => scene.send({ from: `2001:db8:2::${at + 1}`, to: HOST_V6, port }));
  assert.deepEqual(scene.found().map(({ source }) => formatPrefix(source)), ["2001:db8:2::/64"]);
  low.forEach((port, at) => scene.send({ from: `2001:db8:3:${at}::1`, to: HOST_V6, port }));
  low.forEach((port, at) => scene.send({ from: `fe80::${at + 1}`, to: HOST_V6, port }));
  assert.deepEqual(scene.found(), []);
  low.forEach((port) => scene.send({ from: "fe80::42", to: HOST_V6, port }));
  assert.deepEqual(scene.found().map(({ source }) => formatPrefix(source)), ["fe80::42"]);
});

Deno.test("port scan: one scan is one detection; after a second of silence it is found again", () => {
  const scene = new Scene();
  for (let port = 1; port < 1000; port++) {
    scene.send({ port });
    scene.now += 0.0005;
  }
  assert.equal(scene.found().length, 1);
  scene.now += 1;
  for (let port = 1; port < 100; port++) scene.send({ port });
  assert.equal(scene.found().length, 1);
});

Deno.test("port scan: answers that come late, or to what was asked before the start, do not count", () => {
  const scene = new Scene({ isJustStarted: true });
  const ask = (sourcePort: number, port: number) =>
    scene.send({ protocol: "udp", sourcePort, port });
  for (let port = 33_000; port < 33_060; port++) ask(9999, port);
  assert.deepEqual(scene.found(), []);
  scene.now += 6;
  for (const service of [53, 123, 443, 3478]) {
    for (let port = 33_000; port < 33_060; port++) ask(service, port);
  }
  assert.deepEqual(scene.found(), []);
  for (let port = 1; port < 20; port++) ask(53, port);
  assert.equal(scene.found().length, 1, "an answer does not come to a low port");
  const early = new Scene({ isJustStarted: true });
  for (let port = 1; port < 20; port++) early.send({ protocol: "udp", port });
  assert.equal(early.found().length, 1, "nor does one to what this machine does not use");
  const high = new Scene({ isJustStarted: true });
  for (let port = 50_000; port < 50_020; port++) {
    high.send({ protocol: "udp", sourcePort: 61_000, port });
  }
  assert.equal(high.found().length, 1, "nor does one come from such a port");
});

Deno.test("port scan: off, dry run, and settings that change", () => {
  const scan = (scene: Scene) => {
    for (let port = 1; port < 20; port++) scene.send({ port });
    return scene.found().map(({ isDryRun }) => isDryRun);
  };
  assert.deepEqual(scan(new Scene({ detection: { enabled: false } })), []);
  assert.deepEqual(scan(new Scene({ detection: { port_scan: { enabled: false } } })), []);
  assert.deepEqual(scan(new Scene({ detection: { dry_run: true } })), [true]);
  assert.deepEqual(scan(new Scene({ detection: { port_scan: { dry_run: true } } })), [true]);
  const scene = new Scene({ detection: { port_scan: { ports: 1000 } } });
  assert.deepEqual(scan(scene), []);
  scene.detectors.configure(detection({ port_scan: { ports: 10 } }));
  scene.now += 60;
  assert.deepEqual(scan(scene), [false]);
});

Deno.test("port scan: a threshold past what is remembered of a source is still reached", () => {
  const scene = new Scene({ detection: { port_scan: { ports: 20_000 } } });
  for (let port = 1024; port < 65_000; port++) scene.send({ port });
  assert.equal(scene.found().filter(({ detector }) => detector === "port_scan").length, 1);
});

Deno.test("port scan: what is sent to many, or passes through, says nothing", () => {
  const scene = new Scene();
  for (let port = 1; port < 100; port++) {
    scene.send({ protocol: "udp", to: "224.0.0.251", port });
    scene.send({ protocol: "udp", to: "255.255.255.255", port });
    scene.send({ protocol: "udp", to: "198.51.100.255", port, isToMany: true });
    scene.send({ protocol: "udp", from: "fe80::1", to: "ff02::fb", port });
    scene.send({ from: HOST, to: "203.0.113.9", port });
  }
  assert.deepEqual(scene.found(), []);
});

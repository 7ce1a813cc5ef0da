import assert from "node:assert/strict";
import { formatPrefix } from "../../engine/net/address.ts";
import { detection, HOST_V6, Scene } from "./scene.ts";

Deno.test("connection burst: twenty connections to a login port", () => {
  const scene = new Scene();
  for (let at = 0; at < 19; at++) scene.connect({ port: 22 }, 0.01);
  assert.deepEqual(scene.found(), []);
  scene.connect({ port: 22 }, 0.01);
  assert.deepEqual(scene.found().map(({ source: _, ...rest }) => rest), [{
    detector: "connection_burst",
    text: "burst of connections: 20 to port 22 in 380 ms",
    evidence: { connections: 20, ports: [22], seconds: 0.38 },
    at: 1_700_000_060_400,
    isDryRun: false,
  }]);
});

Deno.test("connection burst: each port and each source counts for itself", () => {
  const scene = new Scene();
  for (let at = 0; at < 15; at++) {
    scene.connect({ port: 22 });
    scene.connect({ port: 5432 });
    scene.connect({ from: "192.0.2.2", port: 22 });
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("connection burst: connections that are not completed, or to other ports, do not count", () => {
  const scene = new Scene();
  for (let at = 0; at < 60; at++) {
    scene.knock({ port: 22 });
    scene.connect({ port: 443 });
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("connection burst: one connection every three seconds is none", () => {
  const scene = new Scene();
  for (let at = 0; at < 200; at++) {
    scene.connect({ port: 22 });
    scene.now += 3;
  }
  assert.deepEqual(scene.found(), []);
});

Deno.test("connection burst: other ports, by /64, dry", () => {
  const draft = { connection_burst: { ports: [8022], connections: 5, dry_run: true } };
  const scene = new Scene({ detection: draft });
  for (let at = 1; at <= 5; at++) {
    scene.connect({ port: 22 });
    scene.connect({ from: `2001:db8:7::${at}`, to: HOST_V6, port: 8022 });
  }
  const found = scene.found().map(({ source, isDryRun }) => [formatPrefix(source), isDryRun]);
  assert.deepEqual(found, [["2001:db8:7::/64", true]]);
  scene.detectors.configure(detection({ connection_burst: { ports: [22], connections: 5 } }));
  scene.now += 120;
  for (let at = 1; at <= 5; at++) {
    scene.connect({ port: 22 });
    scene.connect({ from: "192.0.2.2", port: 8022 });
  }
  const after = scene.found().map(({ source, isDryRun }) => [formatPrefix(source), isDryRun]);
  assert.deepEqual(after, [["192.0.2.1", false]]);
});

Deno.test("connection burst: who forges a source and guesses the acknowledgement is none", () => {
  const scene = new Scene({ policy: { rateLimit: undefined } });
  for (let at = 0; at < 40; at++) scene.connect({ port: 22, acknowledgement: 77 });
  assert.deepEqual(scene.texts(), []);
  for (let at = 0; at < 20; at++) scene.connect({ port: 22 });
  assert.equal(scene.found()[0].detector, "connection_burst");
});

/** What people and programs do all day, by the default settings: nobody may be found. */
import assert from "node:assert/strict";
import { formatV4 } from "../../engine/net/address.ts";
import { TcpFlag } from "../../engine/packet/packet.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { ports, rule } from "../support/policies.ts";
import { HOST, PEER, Scene } from "./scene.ts";

const { ack: ACK, syn: SYN } = TcpFlag;

/** What the default configuration blocks. */
const SHARED_FILES = rule({ direction: "in", ports: ports(23, 135, 139, 445, 3389) });

function benign(name: string, play: (scene: Scene) => void): void {
  Deno.test(`benign: ${name}`, () => {
    for (const rules of [[], [SHARED_FILES]]) {
      const scene = new Scene({ policy: { rules } });
      play(scene);
      assert.deepEqual(scene.texts(), []);
      assert.equal(scene.detectors.suppressed, 0);
    }
  });
}

benign("a browser with 60 connections at once, again and again", (scene) => {
  for (let page = 0; page < 20; page++) {
    const sourcePorts = Array.from({ length: 60 }, (_, at) => 41_000 + 60 * page + at);
    for (const sourcePort of sourcePorts) scene.send({ port: 443, sourcePort });
    scene.now += 0.03;
    for (const sourcePort of sourcePorts) {
      scene.send({ from: HOST, to: PEER, sourcePort: 443, port: sourcePort, flags: SYN | ACK });
    }
    scene.now += 0.03;
    for (const sourcePort of sourcePorts) scene.send({ port: 443, sourcePort, flags: ACK });
    scene.connect({ port: 80 });
    scene.now += 15;
  }
});

benign("the same browser where the service is down: every connection is refused", (scene) => {
  for (let page = 0; page < 20; page++) {
    for (let at = 0; at < 60; at++) scene.knock({ port: 443 });
    scene.now += 5;
  }
});

benign("our own browser, with 60 connections to one host", (scene) => {
  for (let at = 0; at < 60; at++) scene.connect({ from: HOST, to: "203.0.113.5", port: 443 });
});

benign("resolvers that answer, late ones too", (scene) => {
  for (let query = 0; query < 3000; query++) {
    const resolver = query % 2 === 0 ? "192.0.2.53" : "192.0.2.54", port = 33_000 + query;
    scene.send({ from: HOST, to: resolver, protocol: "udp", sourcePort: port, port: 53 });
    scene.now += 0.002;
    scene.send({ from: resolver, protocol: "udp", sourcePort: 53, port });
    if (query % 10 === 0) {
      const late = { from: resolver, protocol: "udp", sourcePort: 53, port: port - 500 } as const;
      scene.send(late);
    }
  }
});

benign("a torrent client with 300 peers that answer and call back", (scene) => {
  for (let peer = 0; peer < 300; peer++) {
    const address = formatV4(0x5b000001 + peer * 257), port = 20_000 + peer;
    scene.connect({ from: HOST, to: address, port });
    const query = { protocol: "udp", sourcePort: 6881, port } as const;
    scene.send({ ...query, from: HOST, to: address });
    scene.now += 0.01;
    scene.send({ from: address, protocol: "udp", sourcePort: port, port: 6881 });
    scene.connect({ from: address, port: 6881 });
    scene.send({ from: address, protocol: "udp", sourcePort: port + 1, port: 6881 });
    // Some call where nobody listens any more.
    if (peer % 3 === 0) scene.knock({ from: address, port: 51_413 });
  }
});

benign("FTP in passive mode: many small files, each on a port of its own", (scene) => {
  scene.connect({ port: 21 });
  for (let file = 0; file < 200; file++) {
    scene.connect({ port: 30_000 + file });
    scene.now += 0.1;
  }
});

benign("FTP in passive mode, slow, seen from one side only", (scene) => {
  scene.connect({ port: 21 });
  for (let file = 0; file < 20; file++) {
    scene.send({ port: 30_000 + file });
    scene.now += 6;
  }
});

benign("neighbours that announce and look for things", (scene) => {
  for (let round = 0; round < 200; round++) {
    const from = `192.0.2.${100 + (round % 20)}`;
    const shout = (to: string, port: number, isToMany = false) =>
      scene.send({ from, to, protocol: "udp", sourcePort: port, port, isToMany });
    shout("224.0.0.251", 5353);
    shout("239.255.255.250", 1900);
    shout("198.51.100.255", 137, true);
    shout("198.51.100.255", 138, true);
    shout("255.255.255.255", 67);
    for (const port of [17_500, 21_027, 32_412, 57_621]) shout("198.51.100.255", port, true);
    scene.send({ from: "fe80::9", to: "ff02::fb", protocol: "udp", port: 5353 });
    scene.now += 0.05;
  }
  // And a few ask directly: NetBIOS, SMB, printers, remote desktop, a ping.
  for (const port of [445, 139, 135]) scene.knock({ from: "192.0.2.100", port });
  scene.send({ from: "192.0.2.100", protocol: "udp", sourcePort: 137, port: 137 });
  for (let at = 0; at < 100; at++, scene.now++) {
    scene.send({ from: "192.0.2.100", protocol: "icmp" });
  }
});

benign(
  "an administrator with five sessions, and a monitor that asks every ten seconds",
  (scene) => {
    for (let session = 0; session < 5; session++) scene.connect({ port: 22 });
    for (let at = 0; at < 60; at++) {
      for (const port of [22, 80, 443, 25, 993]) scene.connect({ from: "192.0.2.9", port });
      scene.send({ from: "192.0.2.9", protocol: "udp", port: 161 });
      scene.send({ from: "192.0.2.9", protocol: "icmp" });
      scene.now += 10;
    }
  },
);

benign("traceroute from next door, three times", (scene) => {
  for (let run = 0; run < 3; run++) {
    for (let probe = 0; probe < 90; probe++) {
      scene.send({ protocol: "udp", port: 33_434 + probe });
      // Sixteen at once; five seconds later the next, if nobody answers.
      if (probe % 16 === 15) scene.now += 5;
    }
    scene.now += 30;
  }
});

benign("a whole provider's customers behind one address", (scene) => {
  for (let at = 0; at < 3000; at++) {
    scene.connect({ port: at % 5 === 0 ? 80 : 443 }, 0.001);
    scene.now += 0.12;
  }
});

Deno.test("benign: a whitelisted scanner", () => {
  const scene = new Scene({ policy: { whitelist: PrefixList.parse([PEER]) } });
  for (let port = 1; port < 1000; port++) {
    scene.send({ port });
    scene.send({ port, protocol: "udp" });
  }
  assert.deepEqual(scene.texts(), []);
});

/** What the database says of blocked packets is what the kernel did, packet by packet. */
import { deepEqual, equal, match } from "node:assert/strict";
import { createPair, kernelTest } from "../support/netns.ts";
import { blockedHits, dropCounters, type Flood, flood, query } from "../support/flood.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

const COUNT = 10_000;

/** Who sends: `in` the remote end, `out` the local one. */
interface Scene extends Omit<Flood, "count"> {
  readonly direction: "in" | "out";
}

const SCENES: Record<string, Scene> = {
  "UDP, IPv4, inwards": {
    direction: "in",
    protocol: "udp",
    from: "10.9.0.2",
    to: "10.9.0.1",
    sourcePort: 40_001,
    port: 2001,
  },
  "TCP, IPv4, inwards": {
    direction: "in",
    protocol: "tcp-syn",
    from: "10.9.0.2",
    to: "10.9.0.1",
    sourcePort: 40_002,
    port: 2001,
  },
  "UDP, IPv6, inwards": {
    direction: "in",
    protocol: "udp",
    from: "fd09::2",
    to: "fd09::1",
    sourcePort: 40_003,
    port: 2001,
  },
  "UDP, IPv4, outwards": {
    direction: "out",
    protocol: "udp",
    from: "10.9.0.1",
    to: "10.9.0.2",
    sourcePort: 40_004,
    port: 2001,
  },
  "UDP, IPv6, outwards": {
    direction: "out",
    protocol: "udp",
    from: "fd09::1",
    to: "fd09::2",
    sourcePort: 40_005,
    port: 2001,
  },
};

kernelTest("10,000 blocked packets are 10,000 hits, in kernel and database", async (test) => {
  await using link = await createPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    // Else the sender is banned soon, and the reason is another one.
    detection: { enabled: false },
    rules: [{ name: "No 2001", action: "block", protocol: "any", ports: [2001] }],
    rate_limit: { enabled: false },
  });
  await using pfw = await startPfw(link.local, sandbox);
  let sent = 0;
  for (const [name, { direction, ...packets }] of Object.entries(SCENES)) {
    await test.step(name, async () => {
      const sender = direction === "in" ? link.remote : link.local;
      const refused = await flood(sender, { ...packets, count: COUNT });
      equal(refused, direction === "in" ? 0 : COUNT);
      sent += COUNT;
      const where = `src_port = ${packets.sourcePort}`;
      equal(await eventually(() => blockedHits(sandbox, where), (hits) => hits >= COUNT), COUNT);
      deepEqual(
        query(
          sandbox,
          `SELECT DISTINCT direction, protocol, src_ip, dst_ip, src_port, dst_port, reason,
           reason_code, action, interface FROM blocked_packets WHERE ${where}`,
        ),
        [{
          direction: direction === "in" ? "incoming" : "outgoing",
          protocol: packets.protocol.slice(0, 3),
          src_ip: packets.from,
          dst_ip: packets.to,
          src_port: packets.sourcePort,
          dst_port: packets.port,
          reason: "Rule: No 2001",
          reason_code: "rule",
          action: "blocked",
          interface: "veth-0",
        }],
      );
      deepEqual(Object.values(await dropCounters(link.local)), [sent]);
    });
  }
  await test.step("status, stats, rules and the end agree", async () => {
    const status = await sandbox.status();
    equal(status.totals.blocked, sent);
    equal(status.totals.byReason.rule.blocked, sent);
    equal(status.losses.nflogLost, 0);
    const [rule] = JSON.parse((await sandbox.pfw("rules", "list", "--json")).out).rules;
    equal(rule.hits.packets, sent);
    const { code, out } = await pfw.end();
    equal(code, 0);
    match(out, /^pfw: stopped: .* 50,000 blocked$/m);
    equal(blockedHits(sandbox), sent);
    deepEqual(query(sandbox, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  });
});

kernelTest("each reason to block is told from the others", async () => {
  await using link = await createPair();
  for (const number of [10, 11, 12, 13]) {
    await link.remote.run(["ip", "address", "add", `10.9.0.${number}/24`, "dev", "veth-0"]);
  }
  await using sandbox = new Sandbox();
  sandbox.writeConfig({
    default_policy: "block",
    detection: { enabled: false },
    blacklist_ips: ["10.9.0.10"],
    rules: [
      { name: "Never", action: "block", protocol: "udp", ports: [2002], direction: "in" },
      { name: "Limited", action: "allow", source_ips: ["10.9.0.12"] },
    ],
    rate_limit: { enabled: true, connections: 3, seconds: 3600 },
  });
  await using pfw = await startPfw(link.local, sandbox);
  const send = (from: string, protocol: Flood["protocol"], port: number, count = 1) =>
    flood(link.remote, { protocol, from, to: "10.9.0.1", sourcePort: 40_000 + port, port, count });
  const ports = Array.from({ length: 10 }, (_, at) => 3001 + at);
  await Promise.all([
    send("10.9.0.10", "udp", 2001, 5),
    send("10.9.0.2", "udp", 2002, 3),
    send("10.9.0.11", "udp", 2003, 2),
    // It resets a connection that nobody opened.
    send("10.9.0.13", "tcp-rst", 2004, 4),
    ...ports.map((port) => send("10.9.0.12", "udp", port)),
  ]);
  const wanted = [
    ["10.9.0.10", "blacklist", "Blacklisted IP", "udp", 5],
    ["10.9.0.11", "default_policy", "Default policy", "udp", 2],
    ["10.9.0.12", "rate_limit", "Rate limit exceeded", "udp", 7],
    ["10.9.0.13", "invalid", "Invalid state", "tcp", 4],
    ["10.9.0.2", "rule", "Rule: Never", "udp", 3],
  ];
  const where = "direction = 'incoming' AND src_ip LIKE '10.9.%'";
  equal(await eventually(() => blockedHits(sandbox, where), (hits) => hits >= 21), 21);
  const rows = query(
    sandbox,
    `SELECT src_ip, reason_code, reason, protocol, sum(hits) FROM blocked_packets
     WHERE ${where} GROUP BY 1, 2, 3, 4 ORDER BY 1`,
  );
  deepEqual(rows.map((row) => Object.values(row)), wanted);
  equal((await pfw.end()).code, 0);
});

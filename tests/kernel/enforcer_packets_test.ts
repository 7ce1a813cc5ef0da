import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Policy } from "../../engine/policy/policy.ts";
import { dropped, enforcerIn } from "../support/enforcer.ts";
import { createPair, kernelTestOnce } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { answers, keepTalking, startSender, startServer } from "../support/traffic.ts";

const telnet = rule({ protocol: "tcp", ports: ports(23), direction: "in" });

kernelTestOnce("counters live through reloads, and those of removed rules too", async () => {
  await using link = await createPair();
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const pings = rule({ protocol: "icmp", direction: "in" });
  const ping = async (count: number) => {
    for (const to of ["10.9.0.1", "fd09::1"]) {
      await link.remote.commands.run(
        ["ping", "-n", "-i", "0.01", "-W", "0.1", "-c", `${count}`, to],
      );
    }
  };
  const count = async () => dropped(await enforcer.counters(), pings.id);
  await enforcer.apply(policy({ rules: [pings] }));
  await ping(5);
  equal(await count(), 10);
  await enforcer.apply(policy({ rules: [telnet, pings], blacklist: ["203.0.113.1"] }));
  await ping(3);
  equal(await count(), 16, "moved");
  await enforcer.apply(policy({ rules: [telnet] }));
  await ping(2);
  equal(await count(), 16, "removed");
  await enforcer.apply(policy({ rules: [pings] }));
  await ping(1);
  equal(await count(), 18, "and back again");
  const successor = enforcerIn(link.local, directory);
  await successor.apply(policy({ rules: [pings] }));
  equal(dropped(await successor.counters(), pings.id), 0, "another process counts from zero");
  await ping(4);
  equal(dropped(await successor.counters(), pings.id), 8);
  await successor.remove();
  equal(dropped(await successor.counters(), pings.id), 8, "known after the end");
  await Deno.remove(directory, { recursive: true });
});

interface Scene {
  readonly name: string;
  readonly policy: Policy;
  /** `in`: the remote end asks the local one; `out`: the other way round. */
  readonly passes: string[];
  readonly blocked: string[];
}

const SCENES: Scene[] = [
  {
    name: "ports, inwards",
    policy: policy({ rules: [rule({ protocol: "tcp", ports: ports(2001), direction: "in" })] }),
    blocked: ["in tcp4 2001", "in tcp6 2001"],
    passes: ["in tcp4 2002", "in udp4 2001", "out tcp4 2001", "out tcp6 2001", "in icmp4"],
  },
  {
    name: "port ranges and lists, both protocols, outwards",
    policy: policy({ rules: [rule({ ports: ports(2001, [2003, 2004]), direction: "out" })] }),
    blocked: ["out tcp4 2001", "out udp6 2004", "out tcp6 2003"],
    passes: ["out tcp4 2002", "out udp4 2002", "in tcp4 2001", "in udp6 2003", "out icmp6"],
  },
  {
    name: "icmp, both directions",
    policy: policy({ rules: [rule({ protocol: "icmp" })] }),
    blocked: ["in icmp4", "in icmp6", "out icmp4", "out icmp6"],
    passes: ["in tcp4 2001", "out udp6 2001"],
  },
  {
    name: "an allow rule before a block of several ranges of one family",
    policy: policy({
      rules: [
        rule({ action: "allow", protocol: "udp", ports: ports(2002), sources: ["10.9.0.0/24"] }),
        rule({ sources: ["10.9.0.0/25", "198.51.100.0/24"] }),
      ],
    }),
    blocked: ["in tcp4 2001", "in icmp4"],
    passes: ["in udp4 2002", "in tcp6 2001", "in icmp6"],
  },
  {
    name: "blacklisted ranges, both directions",
    policy: policy({ blacklist: ["10.9.0.0/30"], bans: ["fd09::/64"] }),
    blocked: ["in tcp4 2001", "out udp4 2001", "in icmp6", "out tcp6 2001"],
    passes: [],
  },
  {
    name: "a whitelist before everything",
    policy: policy({
      whitelist: ["10.9.0.2"],
      blacklist: ["10.9.0.0/16"],
      threats: ["fd09::2"],
      rules: [rule()],
      defaultAction: "block",
    }),
    blocked: ["in tcp6 2001", "out udp6 2001"],
    passes: ["in tcp4 2001", "out icmp4", "out tcp4 2001"],
  },
  {
    name: "default policy block with an allowed service",
    policy: policy({
      rules: [rule({ action: "allow", protocol: "tcp", ports: ports(2001), direction: "in" })],
      defaultAction: "block",
    }),
    blocked: ["in tcp4 2002", "out tcp4 2001", "in udp6 2001", "out icmp6"],
    passes: ["in tcp4 2001", "in tcp6 2001"],
  },
  {
    name: "the whole IPv4 Internet",
    policy: policy({ blacklist: ["0.0.0.0/0"] }),
    blocked: ["in icmp4", "out icmp4"],
    passes: ["in icmp6", "out tcp6 2001"],
  },
];

kernelTestOnce("real packets pass and stop as the policy says", async (test) => {
  await using link = await createPair();
  const served = [2001, 2002, 2003, 2004];
  await using _local = await startServer(link.local, served);
  await using _remote = await startServer(link.remote, served);
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const passes = (text: string) => {
    const [, direction, protocol, family, port] = /^(in|out) (tcp|udp|icmp)([46])(?: (\d+))?$/.exec(
      text,
    )!;
    const host = direction === "in" ? 1 : 2;
    return answers(direction === "in" ? link.remote : link.local, {
      protocol: protocol as "tcp" | "udp" | "icmp",
      to: family === "4" ? `10.9.0.${host}` : `fd09::${host}`,
      port: Number(port ?? 0),
    });
  };
  for (const scene of SCENES) {
    await test.step(scene.name, async () => {
      await enforcer.apply(scene.policy);
      const attempts = [...scene.passes, ...scene.blocked];
      const results = await Promise.all(attempts.map(passes));
      deepEqual(attempts.filter((_, at) => results[at]), scene.passes);
    });
  }
  await Deno.remove(directory, { recursive: true });
});

kernelTestOnce("a new rule cuts the connection that already runs", async (test) => {
  await using link = await createPair();
  await using _server = await startServer(link.local, [2001]);
  await using _other = await startServer(link.remote, [2001]);
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const block = rule({ ports: ports(2001), protocol: "tcp" });
  for (
    const [name, from, to, change] of [
      ["others opened it", link.remote, "10.9.0.1", policy({ rules: [block] })],
      ["we opened it, IPv6", link.local, "fd09::2", policy({ rules: [block] })],
      ["the peer is blacklisted", link.remote, "10.9.0.1", policy({ blacklist: ["10.9.0.2"] })],
    ] as const
  ) {
    await test.step(name, async () => {
      await enforcer.apply(policy());
      await using client = keepTalking(from, { protocol: "tcp", to, port: 2001 });
      equal(await client.line(), "echo");
      await enforcer.apply(change);
      let line = await client.line();
      while (line === "echo") line = await client.line();
      equal(line, "silence");
    });
  }
  await Deno.remove(directory, { recursive: true });
});

kernelTestOnce("no packet slips through while what blocks it moves about", async () => {
  await using link = await createPair();
  const directory = await Deno.makeTempDir();
  const byList = policy({ blacklist: ["10.9.0.2"] });
  const byRule = policy({ rules: [rule({ sources: ["10.9.0.2"] })] });
  const bySetRule = policy({ rules: [rule({ sources: ["10.9.0.2", "192.0.2.1"] })] });
  const byThreat = policy({ threats: ["10.9.0.0/29"] });
  await enforcerIn(link.local, directory).apply(byList);
  await link.local.run(["iptables", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "ACCEPT"]);
  await using sender = startSender(link.remote, "10.9.0.1", 9, 4);
  const end = performance.now() + 3_500;
  let changes = 0;
  let enforcer = enforcerIn(link.local, directory);
  while (performance.now() < end) {
    for (const next of [byRule, byThreat, bySetRule, byRule, byList, bySetRule, byList]) {
      await enforcer.apply(next);
      changes++;
    }
    enforcer = enforcerIn(link.local, directory);
  }
  ok(Number(await sender.line()) > 5_000);
  ok(changes > 10, `${changes} changes`);
  const saved = await link.local.run(["iptables-save", "-c"]);
  match(saved, /^\[0:0\] -A INPUT -p udp -m udp --dport 9 -j ACCEPT$/m);
  await Deno.remove(directory, { recursive: true });
});

kernelTestOnce(
  "the rate limit counts new connections of each source, and can be changed",
  async () => {
    await using link = await createPair();
    const directory = await Deno.makeTempDir();
    const enforcer = enforcerIn(link.local, directory);
    const burst = async () => {
      const before = dropped(await enforcer.counters(), "rate_limit");
      await link.remote.run(
        ["hping3", "-q", "-i", "u500", "-c", "40", "-S", "-p", "++1000", "10.9.0.1"],
      ).catch(() => {});
      return dropped(await enforcer.counters(), "rate_limit") - before;
    };
    await enforcer.apply(policy({ rateLimit: { connections: 10, seconds: 3600 } }));
    equal(await burst(), 30);
    await enforcer.apply(policy({ rateLimit: { connections: 25, seconds: 3600 } }));
    equal(await burst(), 15, "a new limit is another table, with full buckets");
    await enforcer.apply(
      policy({ rateLimit: { connections: 25, seconds: 3600 }, rules: [telnet] }),
    );
    equal(await burst(), 40, "the same limit goes on counting through a reload");
    await enforcer.apply(policy());
    equal(await burst(), 0);
    await Deno.remove(directory, { recursive: true });
  },
);

import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { KernelCounters } from "../../engine/kernel/counters.ts";
import { PfwError } from "../../engine/errors.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { enforcerIn, FaultyCommands } from "../support/enforcer.ts";
import { createPair, firewallText, kernelTest, NetworkNamespace } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { answers, keepTalking, startSender, startServer } from "../support/traffic.ts";

const telnet = rule({ protocol: "tcp", ports: ports(23), direction: "in" });
const dns = rule({ protocol: "udp", ports: ports(53, [5300, 5310]) });
const partners = rule({
  action: "allow",
  protocol: "tcp",
  ports: ports(8080),
  sources: ["10.9.0.2", "198.51.100.0/24", "fd09:0::2", "2001:db8::/32"],
});

const OLD = policy({
  rules: [telnet, partners],
  whitelist: ["192.0.2.7"],
  blacklist: ["203.0.113.0/24", "2001:db8:bad::/48"],
  threats: ["198.51.100.66"],
  rateLimit: { connections: 100, seconds: 10 },
});
const NEW = policy({
  rules: [dns, telnet],
  blacklist: ["203.0.113.0/25", "0.0.0.0/0"],
  bans: ["198.51.100.99", "fd09::99"],
  rateLimit: { connections: 7, seconds: 30 },
});

/** A namespace without tables, and a directory for the state file. */
async function withNamespace(
  run: (namespace: NetworkNamespace, directory: string) => Promise<void>,
): Promise<void> {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  try {
    await run(namespace, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Our part of the firewall as it acts: counters, times and the order of entries left out. */
async function actingText(namespace: NetworkNamespace): Promise<string> {
  const text = await firewallText(namespace);
  const sets = (await namespace.run(["ipset", "save", "-sorted"]))
    .replace(/ (bucketsize|initval|hashsize) \S+/g, "");
  return text.slice(0, text.lastIndexOf("---")) + sets;
}

function dropped(counters: KernelCounters, key: string): number {
  return counters.drops.filter(({ reason, ruleId }) => (ruleId ?? reason) === key)
    .reduce((sum, { packets }) => sum + packets, 0);
}

kernelTest("apply puts all of a policy in place, first in every hook", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["iptables", "-A", "INPUT", "-s", "192.0.2.1", "-j", "ACCEPT"]);
    const enforcer = enforcerIn(namespace, directory);
    const result = await enforcer.apply(OLD);
    equal(result.rules, 2);
    equal(result.setEntries, 4 + 2 + 2, "lists, and two sets of the rule with several sources");
    const inspection = await enforcer.inspect();
    deepEqual(inspection.differences, []);
    ok(inspection.inPlace);
    equal(inspection.rules, result.kernelRules);
    equal(inspection.chains, result.chains);
    for (const program of ["iptables-save", "ip6tables-save"]) {
      const saved = await namespace.run([program]);
      for (
        const [hook, chain] of [
          ["PREROUTING", "PFW-PRE"],
          ["INPUT", "PFW-IN"],
          ["FORWARD", "PFW-FWD"],
          ["OUTPUT", "PFW-OUT"],
        ]
      ) {
        equal(new RegExp(`-A ${hook} (.*)`).exec(saved)?.[1], `-j ${chain}`, `${program} ${hook}`);
      }
    }
  });
});

kernelTest("remove leaves an untouched firewall as it was, tables included", async () => {
  await withNamespace(async (namespace, directory) => {
    const before = await firewallText(namespace);
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    await enforcer.apply(NEW);
    ok(await firewallText(namespace) !== before);
    await enforcer.remove();
    equal(await firewallText(namespace), before);
    deepEqual([...Deno.readDirSync(directory)], []);
  });
});

kernelTest("remove leaves what others put there, whichever process applied", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["ipset", "create", "others", "hash:ip"]);
    await namespace.run(["iptables", "-N", "OTHERS"]);
    await namespace.run(["iptables", "-A", "INPUT", "-s", "192.0.2.1", "-j", "OTHERS"]);
    await namespace.run(["ip6tables", "-P", "FORWARD", "DROP"]);
    const before = await firewallText(namespace);
    await enforcerIn(namespace, directory).apply(OLD);
    // Somebody's own jump to a chain of ours must not keep us from leaving.
    await namespace.run(["iptables", "-A", "OTHERS", "-s", "192.0.2.2", "-j", "PFW-D-blacklist"]);
    await enforcerIn(namespace, directory).remove();
    equal(await firewallText(namespace), before);
  });
});

kernelTest("tables that somebody else uses by now stay", async () => {
  await withNamespace(async (namespace, directory) => {
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    await namespace.run(["iptables", "-t", "raw", "-A", "OUTPUT", "-d", "192.0.2.5", "-j", "DROP"]);
    await enforcer.remove();
    const saved = await namespace.run(["iptables-save"]);
    match(saved, /-A OUTPUT -d 192\.0\.2\.5\/32 -j DROP/);
    equal(saved.includes("*filter"), false);
    equal(saved.includes("PFW-"), false);
  });
});

kernelTest("another process takes over what a crash left, whatever it was", async () => {
  await withNamespace(async (namespace, directory) => {
    const before = await firewallText(namespace);
    await enforcerIn(namespace, directory).apply(OLD);
    await namespace.run(["ipset", "add", "pfw-black4", "192.0.2.200"]);
    await namespace.run(["ipset", "add", "pfw-ban4", "198.51.100.99", "timeout", "5"]);
    const successor = enforcerIn(namespace, directory);
    await successor.apply(NEW);
    const taken = await actingText(namespace);
    match(taken, /add pfw-ban4 198\.51\.100\.99 timeout 0/, "a ban that was to expire stays now");
    await successor.remove();
    equal(await firewallText(namespace), before);
    await enforcerIn(namespace, directory).apply(NEW);
    equal(await actingText(namespace), taken, "the same as on an empty kernel");
  });
});

kernelTest("a step that fails leaves what was there before, whichever step", async (test) => {
  await withNamespace(async (namespace, directory) => {
    for (const [name, from, to] of [["first", undefined, OLD], ["change", OLD, NEW]] as const) {
      const faulty = new FaultyCommands(namespace.commands);
      const enforcer = enforcerIn(namespace, directory, faulty);
      const prepare = () => from ? enforcer.apply(from) : enforcer.remove();
      await prepare();
      faulty.changes.length = 0;
      await enforcer.apply(to);
      // The last steps only tidy up: failing there is logged, and the new policy stands.
      const steps = faulty.changes.length;
      const wanted = await actingText(namespace);
      await prepare();
      const before = await actingText(namespace);
      for (let at = 0; at < steps; at++) {
        for (const afterRunning of [false, true]) {
          const step = `${name}: step ${at + 1} of ${steps}${afterRunning ? ", halfway" : ""}`;
          await test.step(step, async () => {
            await failAt(faulty, at, afterRunning, () => enforcer.apply(to), async (failed) => {
              if (failed) equal(await actingText(namespace), before);
              else ok((await enforcer.inspect()).inPlace);
            });
            await enforcer.apply(to);
            equal(await actingText(namespace), wanted);
            await prepare();
          });
        }
      }
      await enforcer.remove();
    }
  });
});

/** Makes one change fail; an apply may then throw a `PfwError`, or have done its work. */
async function failAt(
  faulty: FaultyCommands,
  at: number,
  afterRunning: boolean,
  apply: () => Promise<unknown>,
  check: (failed: boolean) => Promise<void>,
): Promise<void> {
  faulty.changes.length = 0;
  Object.assign(faulty, { failAt: at, afterRunning });
  let failure: unknown;
  await apply().catch((error) => failure = error);
  faulty.failAt = -1;
  if (failure) {
    ok(failure instanceof PfwError);
    match(failure.message, /made to fail by a test/);
    equal(failure.message.includes("undoing"), false, failure.message);
  }
  await check(failure !== undefined);
}

kernelTest("what other programs change is found and put back", async (test) => {
  await withNamespace(async (namespace, directory) => {
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(OLD);
    const applied = await actingText(namespace);
    deepEqual(await enforcer.restoreIfDrifted(), []);
    const meddling: [argv: string[], found: RegExp][] = [
      [["iptables", "-F", "INPUT"], /INPUT does not jump to PFW-IN first.*filter, IPv4/],
      [["ip6tables", "-t", "raw", "-F"], /PREROUTING does not jump.*raw, IPv6/],
      [["iptables", "-F", "PFW-FWD"], /chain PFW-FWD holds other rules/],
      [["iptables", "-R", "PFW-D-blacklist", "2", "-j", "ACCEPT"], /chain PFW-D-blacklist/],
      [["iptables", "-A", "PFW-IN", "-j", "ACCEPT"], /chain PFW-IN holds other rules/],
      [["ip6tables", "-R", "PFW-IN", "2", "-j", "RETURN"], /PFW-IN holds other|rules of ours/],
      [["iptables", "-A", "INPUT", "-j", "PFW-IN"], /first and once/],
      [["ipset", "flush", "pfw-black4"], /pfw-black4 holds 0 entries instead of 1/],
      [["ipset", "add", "pfw-white6", "2001:db8::7"], /pfw-white6 holds 1 entries instead of 0/],
    ];
    for (const [argv, found] of meddling) {
      await test.step(argv.join(" "), async () => {
        await namespace.run(argv);
        const { inPlace, differences } = await enforcer.inspect();
        equal(inPlace, false);
        match(differences.join("\n"), found);
        deepEqual(await enforcer.restoreIfDrifted(), differences);
        equal(await actingText(namespace), applied);
        deepEqual(await enforcer.restoreIfDrifted(), []);
      });
    }
    await test.step("a rule before our jump", async () => {
      await namespace.run(["iptables", "-I", "INPUT", "-s", "192.0.2.9", "-j", "ACCEPT"]);
      equal((await enforcer.restoreIfDrifted()).length, 1);
      match(await namespace.run(["iptables-save"]), /-A INPUT -j PFW-IN\n-A INPUT -s 192\.0\.2\.9/);
    });
  });
});

kernelTest("a set of ours with other properties is refused, and nothing changes", async () => {
  await withNamespace(async (namespace, directory) => {
    await namespace.run(["ipset", "create", "pfw-black4", "hash:ip"]);
    const before = await firewallText(namespace);
    const enforcer = enforcerIn(namespace, directory);
    await rejects(enforcer.apply(OLD), /set pfw-black4: one of that name exists with other/);
    equal(await firewallText(namespace), before);
    await enforcer.remove();
    equal((await firewallText(namespace)).includes("pfw-"), false);
  });
});

kernelTest("counters live through reloads, and those of removed rules too", async () => {
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

kernelTest("real packets pass and stop as the policy says", async (test) => {
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

kernelTest("a new rule cuts the connection that already runs", async (test) => {
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

kernelTest("no packet slips through while what blocks it moves about", async () => {
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

kernelTest("the rate limit counts new connections of each source, and can be changed", async () => {
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
  await enforcer.apply(policy({ rateLimit: { connections: 25, seconds: 3600 }, rules: [telnet] }));
  equal(await burst(), 40, "the same limit goes on counting through a reload");
  await enforcer.apply(policy());
  equal(await burst(), 0);
  await Deno.remove(directory, { recursive: true });
});

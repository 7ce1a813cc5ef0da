/** Bans in the kernel: at once, for their time, through changes, drift, crashes and failures. */
import { deepEqual, equal, match, notEqual, ok, rejects } from "node:assert/strict";
import { PfwError } from "../../engine/errors.ts";
import { LONGEST_TIMEOUT, MAX_BANS } from "../../engine/kernel/ban_times.ts";
import type { TimedPrefix } from "../../engine/kernel/bans.ts";
import type { Enforcer } from "../../engine/kernel/enforcer.ts";
import { parsePrefix, type Prefix } from "../../engine/net/address.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { enforcerIn, FaultyCommands } from "../support/enforcer.ts";
import { dropCounters } from "../support/flood.ts";
import { InjectedTraffic } from "../support/injected.ts";
import { createPair, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { eventually } from "../support/running_pfw.ts";
import { answers, keepTalking, startServer } from "../support/traffic.ts";

const HOUR = 3_600_000;
const POLICY = policy({ rules: [rule({ protocol: "tcp", ports: ports(23) })] });
const OTHER = policy({ blacklist: ["192.0.2.1"], threats: ["198.51.100.0/24"] });

function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  ok(parsed, text);
  return parsed;
}

function ban(text: string, milliseconds = HOUR): TimedPrefix {
  return { prefix: prefix(text), until: Date.now() + milliseconds };
}

/** An enforcer in a namespace of its own. */
async function withEnforcer(
  run: (enforcer: Enforcer, namespace: NetworkNamespace, directory: string) => Promise<void>,
): Promise<void> {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  try {
    await run(enforcerIn(namespace, directory), namespace, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Seconds that each banned entry of both families has left, sorted by entry. */
async function banned(namespace: NetworkNamespace): Promise<Map<string, number>> {
  const saved = await namespace.run(["ipset", "save"]);
  const found = [...saved.matchAll(/^add pfw-ban[46] (\S+) timeout (\d+)$/gm)]
    .map(([, entry, seconds]): [string, number] => [entry, Number(seconds)]);
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function bannedNames(namespace: NetworkNamespace): Promise<string[]> {
  return [...(await banned(namespace)).keys()];
}

kernelTestOnce(
  "a ban stops a source at once, running connections too, and ends by itself",
  async () => {
    await using link = await createPair();
    await using _server = await startServer(link.local, [2001]);
    const directory = await Deno.makeTempDir();
    const enforcer = enforcerIn(link.local, directory);
    await enforcer.apply(policy());
    for (const [to, source] of [["10.9.0.1", "10.9.0.2"], ["fd09::1", "fd09::/64"]] as const) {
      await using client = keepTalking(link.remote, { protocol: "tcp", to, port: 2001 });
      equal(await client.line(), "echo");
      await enforcer.changeBans([ban(source, 3_000)], []);
      let line = await client.line();
      while (line === "echo") line = await client.line();
      equal(line, "silence");
      // No more is done about it here: the kernel lets the source in again.
      const isIn = () => answers(link.remote, { protocol: "udp", to, port: 2001 });
      equal(await eventually(isIn, (isIn) => isIn), true);
    }
    deepEqual(await bannedNames(link.local), []);
    deepEqual(await enforcer.restoreIfDrifted(), []);
    await enforcer.changeBans([ban("10.9.0.2")], []);
    equal(await answers(link.remote, { protocol: "icmp", to: "10.9.0.1" }), false);
    equal(await answers(link.local, { protocol: "udp", to: "10.9.0.2", port: 2001 }), false);
    await enforcer.changeBans([], [prefix("10.9.0.2")]);
    equal(await answers(link.remote, { protocol: "icmp", to: "10.9.0.1" }), true);
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "no packet of a banned source passes while processes and policies change",
  async () => {
    await using link = await createPair();
    const directory = await Deno.makeTempDir();
    const start = async (wanted: Policy) => {
      const enforcer = enforcerIn(link.local, directory);
      enforcer.setBans([ban("10.9.0.0/30"), ban("192.0.2.1")]);
      await enforcer.apply(wanted);
      return enforcer;
    };
    await start(POLICY);
    await link.local.run(["iptables", "-A", "INPUT", "-p", "udp", "--dport", "9", "-j", "ACCEPT"]);
    await using traffic = await InjectedTraffic.start(link, {
      port: 9,
      protocol: "udp",
      rate: 2_000,
    });
    await eventually(() => traffic.sent, (sent) => sent > 100);
    const before = traffic.sent;
    for (let step = 0; step < 6; step++) {
      const enforcer = await start(step % 2 ? POLICY : OTHER);
      await enforcer.apply(step % 2 ? OTHER : POLICY);
      await enforcer.changeBans([ban("10.9.0.2", (step + 2) * HOUR)], [prefix("10.9.0.0/30")]);
      await enforcer.changeBans([ban("10.9.0.0/24")], [prefix("10.9.0.2"), prefix("192.0.2.1")]);
    }
    ok(traffic.sent - before > 100);
    const saved = await link.local.run(["iptables-save", "-c"]);
    match(saved, /^\[0:0\] -A INPUT -p udp -m udp --dport 9 -j ACCEPT$/m);
    ok((await dropCounters(link.local))["PFW-D-ban"] > 100);
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "packets are looked up among bans while there are any, of their family",
  async () => {
    await withEnforcer(async (_, namespace, directory) => {
      const faulty = new FaultyCommands(namespace.commands);
      const enforcer = enforcerIn(namespace, directory, faulty);
      const asked = async () => {
        const saved = await namespace.run(["sh", "-c", "iptables-save; ip6tables-save"]);
        return [...new Set(saved.match(/pfw-ban[46] (src|dst)/g))].sort();
      };
      await enforcer.apply(POLICY);
      deepEqual(await asked(), []);
      faulty.changes.length = 0;
      await enforcer.changeBans([ban("192.0.2.7")], []);
      deepEqual(await asked(), ["pfw-ban4 dst", "pfw-ban4 src"]);
      const steps = faulty.changes.length;
      await enforcer.changeBans([ban("192.0.2.8")], [prefix("192.0.2.7")]);
      equal(faulty.changes.length, steps + 1, "the next one is an entry and no more");
      await enforcer.changeBans([], [prefix("192.0.2.8")]);
      await enforcer.apply(OTHER);
      deepEqual(await asked(), [], "with the next policy they are not asked any more");
      // Where the rules cannot follow, there is no ban.
      for (let at = 0; at < steps; at++) {
        Object.assign(faulty, { failAt: faulty.changes.length + at });
        const change = enforcer.changeBans([ban("192.0.2.7")], []);
        await change.catch((error) => ok(error instanceof PfwError));
        faulty.failAt = -1;
        equal((await bannedNames(namespace)).length > 0, (await asked()).length > 0, `step ${at}`);
        deepEqual((await enforcer.inspect()).differences, []);
        await enforcer.changeBans([], [prefix("192.0.2.7")]);
        await enforcer.apply(OTHER);
      }
      // Bans that are told of without a change of the kernel: the next look sees to it.
      enforcer.setBans([ban("192.0.2.7")]);
      await namespace.run(["ipset", "add", "pfw-ban4", "192.0.2.7", "timeout", "3600"]);
      match((await enforcer.restoreIfDrifted()).join(), /packets are not looked up among bans/);
      deepEqual(await asked(), ["pfw-ban4 dst", "pfw-ban4 src"]);
      deepEqual((await enforcer.inspect()).differences, []);
    });
  },
);

kernelTestOnce("bans are there after the first apply, and live through others", async () => {
  await withEnforcer(async (enforcer, namespace) => {
    enforcer.setBans([ban("192.0.2.7"), ban("2001:db8::/64", 2 * HOUR), ban("192.0.2.9", -1)]);
    await enforcer.changeBans([ban("203.0.113.0/24")], []);
    await enforcer.apply(POLICY);
    const first = await banned(namespace);
    deepEqual([...first.keys()], ["192.0.2.7", "2001:db8::/64", "203.0.113.0/24"]);
    const left = first.get("2001:db8::/64") ?? 0;
    ok(left > 7_000 && left <= 7_200, `${left} s`);
    await enforcer.apply(OTHER);
    await enforcer.changeBans([ban("2001:db8::/56", 3 * HOUR)], [prefix("2001:db8::/64")]);
    await enforcer.apply(POLICY);
    deepEqual(await bannedNames(namespace), ["192.0.2.7", "2001:db8::/56", "203.0.113.0/24"]);
    ok((await enforcer.inspect()).inPlace);
    enforcer.setBans([ban("192.0.2.8")]);
    await enforcer.apply(POLICY);
    deepEqual(await bannedNames(namespace), ["192.0.2.8"]);
  });
});

kernelTestOnce(
  "a ban can be renewed, ended early, be the whole Internet or very long",
  async () => {
    await withEnforcer(async (enforcer, namespace) => {
      await enforcer.apply(policy({ bans: ["198.51.100.1"] }));
      await enforcer.changeBans(
        [ban("192.0.2.7", 10_000), ban("2001:db8::1", 400 * 24 * HOUR)],
        [],
      );
      await enforcer.changeBans([ban("192.0.2.7")], [prefix("192.0.2.7")]);
      const entries = await banned(namespace);
      ok((entries.get("192.0.2.7") ?? 0) > 3_000);
      ok((entries.get("2001:db8::1") ?? 0) > LONGEST_TIMEOUT - 60);
      equal(entries.get("198.51.100.1"), 0, "the policy's own, without end");
      await enforcer.changeBans([ban("192.0.2.7", -5), ban("0.0.0.0/0"), ban("128.0.0.0/1")], []);
      await enforcer.changeBans([ban("198.51.100.1")], [prefix("203.0.113.99"), prefix("::/0")]);
      await enforcer.changeBans([], [prefix("198.51.100.1"), prefix("0.0.0.0/0")]);
      deepEqual(await bannedNames(namespace), ["128.0.0.0/1", "198.51.100.1", "2001:db8::1"]);
      deepEqual((await enforcer.inspect()).differences, []);
    });
  },
);

kernelTestOnce("what other programs do to bans is found and put back", async (test) => {
  await withEnforcer(async (enforcer, namespace) => {
    enforcer.setBans([ban("192.0.2.7"), ban("192.0.2.8", 2 * HOUR), ban("2001:db8::7")]);
    await enforcer.apply(POLICY);
    const names = await bannedNames(namespace);
    const meddling: [argv: string[], found: RegExp | undefined][] = [
      [["ipset", "flush", "pfw-ban4"], /^set pfw-ban4 lacks bans: 2$/],
      [["ipset", "del", "pfw-ban6", "2001:db8::7"], /^set pfw-ban6 lacks bans: 1$/],
      [
        ["ipset", "add", "pfw-ban4", "192.0.2.99"],
        /^set pfw-ban4 holds entries that are no bans: 1/,
      ],
      [["ipset", "add", "-exist", "pfw-ban4", "192.0.2.8", "timeout", "9"], undefined],
      [["ipset", "add", "-exist", "pfw-ban4", "192.0.2.8", "timeout", "0"], undefined],
    ];
    for (const [argv, found] of meddling) {
      await test.step(argv.join(" "), async () => {
        await namespace.run(argv);
        const differences = await enforcer.restoreIfDrifted();
        if (found) match(differences.join("\n"), found);
        else deepEqual(differences, [], "only the end was another");
        deepEqual(await bannedNames(namespace), names);
        ok(((await banned(namespace)).get("192.0.2.8") ?? 0) > 7_000);
        deepEqual(await enforcer.restoreIfDrifted(), []);
      });
    }
    await test.step("destroyed with everything else", async () => {
      for (const program of ["iptables", "ip6tables"]) {
        for (const table of ["raw", "filter"]) await namespace.run([program, "-t", table, "-F"]);
        for (const table of ["raw", "filter"]) await namespace.run([program, "-t", table, "-X"]);
      }
      await eventually(
        async () => (await namespace.commands.run(["ipset", "destroy"])).status,
        (status) => status === 0,
      );
      await rejects(enforcer.changeBans([ban("192.0.2.10")], []), /does not exist.*undoing it/);
      ok((await enforcer.restoreIfDrifted()).includes("set pfw-ban4 is missing"));
      deepEqual(await bannedNames(namespace), names);
    });
  });
});

kernelTestOnce("a large set is not read as long as its size is right", async () => {
  await withEnforcer(async (_, namespace, directory) => {
    const reads: string[] = [];
    const enforcer = enforcerIn(namespace, directory, {
      run: (argv, stdin) => {
        if (argv[1] === "save") reads.push(argv[2]);
        return namespace.commands.run(argv, stdin);
      },
    });
    const many = Array.from({ length: MAX_BANS }, (_, at): TimedPrefix => ({
      prefix: { family: 4, words: [(0x0b000000 + 2 * at) | 0, 0, 0, 0], length: 32 },
      until: Date.now() + HOUR,
    }));
    enforcer.setBans([ban("192.0.2.1", 1_000), ...many]);
    await enforcer.apply(POLICY);
    equal((await bannedNames(namespace)).length, MAX_BANS, "the shortest is left out");
    await rejects(enforcer.changeBans([ban("192.0.2.2")], []), PfwError);
    await enforcer.changeBans([ban("11.0.0.0", 2 * HOUR)], [prefix("11.0.0.2")]);
    await enforcer.changeBans([ban("192.0.2.2")], []);
    deepEqual(await enforcer.restoreIfDrifted(), []);
    deepEqual(reads, []);
    await namespace.run(["ipset", "del", "pfw-ban4", "192.0.2.2"]);
    deepEqual(await enforcer.restoreIfDrifted(), ["set pfw-ban4 lacks bans: 1"]);
    notEqual(reads.length, 0);
    equal((await bannedNames(namespace)).length, MAX_BANS);
  });
});

kernelTestOnce("a start after a crash takes bans over, and drops those that are none", async () => {
  await withEnforcer(async (victim, namespace, directory) => {
    victim.setBans([ban("192.0.2.7", 10_000), ban("192.0.2.8"), ban("2001:db8::7")]);
    await victim.apply(POLICY);
    await namespace.run(["ipset", "add", "pfw-ban6", "2001:db8::99"]);
    const successor = enforcerIn(namespace, directory);
    successor.setBans([ban("192.0.2.7"), ban("192.0.2.9")]);
    await successor.apply(POLICY);
    const entries = await banned(namespace);
    deepEqual([...entries.keys()], ["192.0.2.7", "192.0.2.9"]);
    ok((entries.get("192.0.2.7") ?? 0) > 3_000, "with its present end");
    await successor.remove();
    deepEqual(await namespace.run(["ipset", "list", "-n"]), "");
  });
});

kernelTestOnce("a change that fails leaves the bans as they were", async (test) => {
  await withEnforcer(async (_, namespace, directory) => {
    const faulty = new FaultyCommands(namespace.commands);
    const enforcer = enforcerIn(namespace, directory, faulty);
    enforcer.setBans([ban("192.0.2.7", 100_000), ban("192.0.2.8"), ban("2001:db8::7")]);
    await enforcer.apply(POLICY);
    const names = await bannedNames(namespace);
    for (const afterRunning of [false, true]) {
      await test.step(afterRunning ? "after its work" : "before its work", async () => {
        Object.assign(faulty, { failAt: faulty.changes.length, afterRunning });
        const change = enforcer.changeBans(
          [ban("192.0.2.7"), ban("192.0.2.9"), ban("2001:db8::9")],
          [prefix("192.0.2.8")],
        );
        await rejects(change, (error) => {
          ok(error instanceof PfwError);
          match(error.message, /^cannot change the bans in the kernel: .*; nothing was changed$/);
          return true;
        });
        deepEqual(await bannedNames(namespace), names);
        ok(((await banned(namespace)).get("192.0.2.7") ?? 0) < 1_000);
        deepEqual(await enforcer.restoreIfDrifted(), []);
      });
    }
    await test.step("a policy that fails after the bans were written", async () => {
      enforcer.setBans([ban("192.0.2.7", 200_000), ban("192.0.2.10")]);
      Object.assign(faulty, { failAt: faulty.changes.length + 1, afterRunning: false });
      await rejects(enforcer.apply(OTHER), /made to fail/);
      deepEqual(await bannedNames(namespace), names);
      ok(((await banned(namespace)).get("192.0.2.7") ?? 0) < 150_000 / 1000);
      await enforcer.apply(OTHER);
      deepEqual(await bannedNames(namespace), ["192.0.2.10", "192.0.2.7"]);
    });
  });
});

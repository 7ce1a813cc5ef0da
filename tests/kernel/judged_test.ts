import { equal, match, ok } from "node:assert/strict";
import type { Enforcer } from "../../engine/kernel/enforcer.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { enforcerIn, inHaste } from "../support/enforcer.ts";
import {
  type BackgroundProcess,
  createPair,
  join,
  kernelTestOnce,
  NetworkNamespace,
} from "../support/netns.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { eventually } from "../support/running_pfw.ts";
import { answers, keepTalking, startSender, startServer } from "../support/traffic.ts";

/** A rule of `iptables-save -c` that lets through what was judged. */
const SPARED =
  /^\[[1-9]\d*:\d+\] -A PFW-\w+ -m conntrack --ctstate ESTABLISHED -m connmark --mark 0x7\w{7} -j RETURN$/m;

async function saved(namespace: NetworkNamespace): Promise<string> {
  return await namespace.run(["sh", "-c", "iptables-save -c; ip6tables-save -c"]);
}

/** The connection was answered, and its packets pass without being asked again. */
async function isJudged(namespace: NetworkNamespace): Promise<void> {
  match(await eventually(() => saved(namespace), (text) => SPARED.test(text)), SPARED);
}

async function fallsSilent(client: BackgroundProcess): Promise<void> {
  let line = await client.line();
  while (line === "echo") line = await client.line();
  equal(line, "silence");
}

async function banPeer(enforcer: Enforcer): Promise<void> {
  const prefix = parsePrefix("10.9.0.2")!;
  await enforcer.changeBans([{ prefix, until: Date.now() + 60_000 }], []);
}

/** The second change is one more of its kind: the chains have been there since the first. */
const LISTED = ["10.9.0.2"], OTHER = ["192.0.2.1"];
const PORT = 2001;

kernelTestOnce(
  "a connection that was judged is cut by whatever comes to block it",
  async (test) => {
    await using link = await createPair();
    await using _server = await startServer(link.local, [PORT]);
    await using _other = await startServer(link.remote, [PORT]);
    const directory = await Deno.makeTempDir();
    const allow = rule({ action: "allow", protocol: "tcp", ports: ports(PORT) });
    const to = (next: Policy) => (enforcer: Enforcer) => inHaste(enforcer, next);
    const changes: Record<string, [before: Policy, cut: (enforcer: Enforcer) => Promise<unknown>]> =
      {
        "a threat list": [policy(), to(policy({ threats: LISTED }))],
        "a longer threat list": [
          policy({ threats: OTHER }),
          to(policy({ threats: [...OTHER, ...LISTED] })),
        ],
        "a threat list, while that is flooded": [
          policy({ threats: OTHER }),
          async (enforcer) => {
            await enforcer.defend(true);
            await enforcer.apply(policy({ threats: LISTED }));
            await enforcer.defend(false);
          },
        ],
        "a rule": [policy(), to(policy({ rules: [rule({ protocol: "tcp" })] }))],
        "the blacklist": [policy(), to(policy({ blacklist: LISTED }))],
        "a longer blacklist": [
          policy({ blacklist: OTHER }),
          to(policy({ blacklist: [...OTHER, ...LISTED] })),
        ],
        "a ban": [policy(), banPeer],
        "an address less in the whitelist": [
          policy({ whitelist: LISTED, threats: LISTED }),
          to(policy({ threats: LISTED })),
        ],
        "a rule, by another process": [
          policy({ defaultAction: "block", rules: [allow] }),
          () => enforcerIn(link.local, directory).apply(policy({ rules: [rule()] })),
        ],
      };
    for (const [name, [before, cut]] of Object.entries(changes)) {
      for (
        const [way, from, address] of [
          ["others opened it", link.remote, "10.9.0.1"],
          ["we opened it", link.local, "10.9.0.2"],
        ] as const
      ) {
        await test.step(`${name}, ${way}`, async () => {
          const enforcer = enforcerIn(link.local, directory);
          await enforcer.apply(before);
          await using client = keepTalking(from, { protocol: "tcp", to: address, port: PORT });
          equal(await client.line(), "echo");
          // Who is on the whitelist is never judged.
          if (before.whitelist.size === 0) await isJudged(link.local);
          await cut(enforcer);
          await fallsSilent(client);
          await enforcer.remove();
        });
      }
    }
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "a connection judged while another program had emptied a list is cut again",
  async (test) => {
    await using link = await createPair();
    await using _server = await startServer(link.local, [PORT]);
    const directory = await Deno.makeTempDir();
    const wanted = policy({ threats: LISTED });
    const longer = policy({ threats: LISTED, blacklist: OTHER });
    const repairs: Record<string, (enforcer: Enforcer) => Promise<unknown>> = {
      "by a look": (enforcer) => enforcer.restoreIfDrifted(),
      "by the same policy": (enforcer) => enforcer.apply(wanted),
      "by another policy, in haste": (enforcer) => inHaste(enforcer, longer),
      "by a flood and its end": async (enforcer) => {
        await enforcer.defend(true);
        await enforcer.defend(false);
      },
    };
    for (const [name, repair] of Object.entries(repairs)) {
      await test.step(name, async () => {
        const enforcer = enforcerIn(link.local, directory);
        await enforcer.apply(wanted);
        await link.local.run(["ipset", "flush", "pfw-threat4"]);
        const asks = { protocol: "tcp", to: "10.9.0.1", port: PORT } as const;
        await using client = keepTalking(link.remote, asks);
        equal(await client.line(), "echo");
        await isJudged(link.local);
        await repair(enforcer);
        await fallsSilent(client);
        await enforcer.remove();
      });
    }
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "a forwarded connection that was judged is cut, whichever end is blocked",
  async (test) => {
    await using link = await createPair();
    const { local, remote } = link;
    await using server = await NetworkNamespace.create();
    await join(local, server, 1);
    await using _server = await startServer(server, [PORT]);
    await local.run(["sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"]);
    const translate = ["-p", "tcp", "--dport", "8080", "-j", "DNAT", "--to", `10.9.1.2:${PORT}`];
    await local.run(["iptables", "-t", "nat", "-A", "PREROUTING", ...translate]);
    await server.run(["ip", "route", "add", "default", "via", "10.9.1.1"]);
    await server.run(["ip", "-6", "route", "add", "default", "via", "fd09:1::1"]);
    await remote.run(["ip", "-6", "route", "add", "fd09:1::/64", "via", "fd09::1"]);
    const directory = await Deno.makeTempDir();
    const CLIENTS = ["10.9.0.2", "fd09::2"], SERVERS = ["10.9.1.2", "fd09:1::2"];
    const bans = [...CLIENTS, ...SERVERS].map((text) => parsePrefix(text)!);
    const ban = (at: number) => async (enforcer: Enforcer) => {
      const until = Date.now() + 60_000;
      await enforcer.changeBans([at, at + 1].map((one) => ({ prefix: bans[one], until })), []);
    };
    const to = (next: Policy) => (enforcer: Enforcer) => inHaste(enforcer, next);
    const cuts: Record<string, (enforcer: Enforcer) => Promise<void>> = {
      "a threat list, the client": to(policy({ threats: CLIENTS })),
      "a threat list, the server": to(policy({ threats: SERVERS })),
      "the blacklist, the client": to(policy({ blacklist: CLIENTS })),
      "the blacklist, the server": to(policy({ blacklist: SERVERS })),
      "a ban of the client": ban(0),
      "a ban of the server": ban(2),
      "a rule": to(policy({ rules: [rule({ direction: "in", destinations: SERVERS })] })),
    };
    const ways = { "translated": ["10.9.0.1", 8080], "routed": ["fd09:1::2", PORT] } as const;
    for (const [name, cut] of Object.entries(cuts)) {
      for (const [way, [address, port]] of Object.entries(ways)) {
        await test.step(`${name}, ${way}`, async () => {
          const enforcer = enforcerIn(local, directory);
          // With one ban more the list has been asked from the beginning.
          await enforcer.apply(policy({ bans: ["192.0.2.7", "2001:db8::7"] }));
          await using client = keepTalking(remote, { protocol: "tcp", to: address, port });
          equal(await client.line(), "echo");
          await isJudged(local);
          await cut(enforcer);
          await fallsSilent(client);
          await enforcer.remove();
        });
      }
    }
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "marks of others stay as they are, and while others use marks pfw uses none",
  async () => {
    await using link = await createPair();
    await using _server = await startServer(link.local, [PORT]);
    const directory = await Deno.makeTempDir();
    const log: string[] = [];
    const enforcer = enforcerIn(link.local, directory, undefined, log);
    const mark = ["INPUT", "-p", "tcp", "-j", "CONNMARK", "--set-mark", "5"];
    await link.local.run(["iptables", "-t", "mangle", "-A", ...mark]);
    await using client = keepTalking(link.remote, { protocol: "tcp", to: "10.9.0.1", port: PORT });
    equal(await client.line(), "echo");
    await enforcer.apply(policy({ threats: OTHER }));
    const without = await saved(link.local);
    equal(/connmark --mark 0x7/.test(without), false);
    match(without, /^:PFW-PRE /m, "each packet is asked, before connection tracking");
    match(log.join("\n"), /^every packet is judged, not each connection once: .*$/);

    await link.local.run(["iptables", "-t", "mangle", "-D", ...mark]);
    equal((await enforcer.restoreIfDrifted()).length, 0);
    match(await saved(link.local), /connmark --mark 0x7/);
    const marked = /^\[([1-9]\d*):\d+\] -A PFW-IN-JUDGE -g PFW-JUDGED$/m;
    match(await eventually(() => saved(link.local), (text) => marked.test(text)), marked);
    equal(SPARED.test(await saved(link.local)), false);

    const ask = ["INPUT", "-m", "connmark", "--mark", "5"];
    await link.local.run(["iptables", "-t", "mangle", "-A", ...ask]);
    const met = /^\[[1-9]\d*:\d+\] -A INPUT -m connmark --mark 0x5$/m;
    match(await eventually(() => saved(link.local), (text) => met.test(text)), met);
    await enforcer.restoreIfDrifted();
    equal(/connmark --mark 0x7/.test(await saved(link.local)), false);
    equal(await client.line(), "echo");
    await enforcer.remove();
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce(
  "marks are left alone, too, where rules that iptables does not show use them",
  async () => {
    await using namespace = await NetworkNamespace.create();
    const directory = await Deno.makeTempDir();
    const rules = "add table ip mangle; " +
      "add chain ip mangle vpn { type filter hook prerouting priority -150; }; " +
      "add rule ip mangle vpn ct state new ct mark set 0x71000005";
    await namespace.run(["nft", rules]);
    const enforcer = enforcerIn(namespace, directory);
    await enforcer.apply(policy({ threats: OTHER }));
    equal((await saved(namespace)).includes("PFW-JUDGED"), false);
    await enforcer.remove();
    match(await namespace.run(["nft", "list", "table", "ip", "mangle"]), /ct mark set 0x71000005/);
    await Deno.remove(directory, { recursive: true });
  },
  ["nft"],
);

kernelTestOnce(
  "under a flood lists are asked before connection tracking, and each drop counts",
  async () => {
    await using link = await createPair();
    const directory = await Deno.makeTempDir();
    const enforcer = enforcerIn(link.local, directory);
    const threats = async () =>
      (await enforcer.counters()).drops.find(({ reason }) => reason === "threat")?.packets ?? 0;
    const before = await saved(link.local);
    await enforcer.apply(policy({ threats: LISTED }));
    equal(/^\*raw$/m.test(await saved(link.local)), false);
    await using sender = startSender(link.remote, "10.9.0.1", 9, 2);
    ok(await eventually(threats, (count) => count > 0) > 0);
    await enforcer.defend(true);
    match(await saved(link.local), /^\[\d+:\d+\] -A PFW-PRE -m set --match-set pfw-threat4 src/m);
    ok((await enforcer.inspect()).inPlace);
    const early = await threats();
    ok(await eventually(threats, (count) => count > early) > early);
    await enforcer.defend(false);
    equal(/^\*raw$/m.test(await saved(link.local)), false);
    ok((await enforcer.inspect()).inPlace);
    const sent = Number(await sender.line());
    equal(await threats(), sent);
    await enforcer.remove();
    equal(await saved(link.local), before, "no trace");
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce("a threat list that leaves raw in haste takes no count with it", async () => {
  await using link = await createPair();
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const others = (change: "-A" | "-D") =>
    link.local.run(
      ["iptables", "-t", "mangle", change, "FORWARD", "-m", "connmark", "--mark", "1"],
    );
  await others("-A");
  const wanted = policy({ threats: LISTED });
  await enforcer.apply(wanted);
  await using sender = startSender(link.remote, "10.9.0.1", 9, 3);
  for (let change = 0; change < 4; change++) {
    await others("-D");
    await enforcer.inspect();
    await inHaste(enforcer, wanted);
    equal(/^\*raw$/m.test(await saved(link.local)), false);
    await others("-A");
    await enforcer.inspect();
    await inHaste(enforcer, wanted);
    match(await saved(link.local), /^:PFW-PRE /m);
  }
  const sent = Number(await sender.line());
  const { drops } = await enforcer.counters();
  equal(drops.find(({ reason }) => reason === "threat")?.packets, sent);
  await enforcer.remove();
  await Deno.remove(directory, { recursive: true });
});

/** Answers the commands of FTP that name a port for the data; 7 * 256 + 209 is `PORT`. */
const FTP_SERVER = `
import socket
s = socket.create_server(("10.9.0.1", 21))
print("ready", flush=True)
c, _ = s.accept()
while c.recv(100):
    c.sendall(b"227 Entering Passive Mode (10,9,0,1,7,209)\\r\\n")
`;

const FTP_CLIENT = `
import socket, time
s = socket.create_connection(("10.9.0.1", 21))
while True:
    s.sendall(b"PASV\\r\\n")
    s.recv(100)
    print("asked", flush=True)
    time.sleep(0.05)
`;

kernelTestOnce("what a helper expects is judged by itself", async (test) => {
  await using link = await createPair();
  const helper = ["-t", "raw", "-p", "tcp", "--dport", "21", "-j", "CT", "--helper", "ftp"];
  const set = ["iptables", "-A", "PREROUTING", ...helper];
  if ((await link.local.commands.run(set)).status !== 0) {
    await test.step({ name: "left out: the kernel has no helper for FTP", ignore: true, fn() {} });
    return;
  }
  await using control = link.local.spawn(["python3", "-c", FTP_SERVER]);
  equal(await control.line(), "ready");
  await using _data = await startServer(link.local, [PORT]);
  const directory = await Deno.makeTempDir();
  const enforcer = enforcerIn(link.local, directory);
  const ftp = rule({ action: "allow", protocol: "tcp", ports: ports(21), direction: "in" });
  const data = rule({ protocol: "tcp", ports: ports(PORT), direction: "in" });
  const asks = { protocol: "tcp", to: "10.9.0.1", port: PORT } as const;
  await enforcer.apply(policy({ defaultAction: "block", rules: [ftp] }));
  equal(await answers(link.remote, asks), false);
  await using client = link.remote.spawn(["python3", "-c", FTP_CLIENT]);
  equal(await client.line(), "asked");
  await isJudged(link.local);
  equal(await answers(link.remote, asks), true);
  await enforcer.apply(policy({ defaultAction: "block", rules: [data, ftp] }));
  await isJudged(link.local);
  equal(await answers(link.remote, asks), false);
  await enforcer.remove();
  await Deno.remove(directory, { recursive: true });
});

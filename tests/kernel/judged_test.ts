import { deepEqual, equal, match, rejects } from "node:assert/strict";
import type { Enforcer } from "../../engine/kernel/enforcer.ts";
import type { Policy } from "../../engine/policy/policy.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { enforcerIn, FaultyCommands, inHaste } from "../support/enforcer.ts";
import { createPair, join, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { rulesAndCounts, SPARED } from "../support/judged.ts";
import { policy, ports, rule } from "../support/policies.ts";
import { eventually } from "../support/running_pfw.ts";
import { answers, keepTalking, startServer } from "../support/traffic.ts";

/** The connection was answered, and its packets pass without being asked again. */
async function isJudged(namespace: NetworkNamespace): Promise<void> {
  match(await eventually(() => rulesAndCounts(namespace), (text) => SPARED.test(text)), SPARED);
}

/** Something that comes to block a connection. */
type Cut = (enforcer: Enforcer) => Promise<unknown>;

/** Who talks to whom through which machine. */
interface Scene {
  readonly local: NetworkNamespace;
  readonly directory: string;
  readonly from: NetworkNamespace;
  readonly to: string;
  readonly port?: number;
}

/** A connection is judged by the policy, and falls silent once something cuts it. */
async function isCut(
  { local, directory, from, to, port = PORT }: Scene,
  before: Policy,
  cut: Cut,
  damage?: readonly string[],
): Promise<void> {
  const enforcer = enforcerIn(local, directory);
  await enforcer.apply(before);
  if (damage) await local.run(damage);
  await using client = keepTalking(from, { protocol: "tcp", to, port });
  equal(await client.line(), "echo");
  // Who is on the whitelist is never judged.
  if (before.whitelist.size === 0) await isJudged(local);
  await cut(enforcer);
  let line = await client.line();
  while (line === "echo") line = await client.line();
  equal(line, "silence");
  await enforcer.remove();
}

const to = (next: Policy): Cut => (enforcer) => inHaste(enforcer, next);

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
    const changes: Record<string, [before: Policy, cut: Cut]> = {
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
        const scene = { local: link.local, directory, from, to: address };
        await test.step(`${name}, ${way}`, () => isCut(scene, before, cut));
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
    const repairs: Record<string, Cut> = {
      "by a look": (enforcer) => enforcer.restoreIfDrifted(),
      "by the same policy": (enforcer) => enforcer.apply(wanted),
      "by another policy, in haste": (enforcer) => inHaste(enforcer, longer),
      "by a flood and its end": async (enforcer) => {
        await enforcer.defend(true);
        await enforcer.defend(false);
      },
    };
    for (const [name, repair] of Object.entries(repairs)) {
      const scene = { local: link.local, directory, from: link.remote, to: "10.9.0.1" };
      const damage = ["ipset", "flush", "pfw-threat4"];
      await test.step(name, () => isCut(scene, wanted, repair, damage));
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
    const ban = (at: number): Cut => async (enforcer) => {
      const until = Date.now() + 60_000;
      await enforcer.changeBans([at, at + 1].map((one) => ({ prefix: bans[one], until })), []);
    };
    const cuts: Record<string, Cut> = {
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
        // With one ban more the list has been asked from the beginning.
        const before = policy({ bans: ["192.0.2.7", "2001:db8::7"] });
        const scene = { local, directory, from: remote, to: address, port };
        await test.step(`${name}, ${way}`, () => isCut(scene, before, cut));
      }
    }
    await Deno.remove(directory, { recursive: true });
  },
);

kernelTestOnce("what a change that fails let be judged is judged again", async () => {
  await using namespace = await NetworkNamespace.create();
  const directory = await Deno.makeTempDir();
  const faulty = new FaultyCommands(namespace.commands);
  const enforcer = enforcerIn(namespace, directory, faulty);
  const marks = async () =>
    [...(await rulesAndCounts(namespace)).matchAll(/-A PFW-IN .*--mark (\w+)/g)].map(([, mark]) =>
      mark
    );
  await enforcer.apply(policy({ threats: LISTED, blacklist: OTHER }));
  const before = await marks();
  const next = policy({ threats: LISTED, blacklist: [...OTHER, "192.0.2.9"] });
  faulty.failAt = faulty.changes.length;
  await rejects(enforcer.apply(next), /made to fail by a test/);
  faulty.failAt = -1;
  deepEqual(await marks(), before);
  await enforcer.apply(next);
  const after = await marks();
  equal(after.length, 2);
  equal(after.some((mark) => before.includes(mark)), false);
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

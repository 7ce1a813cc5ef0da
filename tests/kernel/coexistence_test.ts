/** Beside other firewalls and containers: neither harms the other, and neither opens the other. */
import { deepEqual, equal } from "node:assert/strict";
import { createPair, join, kernelTestOnce, NetworkNamespace } from "../support/netns.ts";
import { eventually, type RunningPfw, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";
import { answers, startServer } from "../support/traffic.ts";

/** What ufw writes with `default deny`, 22 and 2002 allowed; its logging chains left out. */
const UFW = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-user-input - [0:0]
:ufw-after-input - [0:0]
:ufw-reject-input - [0:0]
:ufw-skip-to-policy-input - [0:0]
-A INPUT -j ufw-before-input
-A INPUT -j ufw-after-input
-A INPUT -j ufw-reject-input
-A ufw-before-input -i lo -j ACCEPT
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A ufw-before-input -j ufw-user-input
-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
-A ufw-user-input -p tcp -m tcp --dport 2002 -j ACCEPT
-A ufw-user-input -p udp -m udp --dport 2002 -j ACCEPT
-A ufw-after-input -p udp -m udp --dport 137 -j ufw-skip-to-policy-input
-A ufw-skip-to-policy-input -j DROP
COMMIT
`;

/** What fail2ban adds for sshd, with one address banned on 2003. */
const FAIL2BAN = `*filter
:f2b-sshd - [0:0]
-I INPUT 1 -p tcp -m multiport --dports 2003 -j f2b-sshd
-A f2b-sshd -s 10.9.0.2/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
COMMIT
`;

/** What firewalld writes with its iptables backend for a zone with 2002 open. */
const FIREWALLD = `*raw
:PREROUTING_direct - [0:0]
-A PREROUTING -j PREROUTING_direct
COMMIT
*filter
:INPUT_direct - [0:0]
:INPUT_ZONES - [0:0]
:IN_public - [0:0]
:IN_public_allow - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED,DNAT -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -j INPUT_direct
-A INPUT -j INPUT_ZONES
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A INPUT_ZONES -g IN_public
-A IN_public -j IN_public_allow
-A IN_public -p icmp -j ACCEPT
-A IN_public_allow -p tcp -m tcp --dport 2002 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
-A IN_public_allow -p udp -m udp --dport 2002 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
COMMIT
`;

/** Another firewall. */
interface Other {
  readonly rules: string;
  /** What it runs when it starts again, each with `rules` as its input. */
  readonly again: readonly (readonly string[])[];
  /** Probes that it lets through; it closes the rest. */
  readonly open: readonly string[];
}

/** Writes over everything that is in the tables, pfw's chains included. */
const FLUSHING = [["iptables-restore"]];

/** How fail2ban puts its chain before everything else: pfw's jump is not the first any more. */
const JUMP = ["-p", "tcp", "-m", "multiport", "--dports", "2003", "-j", "f2b-sshd"];

const OTHERS: Record<string, Other> = {
  "ufw": { rules: UFW, again: FLUSHING, open: ["tcp 2002", "udp 2002", "icmp"] },
  "fail2ban": {
    rules: FAIL2BAN,
    again: [
      ["iptables", "-D", "INPUT", ...JUMP],
      ["iptables", "-I", "INPUT", "1", ...JUMP],
    ],
    open: ["tcp 2001", "udp 2001", "tcp 2002", "udp 2002", "udp 2003", "icmp"],
  },
  "firewalld": { rules: FIREWALLD, again: FLUSHING, open: ["tcp 2002", "udp 2002", "icmp"] },
};

const PROBES = ["tcp 2001", "udp 2001", "tcp 2002", "udp 2002", "tcp 2003", "udp 2003", "icmp"];

/** pfw allows all that the other closes, and closes one thing that the other allows. */
const CONFIG = {
  rules: [
    { name: "Closed", action: "block", protocol: "udp", ports: [2002], direction: "in" },
    { name: "All else", action: "allow" },
  ],
  whitelist_ips: ["127.0.0.1"],
  rate_limit: { enabled: false },
};
const CLOSED = "udp 2002";

/** The probes that are answered. */
async function answered(from: NetworkNamespace, to = "10.9.0.1"): Promise<string[]> {
  const results = await Promise.all(PROBES.map(async (text) => {
    const [protocol, port] = text.split(" ");
    const attempt = { protocol: protocol as "tcp" | "udp" | "icmp", to, port: Number(port ?? 0) };
    return await answers(from, attempt) ? [text] : [];
  }));
  return results.flat();
}

/** All rules that are not pfw's, without counters. */
async function theirs(namespace: NetworkNamespace): Promise<string> {
  const texts = await Promise.all(
    ["iptables-save", "ip6tables-save"].map((program) => namespace.run([program])),
  );
  return texts.join("").replace(/^#.*\n/gm, "").replace(/\[\d+:\d+\]/g, "")
    .replace(/^(:PFW-|-A PFW-|-A \S+ -j PFW-).*\n/gm, "");
}

/** Tables that pfw alone made are there only while it runs. */
function used(text: string): string {
  return text.replace(/^\*\S+\n(:(PREROUTING|OUTPUT|INPUT|FORWARD) ACCEPT \n)*COMMIT\n/gm, "");
}

async function reloaded(pfw: RunningPfw, sandbox: Sandbox): Promise<void> {
  const { code, err } = await sandbox.pfw("reload");
  deepEqual([code, err], [0, ""]);
  equal(pfw.err, "");
}

for (const [name, other] of Object.entries(OTHERS)) {
  kernelTestOnce(`${name} and pfw leave each other alone`, async (test) => {
    await using link = await createPair();
    const { local, remote } = link;
    await using _server = await startServer(local, [2001, 2002, 2003]);
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await local.run(["iptables-restore"], other.rules);
    const before = await theirs(local);
    deepEqual(await answered(remote), other.open, "without pfw");
    const both = other.open.filter((probe) => probe !== CLOSED);
    await using pfw = await startPfw(local, sandbox);
    await test.step("what either closes stays closed", async () => {
      deepEqual(await answered(remote), both);
      equal(used(await theirs(local)), used(before));
      await reloaded(pfw, sandbox);
      equal(used(await theirs(local)), used(before));
    });
    await test.step("when it starts again, pfw is back within 10 s", async () => {
      const started = performance.now();
      for (const argv of other.again) await local.run(argv, other.rules);
      const state = async () => await sandbox.status();
      const { kernel } = await eventually(
        state,
        ({ kernel, drift }) => kernel.inPlace && drift.repaired > 0,
      );
      equal(kernel.inPlace, true);
      equal(performance.now() - started < 10_000, true);
      deepEqual(await answered(remote), both);
    });
    equal((await pfw.end()).code, 0);
    equal(await theirs(local), before);
    deepEqual(await answered(remote), other.open, "after pfw");
  });
}

/** What Docker writes for a network 10.9.1.0/24 with one published port, 8080 to 2001. */
const DOCKER = `*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 10.9.1.0/24 ! -o veth-1 -j MASQUERADE
-A DOCKER -i veth-1 -j RETURN
-A DOCKER ! -i veth-1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.9.1.2:2001
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o veth-1 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o veth-1 -j DOCKER
-A FORWARD -i veth-1 ! -o veth-1 -j ACCEPT
-A DOCKER -d 10.9.1.2/32 ! -i veth-1 -o veth-1 -p tcp -m tcp --dport 2001 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
`;

kernelTestOnce("a published container port obeys pfw, and Docker's rules stay", async (test) => {
  await using link = await createPair();
  await using container = await NetworkNamespace.create();
  const { local, remote } = link;
  await join(local, container, 1);
  await local.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  await container.run(["ip", "route", "add", "default", "via", "10.9.1.1"]);
  await remote.run(["ip", "route", "add", "10.9.1.0/24", "via", "10.9.0.1"]);
  await local.run(["iptables-restore", "--noflush"], DOCKER);
  await using _inside = await startServer(container, [2001, 2002]);
  await using _outside = await startServer(remote, [2001]);
  await using sandbox = new Sandbox();
  const reach = {
    published: () => answers(remote, { protocol: "tcp", to: "10.9.0.1", port: 8080 }),
    "not published": () => answers(remote, { protocol: "tcp", to: "10.9.1.2", port: 2002 }),
    outwards: () => answers(container, { protocol: "tcp", to: "10.9.0.2", port: 2001 }),
  };
  const open = async () => {
    const results = Object.entries(reach).map(async ([name, ask]) => await ask() ? [name] : []);
    return (await Promise.all(results)).flat();
  };
  const before = await theirs(local);
  deepEqual(await open(), ["published", "outwards"], "without pfw");
  const port = { name: "Port", action: "block", ports: [8080], direction: "in" };
  const peer = { name: "Out", action: "block", protocol: "tcp", destination_ips: ["10.9.0.2"] };
  const scenes: [name: string, config: Record<string, unknown>, open: string[]][] = [
    ["all allowed", { rules: [{ name: "All", action: "allow" }] }, ["published", "outwards"]],
    ["the published port blocked", { rules: [port] }, ["outwards"]],
    ["the client blacklisted", { blacklist_ips: ["10.9.0.2"] }, []],
    ["the container's peer blocked", { rules: [peer] }, ["published"]],
    ["the container blacklisted", { blacklist_ips: ["10.9.1.2"] }, []],
  ];
  sandbox.writeConfig({});
  await using pfw = await startPfw(local, sandbox);
  for (const [name, config, expected] of scenes) {
    await test.step(name, async () => {
      sandbox.writeConfig({ rate_limit: { enabled: false }, ...config });
      await reloaded(pfw, sandbox);
      deepEqual(await open(), expected);
      equal(used(await theirs(local)), used(before));
    });
  }
  equal((await pfw.end()).code, 0);
  equal(await theirs(local), before);
  deepEqual(await open(), ["published", "outwards"]);
});

/** Programs at interfaces: they come with them, count what libpcap counts, and end with pfw. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ask } from "../../engine/control/client.ts";
import { attachedPrograms, programTest, waitForPrograms } from "../support/bpf.ts";
import { startBudgetedRing } from "../support/budgeted.ts";
import { flood } from "../support/flood.ts";
import { createPair, join, type NetworkNamespace } from "../support/netns.ts";
import { quietPair } from "../support/quiet_pair.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** More than is handed over at once. */
const MANY = 4_000;
/** Fewer than come while programs are put to an interface or a packet socket is opened. */
const FEW = 400;

/** As in the unit that `install` writes. */
const SERVICE_RIGHTS = "+net_admin,+net_raw,+sys_ptrace,+bpf";

const CONFIG = { rules: [], rate_limit: { enabled: false }, detection: { enabled: false } };

const udp = { protocol: "udp", sourcePort: 40_001, port: 2002 } as const;

/** Programs at an interface, incoming and outgoing. */
const BOTH = [1, 1], NONE = [0, 0];

/** Opens a device without Ethernet's header, of a hardware type, which answers to nobody. */
const TUN = `
import fcntl, os, signal, stat, struct, sys, tempfile
path = "/dev/net/tun"
if not os.path.exists(path):
    path = os.path.join(tempfile.mkdtemp(), "tun")
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(10, 200))
device = open(path, "r+b", buffering=0)
fcntl.ioctl(device, 0x400454ca, struct.pack("16sH", b"tun-0", 0x1001))
fcntl.ioctl(device, 0x400454cd, int(sys.argv[1]))
print("open", flush=True)
signal.pause()
`;
const WITHOUT_LINK_LAYER = 65_534, CAN = 280;

/** What keeps the device until it is disposed of. */
async function startTun(local: NetworkNamespace, type: number) {
  const tun = local.spawn(["python3", "-c", TUN, `${type}`]);
  equal(await tun.line(), "open");
  await local.run(["sysctl", "-qw", "net.ipv6.conf.tun-0.disable_ipv6=1"]);
  await local.run(["ip", "address", "add", "10.7.0.1", "peer", "10.7.0.2", "dev", "tun-0"]);
  await local.run(["ip", "link", "set", "tun-0", "up"]);
  return tun;
}

/** Sends so many bytes over TCP to a receiver, in segments that the stack keeps in pieces. */
const SEND_OVER_TCP = `
import socket, sys
s = socket.create_connection((sys.argv[1], 2003))
s.sendall(b"x" * int(sys.argv[2]))
s.shutdown(socket.SHUT_WR)
s.recv(1)
`;
const RECEIVE_OVER_TCP = `
import socket
s = socket.create_server(("", 2003))
print("open", flush=True)
c = s.accept()[0]
while c.recv(65536): pass
`;

programTest("interface tap: what comes later is seen, and what goes and comes back", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(local, sandbox);
  for (const _ of ["new", "back"]) {
    await join(local, remote, 1);
    await waitForPrograms(local, "veth-1", BOTH);
    const before = (await sandbox.status()).totals.packets;
    await flood(remote, { ...udp, from: "10.9.1.2", to: "10.9.1.1", count: MANY });
    const { totals } = await eventually(
      () => sandbox.status(),
      ({ totals }) => totals.packets >= before + MANY,
    );
    // Neighbours say hello meanwhile, and who sends is told that nobody listens.
    ok(totals.packets < before + MANY + 100, `${totals.packets - before}`);
    await local.run(["ip", "link", "delete", "veth-1"]);
  }
  await flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", count: MANY });
  await eventually(() => sandbox.status(), ({ losses }) => losses.countedOnly > 0);
  deepEqual(await attachedPrograms(local, "veth-0"), [1, 1]);
});

programTest("interface tap: a named interface that comes back has its programs again", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await join(local, remote, 1);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(local, sandbox, ["veth-0", "veth-1"]);
  await waitForPrograms(local, "veth-1", BOTH);
  await local.run(["ip", "link", "delete", "veth-1"]);
  const isOpen = async () => (await sandbox.status()).devices.at(-1).open;
  equal(await eventually(isOpen, (open) => !open), false);
  await join(local, remote, 1);
  equal(await eventually(isOpen, (open) => open), true);
  await waitForPrograms(local, "veth-1", BOTH);
});

/** What is sent meanwhile is counted as libpcap counts it, on all interfaces. */
async function countsLikeLibpcap(
  local: NetworkNamespace,
  least: number,
  send: () => Promise<unknown>,
): Promise<void> {
  await using ours = new Sandbox();
  await using libpcaps = new Sandbox();
  for (const sandbox of [ours, libpcaps]) sandbox.writeConfig(CONFIG);
  await using _enforcing = await startPfw(local, ours, ["any"]);
  const byLibpcap = ["--monitor", "any", "--filter", "greater 0"];
  await using _watching = await startPfw(local, libpcaps, byLibpcap);
  await waitForPrograms(local, "veth-0", BOTH);
  await send();
  for (const sandbox of [ours, libpcaps]) {
    await eventually(() => sandbox.status(), ({ totals }) => totals.packets >= least);
  }
  const [{ totals, losses }, { totals: all }] = [await ours.status(), await libpcaps.status()];
  deepEqual([totals.packets, totals.bytes], [all.packets, all.bytes]);
  equal(losses.ringDrops, 0);
  ok(losses.countedOnly > 0, "some were only counted");
}

programTest("interface tap: a device without a link layer is counted by its packets", async () => {
  await using link = await quietPair();
  await using _tun = await startTun(link.local, WITHOUT_LINK_LAYER);
  await countsLikeLibpcap(link.local, MANY, async () => {
    await waitForPrograms(link.local, "tun-0", BOTH);
    await flood(link.local, { ...udp, from: "10.7.0.1", to: "10.7.0.2", count: MANY });
  });
});

programTest(
  "interface tap: this machine's own copy of what it sends to a group is none",
  async () => {
    await using link = await quietPair();
    const group = "239.7.0.1", { local } = link;
    // Who belongs to a group says so at times of its own choice.
    await local.run(["iptables", "-t", "raw", "-A", "OUTPUT", "-p", "igmp", "-j", "DROP"]);
    await local.run(["ip", "address", "add", `${group}/32`, "dev", "veth-0", "autojoin"]);
    await local.run(["ip", "route", "add", `${group}/32`, "dev", "veth-0"]);
    await countsLikeLibpcap(local, MANY, async () => {
      await flood(local, { ...udp, from: "10.9.0.1", to: group, count: MANY });
    });
  },
);

programTest(
  "interface tap: packets that the stack keeps in pieces are looked at like others",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await using _pfw = await startPfw(link.local, sandbox, ["any"]);
    await waitForPrograms(link.local, "veth-0", BOTH);
    for (const [from, to] of [[link.local, link.remote], [link.remote, link.local]]) {
      await using receiver = to.spawn(["python3", "-c", RECEIVE_OVER_TCP]);
      equal(await receiver.line(), "open");
      const address = to === link.local ? "10.9.0.1" : "10.9.0.2";
      await from.run(["python3", "-c", SEND_OVER_TCP, address, "200000"]);
    }
    const { totals, losses } = await eventually(
      () => sandbox.status(),
      ({ totals }) => totals.bytes > 400_000,
    );
    ok(totals.bytes > 400_000, `${totals.bytes} bytes`);
    deepEqual([totals.allowed, losses.countedOnly], [totals.packets, 0]);
  },
);

programTest(
  "interface tap: with an interface of another kind, all are read by a socket",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await using _pfw = await startPfw(link.local, sandbox);
    await waitForPrograms(link.local, "veth-0", BOTH);
    await using _tun = await startTun(link.local, CAN);
    await waitForPrograms(link.local, "veth-0", NONE);
    const before = (await sandbox.status()).totals.packets;
    await flood(link.remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", count: MANY });
    const { totals, losses } = await eventually(
      () => sandbox.status(),
      ({ totals }) => totals.packets >= before + MANY,
    );
    // Who sends is told that nobody listens.
    ok(totals.packets < before + MANY + 100, `${totals.packets - before}`);
    ok(losses.countedOnly > 0, "the filter has the budget");
  },
);

programTest("interface tap: what its ring has no room for is a loss that is told", async () => {
  await using link = await quietPair();
  const none = { packetsPerSecond: 0, burst: 0 }, room = 1 << 16;
  await using ring = await startBudgetedRing(link.local, "any", "programs", 2 * MANY, none, room);
  ring.process.signal("SIGSTOP");
  const ends = { from: "10.9.0.2", to: "10.9.0.1", sourcePort: 40_002, port: 2002 };
  await flood(link.remote, { ...ends, protocol: "tcp-syn", count: MANY });
  ring.process.signal("SIGCONT");
  const { kept, packets, droppedByRing } = await ring.seen();
  // The answers to SYNs are beginnings and ends, too.
  deepEqual([kept.length + droppedByRing, packets], [2 * MANY, 0]);
  ok(kept.length >= room / 256 - 1 && kept.length <= room / 256, `${kept.length} kept`);
});

programTest("interface tap: no packet is missing when enforcing begins and ends", async () => {
  await using link = await quietPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(link.local, sandbox, ["--monitor", "veth-0"]);
  const count = 150_000;
  let isSent = false, changes = 0;
  const sending = flood(link.remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", count })
    .finally(() => isSent = true);
  for (const mode of ["enforce", "monitor", "enforce", "monitor"]) {
    equal((await ask(sandbox.paths, "POST", "/mode", { mode }))?.status, 200);
    await waitForPrograms(link.local, "veth-0", mode === "enforce" ? BOTH : NONE);
    if (!isSent) changes++;
  }
  await sending;
  ok(changes >= 2, `${changes} changes while packets came`);
  let before = -1;
  const seen = await eventually(
    async () => (await sandbox.status()).totals.byDirection.incoming,
    (packets) => {
      const isAll = packets === before;
      before = packets;
      return isAll;
    },
  );
  ok(Math.abs(seen - count) <= FEW, `${seen} of ${count}`);
});

programTest(
  "interface tap: changes of the mode one after another end as the last one says",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    await using _pfw = await startPfw(link.local, sandbox, ["--monitor", "veth-0"]);
    for (const [last, wanted] of [["monitor", NONE], ["enforce", BOTH]] as const) {
      for (const mode of ["enforce", "monitor", "enforce", last]) {
        equal((await ask(sandbox.paths, "POST", "/mode", { mode }))?.status, 200);
      }
      await waitForPrograms(link.local, "veth-0", wanted);
    }
    // Nobody is left who attaches later.
    await new Promise((resolve) => setTimeout(resolve, 300));
    deepEqual(await attachedPrograms(link.local, "veth-0"), BOTH);
    // An interface that is down is left like another one.
    await link.local.run(["ip", "link", "set", "veth-0", "down"]);
    equal((await ask(sandbox.paths, "POST", "/mode", { mode: "monitor" }))?.status, 200);
    await waitForPrograms(link.local, "veth-0", NONE);
    equal((await sandbox.status()).devices.at(-1).open, true);
  },
);

programTest(
  "interface tap: it needs no more rights than the service has, and leaves nothing",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    const through = ["setpriv", `--bounding-set=-all,${SERVICE_RIGHTS}`];
    await using pfw = await startPfw(link.local, sandbox, ["any"], { through });
    await waitForPrograms(link.local, "veth-0", BOTH);
    await pfw.end("SIGKILL");
    deepEqual(await attachedPrograms(link.local, "veth-0"), [0, 0]);
  },
  ["setpriv"],
);

/** Programs at interfaces: they come with them, see what a packet socket sees, and end with pfw. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { ask } from "../../engine/control/client.ts";
import { attachedPrograms } from "../support/bpf.ts";
import { flood } from "../support/flood.ts";
import { createPair, join, kernelTest, type NetworkNamespace } from "../support/netns.ts";
import { quietPair } from "../support/quiet_pair.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** More than is handed over at once. */
const MANY = 4_000;
/** Fewer than come while a program is put to an interface or a packet socket is opened. */
const FEW = 150;

/** As in the unit that `install` writes. */
const SERVICE_RIGHTS = "+net_admin,+net_raw,+sys_ptrace,+bpf";

const CONFIG = { rules: [], rate_limit: { enabled: false }, detection: { enabled: false } };

const status = async (sandbox: Sandbox) => JSON.parse((await sandbox.pfw("status", "--json")).out);

const udp = { protocol: "udp", sourcePort: 40_001, port: 2002 } as const;

/** Waits until an interface has so many programs in each direction. */
async function attached(namespace: NetworkNamespace, device: string, wanted = 1): Promise<void> {
  const counts = await eventually(
    () => attachedPrograms(namespace, device),
    (counts) => counts.every((count) => count === wanted),
  );
  deepEqual(counts, [wanted, wanted]);
}

/** Opens a device without a link layer, which answers to nobody. */
const TUN = `
import fcntl, signal, struct
device = open("/dev/net/tun", "r+b", buffering=0)
fcntl.ioctl(device, 0x400454ca, struct.pack("16sH", b"tun-0", 0x1001))
print("open", flush=True)
signal.pause()
`;

kernelTest("interface tap: what comes later is seen, and what goes and comes back", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(local, sandbox);
  for (const _ of ["new", "back"]) {
    await join(local, remote, 1);
    await attached(local, "veth-1");
    const before = (await status(sandbox)).totals.packets;
    await flood(remote, { ...udp, from: "10.9.1.2", to: "10.9.1.1", count: MANY });
    const { totals } = await eventually(
      () => status(sandbox),
      ({ totals }) => totals.packets >= before + MANY,
    );
    // Neighbours say hello meanwhile, and who sends is told that nobody listens.
    ok(totals.packets < before + MANY + 100, `${totals.packets - before}`);
    await local.run(["ip", "link", "delete", "veth-1"]);
  }
  await flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", count: MANY });
  await eventually(() => status(sandbox), ({ losses }) => losses.countedOnly > 0);
  deepEqual(await attachedPrograms(local, "veth-0"), [1, 1]);
});

kernelTest("interface tap: a named interface that comes back has its programs again", async () => {
  await using link = await createPair();
  const { local, remote } = link;
  await join(local, remote, 1);
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(local, sandbox, ["veth-0", "veth-1"]);
  await attached(local, "veth-1");
  await local.run(["ip", "link", "delete", "veth-1"]);
  const isOpen = async () => (await status(sandbox)).devices.at(-1).open;
  equal(await eventually(isOpen, (open) => !open), false);
  await join(local, remote, 1);
  equal(await eventually(isOpen, (open) => open), true);
  await attached(local, "veth-1");
});

kernelTest("interface tap: a device without a link layer is counted by its packets", async () => {
  await using link = await quietPair();
  await using ours = new Sandbox();
  await using libpcaps = new Sandbox();
  for (const sandbox of [ours, libpcaps]) sandbox.writeConfig(CONFIG);
  const { local } = link;
  await using _enforcing = await startPfw(local, ours, ["any"]);
  const byLibpcap = ["--monitor", "any", "--filter", "greater 0"];
  await using _watching = await startPfw(local, libpcaps, byLibpcap);
  await using tun = local.spawn(["python3", "-c", TUN]);
  equal(await tun.line(), "open");
  const ends = ["10.7.0.1", "peer", "10.7.0.2", "dev", "tun-0"];
  await local.run(["sysctl", "-qw", "net.ipv6.conf.tun-0.disable_ipv6=1"]);
  await local.run(["ip", "address", "add", ...ends]);
  await local.run(["ip", "link", "set", "tun-0", "up"]);
  await attached(local, "tun-0");
  await flood(local, { ...udp, from: "10.7.0.1", to: "10.7.0.2", count: MANY });
  for (const sandbox of [ours, libpcaps]) {
    await eventually(() => status(sandbox), ({ totals }) => totals.packets >= MANY);
  }
  const [{ totals, losses }, { totals: all }] = [await status(ours), await status(libpcaps)];
  deepEqual([totals.packets, totals.bytes], [all.packets, all.bytes]);
  ok(losses.countedOnly > 0, "some were only counted");
});

kernelTest("interface tap: no packet is missing when enforcing begins and ends", async () => {
  await using link = await quietPair();
  await using sandbox = new Sandbox();
  sandbox.writeConfig(CONFIG);
  await using _pfw = await startPfw(link.local, sandbox, ["--monitor", "veth-0"]);
  const count = 60_000;
  let isSent = false, changes = 0;
  const sending = flood(link.remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", count })
    .finally(() => isSent = true);
  for (const mode of ["enforce", "monitor", "enforce", "monitor"]) {
    equal((await ask(sandbox.paths, "POST", "/mode", { mode }))?.status, 200);
    await attached(link.local, "veth-0", mode === "enforce" ? 1 : 0);
    if (!isSent) changes++;
  }
  await sending;
  ok(changes >= 3, `${changes} changes while packets came`);
  const incoming = async () => (await status(sandbox)).totals.byDirection.incoming;
  const seen = await eventually(incoming, (packets) => packets >= count - FEW);
  ok(Math.abs(seen - count) <= FEW, `${seen} of ${count}`);
});

kernelTest(
  "interface tap: it needs no more rights than the service has, and leaves nothing",
  async () => {
    await using link = await quietPair();
    await using sandbox = new Sandbox();
    sandbox.writeConfig(CONFIG);
    const through = ["setpriv", `--bounding-set=-all,${SERVICE_RIGHTS}`];
    await using pfw = await startPfw(link.local, sandbox, ["any"], { through });
    await attached(link.local, "veth-0");
    await pfw.end("SIGKILL");
    deepEqual(await attachedPrograms(link.local, "veth-0"), [0, 0]);
  },
  ["setpriv"],
);

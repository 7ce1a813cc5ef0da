/** The kernel's ring read in place tells what libpcap tells of the same packets. */
import { deepEqual, equal } from "node:assert/strict";
import { createPair, kernelTest, type NetworkNamespace, silence } from "../support/netns.ts";
import { flood } from "../support/flood.ts";
import { eventually, startPfw } from "../support/running_pfw.ts";
import { Sandbox } from "../support/sandbox.ts";

/** Lets every packet pass, and has libpcap read them: a filter is its alone. */
const BY_LIBPCAP = ["--filter", "greater 0"];

const TAG = "8100002a", SERVICE_TAG = "88a80007";
/** UDP to port 9 of 10.9.0.1; ARP; a frame of a vendor's own. */
const IPV4 = "0800" + "450000200001000040110000" + "0a0900020a090001" + "04d20009000c0000" +
  "41414141";
const ARP = "0806" + "0001080006040001" + "00".repeat(20);
const OTHER = "88b5" + "00".repeat(46);

/** Sends frames to everybody, as they are. */
async function sendFrames(from: NetworkNamespace, frames: readonly string[]): Promise<void> {
  const script = "import socket, sys\n" +
    "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n" +
    "s.bind(('veth-0', 0))\n" +
    "for frame in sys.argv[1:]: s.send(bytes.fromhex('ff' * 6 + '020000000902' + frame))\n";
  await from.run(["python3", "-c", script, ...frames]);
}

for (const device of ["veth-0", "any", "lo"]) {
  kernelTest(
    `ring: the same packets, bytes and verdicts as through libpcap on ${device}`,
    async () => {
      await using link = await createPair();
      const { local, remote } = link;
      for (const end of [local, remote]) await silence(end);
      // How many ports are said to be closed is a question of the kernel's limits.
      await local.run(["iptables", "-t", "raw", "-A", "OUTPUT", "-p", "icmp", "-j", "DROP"]);
      await using ours = new Sandbox();
      await using libpcaps = new Sandbox();
      for (const sandbox of [ours, libpcaps]) {
        sandbox.writeConfig({
          rules: [{ name: "No 2001", action: "block", protocol: "udp", ports: [2001] }],
          rate_limit: { enabled: false },
          detection: { enabled: false },
        });
      }
      const words = ["--monitor", device, "--json"];
      await using ring = await startPfw(local, ours, words);
      await using pcap = await startPfw(local, libpcaps, [...words, ...BY_LIBPCAP]);
      const frames = [IPV4, TAG + IPV4, SERVICE_TAG + TAG + IPV4, ARP, TAG + ARP, OTHER];
      await sendFrames(remote, Array.from({ length: 40 }, () => frames).flat());
      await sendFrames(local, frames);
      const udp = { protocol: "udp", from: "10.9.0.1", sourcePort: 40_001, count: 500 } as const;
      // To itself, and so over loopback.
      await flood(local, { ...udp, to: "10.9.0.1", port: 2001 });
      await flood(remote, { ...udp, from: "10.9.0.2", to: "10.9.0.1", port: 2001 });
      await flood(local, { ...udp, to: "10.9.0.2", port: 2002 });
      const counted = async (sandbox: Sandbox) => {
        const { totals } = await sandbox.status();
        return totals;
      };
      const wanted = { "veth-0": 1246, "any": 1746, "lo": 500 }[device]!;
      for (const sandbox of [ours, libpcaps]) {
        await eventually(() => counted(sandbox), ({ packets }) => packets >= wanted);
      }
      deepEqual(await counted(ours), await counted(libpcaps));
      for (const pfw of [ring, pcap]) {
        const { code, out } = await pfw.end();
        const { losses, totals } = JSON.parse(out);
        deepEqual([code, losses.ringDrops, losses.captureRecordsLost], [0, 0, 0]);
        equal(totals.packets, wanted);
      }
    },
  );
}

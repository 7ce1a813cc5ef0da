/** Which packets are handed over where the budget is used up, and that the others are counted. */
import { deepEqual, equal } from "node:assert/strict";
import { be16, ethernet, ipv4, ipv6, tcp, udp } from "../packet/frames.ts";
import { programTest } from "../support/bpf.ts";
import { SNAPLEN, SOURCES, startBudgetedRing } from "../support/budgeted.ts";
import { createPair, kernelTest, type NetworkNamespace, silence } from "../support/netns.ts";

const IPV4 = 0x0800, IPV6 = 0x86dd, ARP = 0x0806, VLAN = 0x8100, SERVICE_VLAN = 0x88a8;
/** Bytes of headers: Ethernet's, libpcap's in its place, a tag's. */
const ETHERNET = 14, COOKED = 20, TAG = 4;
const FIN = 1, SYN = 2, RST = 4, PSH_ACK = 0x18, SYN_ACK = 0x12;
const UDP = 17;
const NO_OPERATION = 1, MORE_FRAGMENTS = 0x2000;

/** One frame, and whether it is handed over without any budget. */
interface Case {
  readonly name: string;
  readonly frame: number[];
  readonly isKept: boolean;
}

/** Each is told from the others by this or by its length. */
let sourcePort = 1_000;

const segment = (flags: number) => tcp(sourcePort++, 9, flags);
/** What would be all of TCP's flags, were it TCP. */
const flagged = () => [...udp(sourcePort++, 9), ...Array(32).fill(255)];

const v4 = (name: string, isKept: boolean, packet: number[]): Case => ({
  name: `IPv4, ${name}`,
  frame: ethernet(IPV4, packet),
  isKept,
});
const v6 = (name: string, isKept: boolean, packet: number[]): Case => ({
  name: `IPv6, ${name}`,
  frame: ethernet(IPV6, packet),
  isKept,
});
const options = (words: number, byte = NO_OPERATION) => ({ options: Array(4 * words).fill(byte) });
const tagged = (type: number, payload: number[]) => [0, 42, ...be16(type), ...payload];

const CASES: readonly Case[] = [
  v4("FIN", true, ipv4(segment(FIN))),
  v4("SYN", true, ipv4(segment(SYN))),
  v4("RST", true, ipv4(segment(RST))),
  v4("the answer to a SYN", true, ipv4(segment(SYN_ACK))),
  v4("a segment of data", false, ipv4([...segment(PSH_ACK), ...Array(900).fill(65)])),
  v4("SYN behind options", true, ipv4(segment(SYN), options(1))),
  v4("SYN behind all options", true, ipv4(segment(SYN), options(10))),
  v4("data behind what looks like a SYN", false, ipv4(segment(PSH_ACK), options(10, SYN))),
  v4("first fragment with a SYN", true, ipv4(segment(SYN), { fragment: MORE_FRAGMENTS })),
  v4("later fragment that looks like a SYN", false, ipv4(segment(SYN), { fragment: 3 })),
  v4("far fragment that looks like a SYN", false, ipv4(segment(SYN), { fragment: 0x1f00 })),
  v4("later fragment too short for TCP", false, ipv4([1, 2, 3], { fragment: 3 })),
  v4("UDP", false, ipv4(flagged(), { protocol: UDP })),
  v4("UDP too short for TCP", false, ipv4(udp(sourcePort++, 9), { protocol: UDP })),
  v4("flags and no more", true, ipv4(segment(RST).slice(0, 14))),
  v4("no flags and no more", false, ipv4(segment(PSH_ACK).slice(0, 14))),
  v4("cut before the flags", true, ipv4(segment(PSH_ACK).slice(0, 13))),
  v4("cut before the flags, behind options", true, ipv4(segment(PSH_ACK).slice(0, 13), options(2))),
  v4("cut in the options", true, ipv4([], options(10)).slice(0, 40)),
  v4("cut in its header", true, ipv4([]).slice(0, 19)),
  v4("nothing", true, []),
  v6("FIN", true, ipv6(segment(FIN))),
  v6("SYN", true, ipv6(segment(SYN))),
  v6("RST", true, ipv6(segment(RST))),
  v6("a segment of data", false, ipv6([...segment(PSH_ACK), ...Array(900).fill(65)])),
  v6("UDP", false, ipv6(flagged(), UDP)),
  v6("UDP too short for TCP", false, ipv6(udp(sourcePort++, 9), UDP)),
  v6("a fragment that looks like a SYN", false, ipv6(segment(SYN), 44)),
  v6("flags and no more", true, ipv6(segment(SYN).slice(0, 14))),
  v6("cut before the flags", true, ipv6(segment(PSH_ACK).slice(0, 13))),
  v6("cut in its header", true, ipv6([]).slice(0, 39)),
  // As on a device that leaves a tag before what it says begins the packet.
  v4("behind a tag that nobody tells of", true, tagged(IPV4, ipv4(segment(SYN)))),
  v6("behind a tag that nobody tells of", true, tagged(IPV6, ipv6(segment(SYN)))),
  {
    name: "a tag, SYN",
    frame: ethernet(VLAN, tagged(IPV4, ipv4(segment(SYN)))),
    isKept: true,
  },
  {
    name: "a tag, a segment of data",
    frame: ethernet(VLAN, tagged(IPV4, ipv4(segment(PSH_ACK)))),
    isKept: false,
  },
  {
    name: "two tags, SYN",
    frame: ethernet(SERVICE_VLAN, tagged(VLAN, tagged(IPV4, ipv4(segment(SYN))))),
    isKept: false,
  },
  { name: "ARP", frame: ethernet(ARP, Array(28).fill(SYN)), isKept: false },
  { name: "another protocol", frame: ethernet(0x88b5, Array(9).fill(SYN)), isKept: false },
];

/** Without Ethernet's header and, as the kernel takes it out, the outer tag. */
function payloadOf({ frame }: Case): number[] {
  const type = frame[12] << 8 | frame[13];
  return frame.slice(ETHERNET + (type === VLAN || type === SERVICE_VLAN ? TAG : 0));
}

async function sendFrames(from: NetworkNamespace, frames: readonly number[][]): Promise<void> {
  const script = "import socket, sys\n" +
    "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n" +
    "s.bind(('veth-0', 0))\n" +
    "for frame in sys.stdin: s.send(bytes.fromhex(frame))\n";
  const lines = frames.map((frame) => Uint8Array.from(frame).toHex());
  await from.run(["python3", "-c", script], lines.join("\n"));
}

const WAYS = SOURCES.flatMap((source) => ["veth-0", "any"].map((device) => ({ source, device })));

for (const { source, device } of WAYS) {
  const test = source === "programs" ? programTest : kernelTest;
  test(`tap budget: what is always handed over by the ${source}, on ${device}`, async () => {
    await using link = await createPair();
    for (const end of [link.local, link.remote]) await silence(end);
    const none = { packetsPerSecond: 0, burst: 0 };
    await using ring = await startBudgetedRing(link.local, device, source, CASES.length, none);
    await sendFrames(link.remote, CASES.map(({ frame }) => frame));
    const { kept, packets, bytes } = await ring.seen();
    const isCooked = device === "any", skipped = isCooked ? 0 : ETHERNET;
    const names = new Map(CASES.map((one) => {
      const captured = payloadOf(one).slice(0, SNAPLEN - skipped);
      return [Uint8Array.from(captured).toHex(), one.name];
    }));
    equal(names.size, CASES.length);
    const seen = kept.map((packet) => names.get(packet.slice(2 * skipped)) ?? packet);
    const wanted = CASES.filter(({ isKept }) => isKept), counted = CASES.filter((o) => !o.isKept);
    deepEqual(seen.sort(), wanted.map(({ name }) => name).sort());
    equal(packets, counted.length);
    const lengths = counted.map((one) =>
      isCooked ? COOKED + payloadOf(one).length : one.frame.length
    );
    equal(bytes, lengths.reduce((sum, length) => sum + length));
  });
}

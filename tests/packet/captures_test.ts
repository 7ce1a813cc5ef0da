/**
 * Every capture of tcpdump's own tests, held against capinfos (counts) and tshark (outermost IP
 * addresses). Each difference is listed below with its reason; a new one fails.
 */
import assert from "node:assert/strict";
import { type Family, formatAddress } from "../../engine/net/address.ts";
import { DecodeResult } from "../../engine/packet/packet.ts";
import { hasLibpcap, readCapture } from "../support/capture_reader.ts";
import { hasProgram, sharedPath } from "../support/shared.ts";

const LINK = "a link type that pfw does not read (no Linux machine receives on one)";
const HALF = "the capture ends inside the IP header: tshark prints the source that is still there";

/** Frames whose addresses differ, by file. */
const DIFFERENCES: Readonly<Record<string, { readonly frames: number; readonly why: string }>> = {
  "LINKTYPE_IPV4_invalid.pcap": {
    frames: 1,
    why: "an IPv6 header on an IPv4-only link: tshark follows it, no IPv4 stack would",
  },
  "LINKTYPE_PKTAP.pcap": { frames: 1, why: LINK },
  "LINKTYPE_USER2_PKTAP.pcap": { frames: 1, why: LINK },
  "OSPFv3_NBMA_adjacencies.pcap": { frames: 86, why: LINK },
  "OSPFv3_multipoint_adjacencies.pcap": { frames: 73, why: LINK },
  "arcnet-rfc1051-arp-icmp-http.pcap": { frames: 22, why: LINK },
  "arcnet-rfc1201-arp-icmp-http.pcap": { frames: 22, why: LINK },
  "arista_ether.pcap": { frames: 12, why: "a vendor's EtherType before the IP header" },
  "bgp-aigp.pcap": { frames: 1, why: LINK },
  "e1000g.pcap": { frames: 20, why: LINK },
  "icmp-icmp_print-oobr-2.pcap": { frames: 3, why: LINK },
  "ieee802.11_htc.pcap": { frames: 1, why: LINK },
  "ipv4_invalid_length.pcap": { frames: 1, why: HALF },
  "ipv6_39_byte_header.pcap": { frames: 1, why: HALF },
  "vrrp-vrrp_print-oobr.pcap": { frames: 3, why: LINK },
};

/** Files of link types that capinfos and tshark cannot open and libpcap can. */
const UNKNOWN_TO_TSHARK = new Set([
  "brcm-tag-prepend.pcap",
  "brcm-tag.pcap",
  "dsa-high-vid.pcap",
  "dsa.pcap",
  "edsa.pcap",
  "juniper_monitor_invalid_cookie_length.pcap",
  "vtp_asan-2.pcap",
  "vtp_asan-3.pcap",
  "vtp_asan.pcap",
]);

const directory = sharedPath("pcaps/tcpdump");
const missing = !hasLibpcap
  ? "needs libpcap"
  : !directory
  ? "no ../shared/pcaps"
  : !hasProgram("tshark") || !hasProgram("capinfos")
  ? "needs tshark and capinfos"
  : "";

Deno.test({
  name: `every capture agrees with capinfos and tshark${missing && ` (left out: ${missing})`}`,
  ignore: missing !== "",
  fn: async () => {
    const names = [...Deno.readDirSync(directory!)].map((entry) => entry.name)
      .filter((name) => name !== "LICENSE").sort();
    assert.ok(names.length >= 400, `only ${names.length} captures`);
    const found: Record<string, number> = {};
    await inParallel(2, names, async (name) => {
      const differences = await compare(`${directory}/${name}`, name);
      if (differences > 0) found[name] = differences;
    });
    const expected = Object.fromEntries(
      Object.entries(DIFFERENCES).map(([name, { frames }]) => [name, frames]),
    );
    assert.deepEqual(sorted(found), sorted(expected));
  },
});

function sorted(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts).sort(([a], [b]) => a < b ? -1 : 1);
}

async function compare(path: string, name: string): Promise<number> {
  const ours: string[] = [];
  const end = readCapture(path, (packet) => {
    const family = packet.family as Family;
    ours.push(
      packet.result === DecodeResult.ok
        ? `${
          formatAddress(family, packet.source0, packet.source1, packet.source2, packet.source3)
        } ${
          formatAddress(
            family,
            packet.destination0,
            packet.destination1,
            packet.destination2,
            packet.destination3,
          )
        }`
        : "",
    );
  });
  assert.equal(end.lost, 0, name);
  assert.equal(end.packets, ours.length, name);
  if (UNKNOWN_TO_TSHARK.has(name)) {
    assert.ok(end.packets > 0, name);
    return 0;
  }
  const counted = await output("capinfos", ["-Mc", path]);
  assert.equal(end.packets, Number(/Number of packets:\s+(\d+)/.exec(counted)?.[1]), name);
  const theirs = await tsharkAddresses(path);
  assert.equal(theirs.length, ours.length, name);
  return theirs.filter((addresses, frame) => addresses !== ours[frame]).length;
}

/** `source destination` of the outermost IP header of each frame; empty without one. */
async function tsharkAddresses(path: string): Promise<string[]> {
  const fields = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst"];
  const args = ["-n", "-r", path, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"];
  const text = await output("tshark", [...args, ...fields.flatMap((field) => ["-e", field])]);
  return text.split("\n").slice(0, -1).map((line) => {
    const [protocols, source4, destination4, source6, destination6] = line.split("|");
    const layers = protocols.split(":");
    const at4 = layers.indexOf("ip"), at6 = layers.indexOf("ipv6");
    const isV6 = source6 !== "" && (source4 === "" || (at6 >= 0 && (at4 < 0 || at6 < at4)));
    if (isV6) return `${source6} ${destination6}`;
    return source4 ? `${source4} ${destination4}` : "";
  });
}

async function output(program: string, args: string[]): Promise<string> {
  const command = new Deno.Command(program, { args, stdout: "piped", stderr: "null" });
  return new TextDecoder().decode((await command.output()).stdout);
}

async function inParallel<T>(width: number, items: readonly T[], work: (item: T) => Promise<void>) {
  const queue = [...items];
  await Promise.all(Array.from({ length: width }, async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  }));
}

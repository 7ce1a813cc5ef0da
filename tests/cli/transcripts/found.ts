/** How a sandbox is found: configurations, captures, feeds, and who else was there before. */
import { parsePrefix } from "../../../engine/net/address.ts";
import { ParsedPacket, Protocol, TcpFlag } from "../../../engine/packet/packet.ts";
import { synthesize } from "../../../engine/packet/synthetic.ts";
import type { ConfigDraft } from "../../../engine/policy/schema.ts";
import type { Sandbox } from "../../support/sandbox.ts";
import { feedFile } from "../threats_support.ts";

/** Three rules, lists of addresses, and no feed. */
export const CONFIG: ConfigDraft = {
  default_policy: "allow",
  rules: [
    {
      name: "No telnet",
      action: "block",
      protocol: "tcp",
      ports: [23, "8000-8100"],
      direction: "in",
    },
    {
      name: "Office",
      action: "allow",
      protocol: "tcp",
      ports: [22],
      source_ips: ["203.0.113.0/24"],
    },
    { name: "No ping", action: "block", protocol: "icmp", direction: "in", enabled: false },
  ],
  whitelist_ips: ["127.0.0.1", "::1"],
  blacklist_ips: ["198.51.100.7", "2001:db8:bad::/48"],
  threat_feeds: [],
  logging: { allowed_sample: 1 },
};

/** With a configuration. */
export function configured(box: Sandbox): void {
  box.writeConfig(CONFIG);
}

/** With one that says nothing but where it must. */
export function emptied(box: Sandbox): void {
  box.writeConfig({ rules: [], whitelist_ips: [], blacklist_ips: [], threat_feeds: [] });
}

/** With one that cannot be used. */
export function broken(box: Sandbox): void {
  const text =
    '{\n  "rules": [\n    { "name": "SSH", "action": "blok", "ports": [99999] }\n  ]\n}\n';
  box.writeConfig(text);
}

/** Directories that only somebody else may enter, as those of root's pfw. */
export function locked(box: Sandbox): void {
  configured(box);
  for (const name of ["data", "run", "etc"]) {
    Deno.mkdirSync(box.path(name), { recursive: true });
    Deno.chmodSync(box.path(name), 0);
  }
}

const IPSUM = "# IP\tlists\n203.0.114.1\t3\n203.0.114.2\t9\n203.0.114.3\t5\n";
const PLAIN = "203.0.114.0/24\n2a00:1450::/32 ; why\n10.1.2.3\nnonsense\n";

/** Two feeds in files that were never fetched, and one that is off. */
export function withFeeds(box: Sandbox): void {
  box.writeConfig({
    ...CONFIG,
    threat_feeds: [
      feedFile(box, "Levels", IPSUM, { format: "ipsum" }),
      feedFile(box, "Ranges", PLAIN),
      feedFile(box, "Resting", PLAIN, { enabled: false }),
    ],
  });
}

/** The same, fetched. */
export async function withFetchedFeeds(box: Sandbox): Promise<void> {
  withFeeds(box);
  await must(box, "threats", "update");
}

/** An hour and a half, and 30 seconds in which a slow machine may look at what is left. */
const LONG = "5430s";

/** With two bans that pfw will take up at its next start. */
export async function withBans(box: Sandbox): Promise<void> {
  configured(box);
  await must(box, "bans", "add", "203.0.113.9", "--for", LONG, "--reason", "guessed passwords");
  await must(box, "bans", "add", "2001:db8:1:2::/64", "--for", LONG);
}

/** With a configuration, and a capture beside it. */
export function withCapture(box: Sandbox): void {
  configured(box);
  Deno.writeFileSync(box.path("day.pcap"), capture());
  Deno.writeFileSync(box.path("broken.pcap"), capture().slice(0, -7));
}

/** With a database that holds the rows of that capture. */
export async function recorded(box: Sandbox): Promise<void> {
  withCapture(box);
  await must(box, "start", "--read", "day.pcap", "--record", "--local", "192.0.2.10");
}

/** Runs a command that a scene needs done. */
export async function must(box: Sandbox, ...words: string[]): Promise<void> {
  const { code, err } = await box.pfw(...words);
  if (code !== 0) throw new Error(`pfw ${words.join(" ")}: ${err}`);
}

/** A packet a second, 2026-01-31 12:00:00 UTC on: source, destination, port, protocol. */
const PACKETS: readonly [string, string, number, number][] = [
  ["203.0.113.7", "192.0.2.10", 23, Protocol.tcp],
  ["203.0.113.7", "192.0.2.10", 8080, Protocol.tcp],
  ["198.51.100.7", "192.0.2.10", 443, Protocol.tcp],
  ["203.0.113.20", "192.0.2.10", 22, Protocol.tcp],
  ["192.0.2.10", "203.0.113.53", 53, Protocol.udp],
  ["2001:db8:bad::1", "2001:db8::10", 443, Protocol.tcp],
];

const LINKTYPE_RAW = 101;

/** A capture file as tcpdump writes it (draft-ietf-opsawg-pcap). */
function capture(): Uint8Array {
  const head = new DataView(new ArrayBuffer(24));
  [0xa1b2c3d4, 0x00040002, 0, 0, 65535, LINKTYPE_RAW].forEach((word, at) =>
    head.setUint32(4 * at, word, true)
  );
  const parts: Uint8Array[] = [new Uint8Array(head.buffer)];
  PACKETS.forEach(([from, to, destinationPort, protocol], second) => {
    const packet = synthesize(new ParsedPacket(), {
      from: parsePrefix(from)!,
      to: parsePrefix(to)!,
      protocol,
      sourcePort: 40_000 + second,
      destinationPort,
      tcpFlags: TcpFlag.syn,
    });
    const length = packet.byteLength;
    const record = new Uint32Array([1_769_860_800 + second, 0, length, length]);
    parts.push(new Uint8Array(record.buffer), new Uint8Array(packet.buffer));
  });
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

/** What is fuzzed: for each reader of foreign input its seeds, and what must hold for any input. */
import assert from "node:assert/strict";
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { decodeNflog, NflogRecord } from "../../engine/packet/nflog.ts";
import { DecodeResult, Direction, ParsedPacket } from "../../engine/packet/packet.ts";
import { parsePrefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { buildPolicy } from "../../engine/policy/build_policy.ts";
import { checkConfig } from "../../engine/policy/config.ts";
import { DEFAULT_CONFIG } from "../../engine/policy/default_config.ts";
import { readImport } from "../../engine/policy/import_rules.ts";
import { Matcher } from "../../engine/policy/matcher.ts";
import { EMPTY_POLICY } from "../../engine/policy/policy.ts";
import { parseIptablesSave, ruleOptions } from "../../engine/kernel/saved_state.ts";
import { readAddressLines } from "../../cli/commands/address_input.ts";
import { be16, be32, ethernet, ipv4, ipv6, tcp, tlv, udp } from "../packet/frames.ts";
import { GUARD, guarded } from "../packet/guarded_view.ts";
import { hasLibpcap, readCapture } from "../support/capture_reader.ts";
import { sharedPath } from "../support/shared.ts";
import { feedTarget } from "./feed_targets.ts";

/** A reader under test. */
export interface FuzzTarget {
  readonly name: string;
  /** Good input to start from. */
  seeds(): Uint8Array[];
  /** Throws when the reader breaks a promise on this input. */
  check(input: Uint8Array): void;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (value: string) => new TextEncoder().encode(value);

/** The first byte of an input chooses the link type, the rest is the frame. */
const LINK_TYPES: readonly number[] = [...new Set(Object.values(LinkType))];

function frameSeed(linkType: number, frame: ArrayLike<number>): Uint8Array {
  return Uint8Array.from([LINK_TYPES.indexOf(linkType), ...Array.from(frame)]);
}

const PACKETS = [
  ipv4(tcp(40_000, 443, 2)),
  ipv4(udp(53, 53), { protocol: 17, options: [7, 7, 4, 0, 0, 0, 0, 0] }),
  ipv4([3, 3, 0, 0, 0, 0, 0, 0, ...ipv4(udp(1, 2), { protocol: 17 })], { protocol: 1 }),
  ipv4(tcp(1, 2, 16), { fragment: 0x2000, id: 7 }),
  ipv6([6, 0, 5, 2, 0, 0, 1, 0, ...tcp(40_000, 443, 2)], 0),
  ipv6([6, 0, 0, 1, 0, 0, 0, 9, ...tcp(1, 2, 2)], 44),
];

function ownFrames(): Uint8Array[] {
  return PACKETS.flatMap((packet) => [
    frameSeed(LinkType.raw, packet),
    frameSeed(LinkType.ethernet, ethernet(0x8100, [0, 1, ...be16(0x0800), ...packet])),
    frameSeed(LinkType.ppp, [0xff, 3, 0, 0x21, ...packet]),
    frameSeed(LinkType.linuxSll2, [
      ...be16(0x0800),
      0,
      0,
      ...be32(2),
      0,
      1,
      0,
      6,
      ...Array(8).fill(0),
      ...packet,
    ]),
  ]);
}

/** Every packet of the real captures that lie beside some checkouts, as far as pfw reads them. */
function capturedFrames(): Uint8Array[] {
  const directory = sharedPath("pcaps/tcpdump");
  if (!directory || !hasLibpcap) return [];
  const seeds: Uint8Array[] = [];
  for (const { name } of Deno.readDirSync(directory)) {
    if (!/\.pcap(ng)?$/.test(name)) continue;
    const frames: Uint8Array[] = [];
    const { linkType } = readCapture(`${directory}/${name}`, (packet, buffer) => {
      const start = packet.endOffset - packet.capturedLength;
      if (start >= 0 && frames.length < 20) {
        frames.push(buffer.bytes.slice(start, packet.endOffset));
      }
    });
    if (LINK_TYPES.includes(linkType)) {
      seeds.push(...frames.map((frame) => frameSeed(linkType, frame)));
    }
  }
  return seeds;
}

const packet = new ParsedPacket(), record = new NflogRecord();
const matcher = new Matcher(
  { ...EMPTY_POLICY, defaultAction: "block", rateLimit: { connections: 2, seconds: 1 } },
  { flows: 1024 },
);

const decodeTarget: FuzzTarget = {
  name: "decode",
  seeds: () => [...ownFrames(), ...capturedFrames()],
  check(input) {
    if (input.length === 0) return;
    const frame = input.subarray(1);
    const view = guarded(frame);
    const linkType = LINK_TYPES[input[0] % LINK_TYPES.length];
    if (linkType === LinkType.nflog) return;
    packet.seconds = input[0];
    decode(packet, view, GUARD, GUARD + frame.length, linkType);
    assert.ok(packet.result >= DecodeResult.ok && packet.result <= DecodeResult.unknownLink);
    assert.ok(packet.endOffset <= GUARD + frame.length);
    if (packet.result === DecodeResult.ok) {
      assert.ok(packet.family === 4 || packet.family === 6);
      assert.ok(packet.networkOffset >= GUARD);
    }
    packet.direction = Direction.incoming;
    assert.ok(matcher.decide(packet, view) >= 0);
  },
};

const nflogTarget: FuzzTarget = {
  name: "nflog",
  seeds: () =>
    PACKETS.map((payload) =>
      Uint8Array.from([
        2,
        0,
        0,
        7,
        ...tlv(1, [8, 0, 1, 0]),
        ...tlv(4, be32(3)),
        ...tlv(3, [...be32(0), ...be32(1_700_000_000), ...be32(0), ...be32(5)]),
        ...tlv(10, [...bytesOf("pfw:rule:0a1b2c3d"), 0]),
        ...tlv(9, payload),
      ])
    ),
  check(input) {
    const end = GUARD + input.length;
    decodeNflog(packet, record, guarded(input), GUARD, end);
    assert.ok(record.prefixStart <= record.prefixEnd && record.prefixEnd <= end);
    assert.ok(packet.endOffset <= end);
  },
};

const FULL_CONFIG = JSON.stringify(
  {
    ...DEFAULT_CONFIG,
    rules: [{
      name: "all fields",
      action: "allow",
      protocol: "udp",
      ports: [53, "8000-8100"],
      source_ips: ["192.0.2.0/24", "2001:db8::/32"],
      destination_ips: ["198.51.100.1"],
      direction: "out",
      enabled: false,
    }],
  },
  null,
  2,
);

const configTarget: FuzzTarget = {
  name: "config",
  seeds:
    () => [bytesOf(JSON.stringify(DEFAULT_CONFIG, null, 2)), bytesOf(FULL_CONFIG), bytesOf("{}")],
  check(input) {
    const checked = checkConfig(text(input));
    if (checked.ok) {
      buildPolicy(checked.config);
      return;
    }
    assert.ok(checked.problems.length > 0);
    for (const { line, column } of checked.problems) assert.ok(line >= 1 && column >= 1);
  },
};

const importTarget: FuzzTarget = {
  name: "import",
  seeds: () => [
    bytesOf(FULL_CONFIG),
    bytesOf(
      '{"block_ips": ["192.0.2.1"], "block_ports": [23], "block_protocols": ["ICMP"], "allow_protocols": ["TCP"]}',
    ),
    bytesOf('{"rules": [{"name": "x", "action": "block"}]}'),
  ],
  check: (input) => void readImport(text(input)),
};

const listTarget: FuzzTarget = {
  name: "list",
  seeds() {
    const own = bytesOf(
      "# list\n192.0.2.1\t7\n198.51.100.0/24 # net\n\n2001:db8::1\n::ffff:192.0.2.9\n",
    );
    const feeds = sharedPath("feeds");
    if (!feeds) return [own];
    const files = [...Deno.readDirSync(feeds)].map(({ name }) =>
      Deno.readFileSync(`${feeds}/${name}`)
    );
    return [own, ...files.map((file) => file.subarray(0, 4096))];
  },
  check(input) {
    const lines = text(input);
    const { addresses } = readAddressLines(lines);
    // What was taken for an address is one.
    PrefixList.parse(addresses);
    for (const line of lines.split("\n").slice(0, 20)) {
      const prefix = parsePrefix(line);
      if (prefix) {
        assert.ok(prefix.length >= 0 && prefix.length <= (prefix.family === 4 ? 32 : 128));
      }
    }
  },
};

const savedTarget: FuzzTarget = {
  name: "saved",
  seeds: () => [
    bytesOf(
      "*filter\n:INPUT ACCEPT [0:0]\n:PFW-IN - [0:0]\n[1:60] -A INPUT -j PFW-IN\n" +
        '[0:0] -A PFW-IN -m comment --comment "a \\"b\\"" -j NFLOG --nflog-prefix "pfw:ban:-"\nCOMMIT\n',
    ),
  ],
  check(input) {
    for (const table of parseIptablesSave(text(input)).values()) {
      for (const chain of table.values()) for (const rule of chain.rules) ruleOptions(rule.text);
    }
  },
};

/** Every reader of input that others write. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  decodeTarget,
  nflogTarget,
  configTarget,
  importTarget,
  listTarget,
  savedTarget,
  feedTarget,
];

import assert from "node:assert/strict";
import fc from "fast-check";
import { decode } from "../../engine/packet/decode.ts";
import { LinkType } from "../../engine/packet/link_layer.ts";
import { decodeNflog, NflogRecord } from "../../engine/packet/nflog.ts";
import { DecodeResult, Direction, ParsedPacket, TcpFlag } from "../../engine/packet/packet.ts";
import { be16, be32, ethernet, ipv4, ipv6, tcp, tlv, udp } from "./frames.ts";
import { GUARD, guarded } from "./guarded_view.ts";

/** Decodes bytes that lie in the middle of a larger buffer, so that reading outside is noticed. */
function decoded(frame: number[], linkType: number = LinkType.ethernet): ParsedPacket {
  const packet = new ParsedPacket();
  decode(packet, guarded(frame), GUARD, GUARD + frame.length, linkType);
  return packet;
}

const SYN = tcp(40000, 443, TcpFlag.syn);

/** Every way to wrap an IPv4 packet that pfw reads: name, link type, bytes before it. */
const WRAPPINGS: readonly (readonly [string, number, number[]])[] = [
  ["Ethernet", LinkType.ethernet, ethernet(0x0800, [])],
  ["802.1Q", LinkType.ethernet, ethernet(0x8100, [0, 5, ...be16(0x0800)])],
  ["QinQ", LinkType.ethernet, ethernet(0x88a8, [0, 5, 0x81, 0, 0, 6, ...be16(0x0800)])],
  ["PPPoE", LinkType.ethernet, ethernet(0x8864, [0x11, 0, 0, 1, 0, 42, 0, 0x21])],
  ["MPLS", LinkType.ethernet, ethernet(0x8847, [0, 1, 0, 64, 0, 2, 1, 64])],
  ["LLC SNAP", LinkType.ethernet, ethernet(60, [0xaa, 0xaa, 3, 0, 0, 0, ...be16(0x0800)])],
  ["cooked v1", LinkType.linuxSll, [0, 0, 0, 1, 0, 6, ...Array(8).fill(0), ...be16(0x0800)]],
  ["cooked v2", LinkType.linuxSll2, [
    ...be16(0x0800),
    0,
    0,
    ...be32(7),
    0,
    1,
    0,
    6,
    ...Array(8).fill(0),
  ]],
  ["raw", LinkType.raw, []],
  ["raw, as files number it", LinkType.rawLinkType, []],
  ["IPv4", LinkType.ipv4, []],
  ["BSD loopback, little end first", LinkType.null, [2, 0, 0, 0]],
  ["OpenBSD loopback", LinkType.loop, [0, 0, 0, 2]],
  ["PPP", LinkType.ppp, [0xff, 3, 0, 0x21]],
  ["PPP, compressed", LinkType.ppp, [0x21]],
  ["PPP, serial", LinkType.pppSerial, [0xff, 3, 0, 0x21]],
  ["Cisco HDLC", LinkType.ciscoHdlc, [0x0f, 0, ...be16(0x0800)]],
  ["PPPoE without Ethernet", LinkType.pppEther, [0x11, 0, 0, 1, 0, 42, 0, 0x21]],
  ["PPP with direction", LinkType.pppWithDirection, [1, 0xff, 3, 0, 0x21]],
];

for (const [name, linkType, before] of WRAPPINGS) {
  Deno.test(`IPv4 in ${name}`, () => {
    const packet = decoded([...before, ...ipv4(SYN)], linkType);
    assert.equal(packet.result, DecodeResult.ok);
    assert.equal(packet.family, 4);
    assert.equal(packet.source0 >>> 0, 0xc0000201);
    assert.equal(packet.destination0 >>> 0, 0xc6336402);
    assert.deepEqual([packet.sourcePort, packet.destinationPort], [40000, 443]);
    assert.equal(packet.tcpFlags, TcpFlag.syn);
  });

  Deno.test(`${name} cut off anywhere is no error`, () => {
    const frame = [...before, ...ipv4(SYN)];
    for (let length = 0; length < before.length + 20; length++) {
      assert.notEqual(decoded(frame.slice(0, length), linkType).result, DecodeResult.ok);
    }
  });
}

Deno.test("cooked captures tell direction and interface", () => {
  const sll2 = (
    type: number,
  ) => [...be16(0x0800), 0, 0, ...be32(7), 0, 1, type, 6, ...Array(8).fill(0)];
  const incoming = decoded([...sll2(0), ...ipv4(SYN)], LinkType.linuxSll2);
  assert.deepEqual([incoming.direction, incoming.interfaceIndex], [Direction.incoming, 7]);
  assert.equal(
    decoded([...sll2(4), ...ipv4(SYN)], LinkType.linuxSll2).direction,
    Direction.outgoing,
  );
  assert.ok(decoded([...sll2(1), ...ipv4(SYN)], LinkType.linuxSll2).isToMany);
});

Deno.test("IPv4 options move the transport header", () => {
  const packet = decoded(ipv4(SYN, { options: [7, 7, 4, 0, 0, 0, 0, 0] }), LinkType.raw);
  assert.equal(packet.destinationPort, 443);
});

Deno.test("what pads a short Ethernet frame is not the packet's", () => {
  const packet = decoded(
    ethernet(0x0800, [...ipv4(udp(1, 2).slice(0, 3), { protocol: 17 }), 0, 53, 0, 53]),
  );
  assert.equal(packet.hasPorts, false);
});

Deno.test("a later fragment has no ports, a tiny first one has no flags", () => {
  const later = decoded(ipv4(SYN, { fragment: 3, id: 9 }), LinkType.raw);
  assert.deepEqual([later.hasPorts, later.fragmentOffset, later.fragmentId], [false, 24, 9]);
  const tiny = decoded(ipv4(SYN.slice(0, 8), { fragment: 0x2000, id: 9 }), LinkType.raw);
  assert.deepEqual([tiny.hasPorts, tiny.hasTcpFlags, tiny.moreFragments], [true, false, true]);
});

Deno.test("headers that contradict themselves are malformed", () => {
  const short = ipv4(SYN);
  short[0] = 0x44;
  assert.equal(decoded(short, LinkType.raw).result, DecodeResult.malformed);
  assert.equal(
    decoded(ipv4(SYN, { totalLength: 10 }), LinkType.raw).result,
    DecodeResult.malformed,
  );
  assert.equal(decoded([0x50, ...Array(40).fill(0)], LinkType.raw).result, DecodeResult.malformed);
});

Deno.test("IPv6 extension headers are walked to the transport header", () => {
  const hopByHop = (next: number) => [next, 0, 5, 2, 0, 0, 1, 0];
  const routing = (next: number) => [next, 2, 0, 0, ...Array(20).fill(0)];
  const authentication = (next: number) => [next, 4, 0, 0, ...Array(20).fill(0)];
  const fragment = (next: number, field: number) => [next, 0, ...be16(field), 0, 0, 0, 7];
  const whole = [...hopByHop(43), ...routing(51), ...authentication(60), ...hopByHop(6), ...SYN];
  const packet = decoded(ipv6(whole, 0), LinkType.raw);
  assert.deepEqual([packet.family, packet.protocol, packet.destinationPort], [6, 6, 443]);
  const first = decoded(ipv6([...fragment(6, 1), ...SYN], 44), LinkType.raw);
  assert.deepEqual([first.moreFragments, first.destinationPort], [true, 443]);
  const later = decoded(ipv6([...fragment(6, 0x18), ...SYN], 44), LinkType.raw);
  assert.deepEqual([later.fragmentOffset, later.hasPorts, later.protocol], [24, false, 6]);
});

Deno.test("an IPv6 header on an IPv4 link is malformed", () => {
  assert.equal(decoded(ipv6(SYN), LinkType.ipv4).result, DecodeResult.malformed);
  assert.equal(decoded(ipv4(SYN), LinkType.ipv6).result, DecodeResult.malformed);
});

Deno.test("other protocols and links are told apart", () => {
  assert.equal(decoded(ethernet(0x0806, Array(28).fill(0))).result, DecodeResult.notIp);
  assert.equal(decoded([1, 2, 3], 107).result, DecodeResult.unknownLink);
});

Deno.test("ICMP: type, code and identifier", () => {
  const packet = decoded(ipv4([8, 0, 0, 0, 0x12, 0x34, 0, 1], { protocol: 1 }), LinkType.raw);
  assert.deepEqual([packet.icmpType, packet.icmpCode, packet.icmpId], [8, 0, 0x1234]);
});

Deno.test("an NFLOG record: prefix, hook, time, interface, the packet's own length", () => {
  const payload = ipv4(SYN);
  const seconds = 1_700_000_000;
  const frame = [
    2,
    0,
    0,
    7,
    ...tlv(1, [8, 0, 3, 0]),
    ...tlv(5, be32(4)),
    ...tlv(3, [0, 0, 0, 0, ...be32(seconds), 0, 0, 0, 0, ...be32(250_000)]),
    ...tlv(10, [...new TextEncoder().encode("pfw:ban:-"), 0]),
    ...tlv(9, payload),
  ];
  const packet = new ParsedPacket(), record = new NflogRecord();
  const bytes = new Uint8Array(frame);
  decodeNflog(packet, record, new DataView(bytes.buffer), 0, bytes.length);
  const prefix = new TextDecoder().decode(bytes.subarray(record.prefixStart, record.prefixEnd));
  assert.deepEqual(
    [prefix, record.hook, packet.seconds, packet.microseconds, packet.interfaceIndex],
    ["pfw:ban:-", 3, seconds, 250_000, 4],
  );
  assert.deepEqual(
    [packet.direction, packet.wireLength, packet.destinationPort],
    [Direction.outgoing, payload.length, 443],
  );
});

/** A number that matters more often than a random byte would bring it about. */
const interestingByte = fc.oneof(
  fc.nat(255),
  fc.constantFrom(0, 1, 4, 6, 0x08, 0x45, 0x60, 0x81, 0x86, 0xdd, 44, 51, 60, 0xff),
);
const linkTypes = [...Object.values(LinkType), 107, -1];

Deno.test("random bytes: never an error, never a look outside the packet", () => {
  fc.assert(
    fc.property(
      fc.array(interestingByte, { maxLength: 120 }),
      fc.constantFrom(...linkTypes),
      (frame, linkType) => {
        const packet = decoded(frame, linkType);
        assert.ok(packet.result >= 0 && packet.result <= DecodeResult.unknownLink);
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("mutated packets: never an error, never a look outside the packet", () => {
  const seeds = [
    ...WRAPPINGS.map(([, linkType, before]) => ({ linkType, frame: [...before, ...ipv4(SYN)] })),
    { linkType: LinkType.raw as number, frame: ipv6([6, 0, 5, 2, 0, 0, 1, 0, ...SYN], 0) },
  ];
  const mutation = fc.tuple(fc.nat(80), interestingByte);
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(mutation, { minLength: 1, maxLength: 6 }),
      fc.nat(80),
      ({ linkType, frame }, mutations, length) => {
        const copy = [...frame];
        for (const [at, value] of mutations) if (at < copy.length) copy[at] = value;
        decoded(copy.slice(0, Math.max(length, 1)), linkType);
        decoded(copy, linkType);
      },
    ),
    { numRuns: 5000 },
  );
});

Deno.test("random NFLOG records: never an error, never a look outside the record", () => {
  const record = new NflogRecord(), packet = new ParsedPacket();
  const part = fc.tuple(
    fc.constantFrom(1, 3, 4, 5, 9, 10, 99),
    fc.array(interestingByte, { maxLength: 60 }),
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 6 }),
      fc.array(fc.tuple(fc.nat(200), interestingByte), { maxLength: 4 }),
      (parts, mutations) => {
        const frame = [2, 0, 0, 7, ...parts.flatMap(([type, value]) => tlv(type, value))];
        for (const [at, value] of mutations) if (at < frame.length) frame[at] = value;
        decodeNflog(packet, record, guarded(frame), GUARD, GUARD + frame.length);
        assert.ok(record.prefixStart <= record.prefixEnd);
        assert.ok(record.prefixEnd <= GUARD + frame.length);
      },
    ),
    { numRuns: 5000 },
  );
});

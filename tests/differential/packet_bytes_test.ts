import { deepEqual, equal } from "node:assert/strict";
import { ParsedPacket, TcpFlag } from "../../engine/packet/packet.ts";
import { buildPacket, checksum, icmpBytes, tcpBytes, udpBytes } from "./packet_bytes.ts";
import { decodeShot } from "./matcher_fates.ts";

const V4 = {
  family: 4,
  source: [0x0a000001, 0, 0, 0],
  destination: [0x0a000002, 0, 0, 0],
} as const;
const V6 = {
  family: 6,
  source: [0x20010db8, 0, 0, 1],
  destination: [0x20010db8, 0, 0, 2],
} as const;

Deno.test("checksums are those of RFC 1071, and of packets seen elsewhere", () => {
  // The example of RFC 1071, section 3.
  equal(checksum([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), ~0xddf2 & 0xffff);
  // An IPv4 header of 192.168.0.1 to 192.168.0.199, UDP, 115 bytes: its checksum is 0xb861.
  const header = "4500007300004000401100" + "00" + "c0a80001c0a800c7";
  equal(checksum([...Uint8Array.fromHex(header)]), 0xb861);
});

/** The sum over a packet whose checksum is right, the pseudo header included, is 0. */
function sums(whole: Uint8Array, isV4: boolean, pseudo: boolean): number {
  const header = isV4 ? (whole[0] & 15) << 2 : 40;
  const transport = [...whole.subarray(header)];
  const protocol = isV4 ? whole[9] : whole[6];
  const addresses = [...(isV4 ? whole.subarray(12, 20) : whole.subarray(8, 40))];
  const length = [transport.length >> 8, transport.length & 255];
  const before = pseudo ? [...addresses, ...length, 0, protocol] : [];
  return checksum([...before, ...transport]);
}

Deno.test("every transport checksum fits its packet", () => {
  const ports = { sourcePort: 1, destinationPort: 2, sequence: 3, acknowledgement: 4 };
  const tcp = tcpBytes({ ...ports, flags: TcpFlag.syn, data: [1, 2, 3] });
  const udp = udpBytes(53, 5353, [9]);
  const ping = icmpBytes(8, 0, 7, [1]);
  const whole = (parts: typeof V4 | typeof V6, protocol: number, payload: number[]) =>
    buildPacket({ ...parts, id: 5, protocol, payload }).whole;
  equal(sums(whole(V4, 6, tcp), true, true), 0);
  equal(sums(whole(V6, 6, tcp), false, true), 0);
  equal(sums(whole(V4, 17, udp), true, true), 0);
  equal(sums(whole(V6, 17, udp), false, true), 0);
  equal(sums(whole(V4, 1, ping), true, false), 0);
  equal(sums(whole(V6, 58, ping), false, true), 0);
});

Deno.test("fragments carry the whole packet and nothing else", () => {
  const data = Array.from({ length: 3000 }, (_, at) => at & 255);
  for (const parts of [V4, { ...V6, headers: ["hop", "destination"] as const }]) {
    const built = buildPacket({
      ...parts,
      id: 77,
      protocol: 17,
      payload: udpBytes(1000, 2000, data),
      fragmentBytes: 1256,
    });
    equal(built.pieces.length, 3);
    const packet = new ParsedPacket();
    const joined: number[] = [];
    built.pieces.forEach((piece, at) => {
      const view = decodeShot(packet, piece, "in");
      equal(packet.fragmentOffset, at * 1256);
      equal(packet.moreFragments, at < 2);
      equal(packet.fragmentId, 77);
      // The first one's transport header lies behind the destination options that it carries.
      const start = at === 0 && parts.family === 6
        ? packet.transportOffset - 8
        : packet.transportOffset;
      joined.push(...new Uint8Array(view.buffer, start, packet.endOffset - start));
    });
    const whole = [...built.whole.subarray(parts.family === 4 ? 20 : 48)];
    deepEqual(joined, whole);
  }
});

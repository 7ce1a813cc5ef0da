/** Packets that nobody sent, to ask the matcher what it would do with them. */
import type { Prefix } from "../net/address.ts";
import { decodeIp } from "./decode.ts";
import { type ParsedPacket, Protocol } from "./packet.ts";

/** What such a packet says; addresses of one family, everything else may be left out. */
export interface SyntheticFields {
  readonly from: Prefix;
  readonly to: Prefix;
  /** IP protocol number. */
  readonly protocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly tcpFlags?: number;
  /** Sequence and acknowledgement number. */
  readonly sequence?: number;
  readonly acknowledgement?: number;
  /** ICMP or ICMPv6 type; code 0, identifier 1. */
  readonly icmpType?: number;
}

const TCP_HEADER = 20, UDP_HEADER = 8, ICMP_HEADER = 8;

/**
 * Writes the bytes of a whole packet (without checksums, which nobody here reads) and decodes
 * them; time and direction are the caller's.
 *
 * @returns the bytes
 */
export function synthesize(packet: ParsedPacket, fields: SyntheticFields): DataView {
  const header = fields.from.family === 4 ? 20 : 40;
  const view = new DataView(new ArrayBuffer(header + transportLength(fields.protocol)));
  writeNetwork(view, fields);
  writeTransport(view, header, fields);
  packet.capturedLength = packet.wireLength = view.byteLength;
  decodeIp(packet, view, 0, view.byteLength);
  return view;
}

function transportLength(protocol: number): number {
  if (protocol === Protocol.tcp) return TCP_HEADER;
  return protocol === Protocol.udp ? UDP_HEADER : ICMP_HEADER;
}

/** RFC 791 and RFC 8200. */
function writeNetwork(view: DataView, { from, to, protocol }: SyntheticFields): void {
  if (from.family === 4) {
    view.setUint8(0, 0x45);
    view.setUint16(2, view.byteLength);
    view.setUint8(8, 64);
    view.setUint8(9, protocol);
    view.setInt32(12, from.words[0]);
    view.setInt32(16, to.words[0]);
    return;
  }
  view.setUint8(0, 0x60);
  view.setUint16(4, view.byteLength - 40);
  view.setUint8(6, protocol);
  view.setUint8(7, 64);
  from.words.forEach((word, at) => view.setInt32(8 + 4 * at, word));
  to.words.forEach((word, at) => view.setInt32(24 + 4 * at, word));
}

/** RFC 9293, RFC 768, RFC 792 and RFC 4443. */
function writeTransport(view: DataView, at: number, fields: SyntheticFields): void {
  const { protocol, sourcePort = 0, destinationPort = 0, tcpFlags = 0, icmpType = 0 } = fields;
  if (protocol === Protocol.icmp || protocol === Protocol.icmpv6) {
    view.setUint8(at, icmpType);
    view.setUint16(at + 4, 1);
    return;
  }
  if (protocol !== Protocol.tcp && protocol !== Protocol.udp) return;
  view.setUint16(at, sourcePort);
  view.setUint16(at + 2, destinationPort);
  if (protocol === Protocol.udp) return view.setUint16(at + 4, UDP_HEADER);
  view.setInt32(at + 4, fields.sequence ?? 0);
  view.setInt32(at + 8, fields.acknowledgement ?? 0);
  view.setUint8(at + 12, (TCP_HEADER / 4) << 4);
  view.setUint8(at + 13, tcpFlags);
}

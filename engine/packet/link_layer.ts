/**
 * Link layers: from the first byte of a frame to the IP header. Numbers are libpcap's DLT_ values
 * as pcap_datalink(3PCAP) gives them on Linux; the formats are those of the tcpdump group's
 * "Link-layer header types".
 */
import { DecodeResult, Direction, type ParsedPacket } from "./packet.ts";

/** The link types that pfw reads. */
export const LinkType = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  raw: 12,
  rawBsd: 14,
  pppSerial: 50,
  pppEther: 51,
  rawLinkType: 101,
  ciscoHdlc: 104,
  loop: 108,
  linuxSll: 113,
  pppWithDirection: 204,
  ipv4: 228,
  ipv6: 229,
  nflog: 239,
  linuxSll2: 276,
} as const;

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/**
 * Finds the IP header of a frame: sets `networkOffset`, and `direction` and `interfaceIndex` where
 * the link layer knows them.
 *
 * @returns a `DecodeResult`; `ok` means that an IP header is due at `networkOffset`
 */
export function findNetworkLayer(
  packet: ParsedPacket,
  view: DataView,
  start: number,
  end: number,
  linkType: number,
): number {
  switch (linkType) {
    case LinkType.ethernet:
      if (end - start < 14) return DecodeResult.truncated;
      // The group bit of the destination address.
      packet.isToMany = (view.getUint8(start) & 1) !== 0;
      return afterEtherType(packet, view, start + 14, end, view.getUint16(start + 12));
    case LinkType.linuxSll2:
      return linuxSll2(packet, view, start, end);
    case LinkType.linuxSll:
      return linuxSll(packet, view, start, end);
    case LinkType.raw:
    case LinkType.rawBsd:
    case LinkType.rawLinkType:
    case LinkType.ipv4:
    case LinkType.ipv6:
      return found(packet, start);
    case LinkType.null:
    case LinkType.loop:
      return nullOrLoop(packet, view, start, end);
    case LinkType.ppp:
      return ppp(packet, view, start, end);
    case LinkType.pppSerial:
    case LinkType.ciscoHdlc:
      return serial(packet, view, start, end);
    case LinkType.pppEther:
      return pppoe(packet, view, start, end);
    case LinkType.pppWithDirection:
      if (end - start < 1) return DecodeResult.truncated;
      packet.direction = view.getUint8(start) === 0 ? Direction.incoming : Direction.outgoing;
      return ppp(packet, view, start + 1, end);
    default:
      return DecodeResult.unknownLink;
  }
}

function found(packet: ParsedPacket, at: number): number {
  packet.networkOffset = at;
  return DecodeResult.ok;
}

/** From an EtherType on: VLAN tags (802.1Q, 802.1ad QinQ), PPPoE, MPLS, LLC. */
function afterEtherType(
  packet: ParsedPacket,
  view: DataView,
  at: number,
  end: number,
  etherType: number,
): number {
  // Each turn consumes a tag, so the length of the frame bounds the loop.
  while (true) {
    switch (etherType) {
      case ETHERTYPE_IPV4:
      case ETHERTYPE_IPV6:
        return found(packet, at);
      case 0x8100: // 802.1Q
      case 0x88a8: // 802.1ad
      case 0x9100: // QinQ before 802.1ad
      case 0x9200:
        if (end - at < 4) return DecodeResult.truncated;
        etherType = view.getUint16(at + 2);
        at += 4;
        continue;
      case 0x8864: // PPPoE session, RFC 2516
        return pppoe(packet, view, at, end);
      case 0x8847: // MPLS unicast and multicast, RFC 3032
      case 0x8848:
        return mpls(packet, view, at, end);
      default:
        // Up to 1,500 the field is a length and 802.2 LLC follows.
        return etherType <= 1500 ? llc(packet, view, at, end) : DecodeResult.notIp;
    }
  }
}

/** 802.2 LLC: SNAP with the null organisation carries an EtherType (RFC 1042). */
function llc(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 3) return DecodeResult.truncated;
  if (view.getUint8(at) === 0x06 && view.getUint8(at + 1) === 0x06) return found(packet, at + 3);
  if (view.getUint8(at) !== 0xaa || view.getUint8(at + 1) !== 0xaa || view.getUint8(at + 2) !== 3) {
    return DecodeResult.notIp;
  }
  if (end - at < 8) return DecodeResult.truncated;
  if (view.getUint8(at + 3) !== 0 || view.getUint8(at + 4) !== 0 || view.getUint8(at + 5) !== 0) {
    return DecodeResult.notIp;
  }
  const etherType = view.getUint16(at + 6);
  return etherType === ETHERTYPE_IPV4 || etherType === ETHERTYPE_IPV6
    ? found(packet, at + 8)
    : DecodeResult.notIp;
}

/** An MPLS label stack; what follows the last label is told by its first four bits (RFC 4928). */
function mpls(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  for (; end - at >= 4; at += 4) {
    if ((view.getUint8(at + 2) & 1) === 0) continue;
    if (end - at < 5) return DecodeResult.truncated;
    const version = view.getUint8(at + 4) >> 4;
    return version === 4 || version === 6 ? found(packet, at + 4) : DecodeResult.notIp;
  }
  return DecodeResult.truncated;
}

/** A PPPoE header: version, code 0 for a session, session, length; then PPP without framing. */
function pppoe(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 8) return DecodeResult.truncated;
  if (view.getUint8(at + 1) !== 0) return DecodeResult.notIp;
  return afterPppProtocol(packet, view, at + 8, end, view.getUint16(at + 6));
}

/** PPP in HDLC-like framing: address and control may be left out, the protocol may be one byte. */
function ppp(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at >= 2 && view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0x03) at += 2;
  if (end - at < 2) return DecodeResult.truncated;
  // RFC 1661: an odd first byte is the whole of a compressed protocol field.
  if (view.getUint8(at) & 1) return afterPppProtocol(packet, view, at + 1, end, view.getUint8(at));
  return afterPppProtocol(packet, view, at + 2, end, view.getUint16(at));
}

/** IPv4, IPv6, MPLS unicast and multicast (IANA "PPP DLL Protocol Numbers"). */
function afterPppProtocol(
  packet: ParsedPacket,
  view: DataView,
  at: number,
  end: number,
  protocol: number,
): number {
  if (protocol === 0x0281 || protocol === 0x0283) return mpls(packet, view, at, end);
  return protocol === 0x0021 || protocol === 0x0057 ? found(packet, at) : DecodeResult.notIp;
}

/** A serial line: PPP (RFC 1662) or Cisco HDLC, told apart by the address byte. */
function serial(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 4) return DecodeResult.truncated;
  if (view.getUint8(at) === 0xff && view.getUint8(at + 1) === 0x03) {
    return ppp(packet, view, at, end);
  }
  if (view.getUint8(at) !== 0x0f && view.getUint8(at) !== 0x8f) return DecodeResult.notIp;
  return afterEtherType(packet, view, at + 4, end, view.getUint16(at + 2));
}

/** BSD loopback: an address family in the byte order of whoever captured, or (loop) big endian. */
function nullOrLoop(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 4) return DecodeResult.truncated;
  const little = view.getInt32(at, true), big = view.getInt32(at);
  const family = (little >>> 0) < (big >>> 0) ? little : big;
  // AF_INET is 2 everywhere; AF_INET6 is 10 on Linux, 24, 28 and 30 on the BSDs and macOS.
  const isIp = family === 2 || family === 10 || family === 24 || family === 28 || family === 30;
  return isIp ? found(packet, at + 4) : DecodeResult.notIp;
}

/** Linux cooked v1: packet type, ARPHRD, address length, address, protocol. */
function linuxSll(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 16) return DecodeResult.truncated;
  setPacketType(packet, view.getUint16(at));
  return afterCooked(packet, view, at + 16, end, view.getUint16(at + 14));
}

/** Linux cooked v2: protocol, reserved, interface index, ARPHRD, packet type, address. */
function linuxSll2(packet: ParsedPacket, view: DataView, at: number, end: number): number {
  if (end - at < 20) return DecodeResult.truncated;
  packet.interfaceIndex = (view.getUint16(at + 4) << 16) | view.getUint16(at + 6);
  setPacketType(packet, view.getUint8(at + 10));
  return afterCooked(packet, view, at + 20, end, view.getUint16(at));
}

/**
 * The same of a packet whose cooked header is told apart from its bytes, as packet(7) does.
 *
 * @param start where the network layer, or what stands before it, begins
 * @param protocol EtherType, or a number of Linux's own
 * @param packetType PACKET_HOST to PACKET_OUTGOING
 */
export function findCookedLayer(
  packet: ParsedPacket,
  view: DataView,
  start: number,
  end: number,
  protocol: number,
  packetType: number,
): number {
  setPacketType(packet, packetType);
  return afterCooked(packet, view, start, end, protocol);
}

/** Cooked protocol numbers below 1,536 are Linux's own; 4 is 802.2 (ETH_P_802_2). */
function afterCooked(
  packet: ParsedPacket,
  view: DataView,
  at: number,
  end: number,
  protocol: number,
): number {
  if (protocol === 4) return llc(packet, view, at, end);
  return protocol < 1536 ? DecodeResult.notIp : afterEtherType(packet, view, at, end, protocol);
}

/** PACKET_HOST, _BROADCAST, _MULTICAST arrive; _OTHERHOST only passes by; _OUTGOING leaves. */
function setPacketType(packet: ParsedPacket, type: number): void {
  packet.isToMany = type === 1 || type === 2;
  if (type <= 2) packet.direction = Direction.incoming;
  else if (type === 4) packet.direction = Direction.outgoing;
}

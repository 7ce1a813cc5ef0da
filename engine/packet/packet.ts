/**
 * One decoded packet. A single object is filled again for every packet, so nothing on the hot
 * path allocates: whoever keeps anything past the call copies it.
 */

/** Where a packet goes, seen from this machine. */
export const Direction = {
  unknown: 0,
  incoming: 1,
  outgoing: 2,
  forwarded: 3,
  local: 4,
} as const;

/** The names of the directions, by number, as the database and JSON show them. */
export const DIRECTIONS = ["unknown", "incoming", "outgoing", "forwarded", "local"] as const;

/** How far the decoder got, and why no further. A closed set that also names the metrics. */
export const DecodeResult = {
  /** Addresses, and ports where the protocol has them, are valid. */
  ok: 0,
  /** Not IP at all: ARP, spanning tree, a vendor's frame. Addresses are not valid. */
  notIp: 1,
  /** The capture ends before the link-layer or IP header does. */
  truncated: 2,
  /** The IP header contradicts itself (version, header length). */
  malformed: 3,
  /** The link type is not one that pfw reads. */
  unknownLink: 4,
} as const;

/** Names of the decode results, by number. */
export const DECODE_RESULTS = ["ok", "not_ip", "truncated", "malformed", "unknown_link"] as const;

/** IP protocol numbers that pfw speaks of (IANA "Protocol Numbers"). */
export const Protocol = { icmp: 1, tcp: 6, udp: 17, icmpv6: 58 } as const;

/** The bits of `ParsedPacket.tcpFlags` (RFC 9293, section 3.1). */
export const TcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32 } as const;

/** One packet; which fields are valid depends on `result` as each comment says. */
export class ParsedPacket {
  /** One of `DecodeResult`. Always valid. */
  result = 0;
  /** Seconds since 1970, UTC. Always valid. */
  seconds = 0;
  /** 0 to 999,999. Always valid. */
  microseconds = 0;
  /** Bytes captured and bytes on the wire, the link layer's header included. Always valid. */
  capturedLength = 0;
  wireLength = 0;
  /** One of `Direction`. Always valid. */
  direction = 0;
  /** The link layer delivered it to many (broadcast, multicast). Always valid. */
  isToMany = false;
  /** Index of the interface where the link layer says so (cooked v2, NFLOG), else 0. */
  interfaceIndex = 0;
  /** 4 or 6; 0 unless `result` is ok. */
  family = 0;
  /** Transport protocol number after all extension headers. Valid when `result` is ok. */
  protocol = 0;
  /** Source address, four signed words; IPv4 in the first, the others 0. Valid when ok. */
  source0 = 0;
  source1 = 0;
  source2 = 0;
  source3 = 0;
  /** Destination address, as above. */
  destination0 = 0;
  destination1 = 0;
  destination2 = 0;
  destination3 = 0;
  /**
   * TCP and UDP ports, else 0; `hasPorts` says whether they were read. Not so in a later fragment,
   * nor in a first one too short to hold them (RFC 1858).
   */
  hasPorts = false;
  sourcePort = 0;
  destinationPort = 0;
  /** Valid when `hasTcpFlags`. */
  hasTcpFlags = false;
  tcpFlags = 0;
  /** Sequence and acknowledgement number as signed words; of meaning with `hasTcpFlags` only. */
  tcpSequence = 0;
  tcpAcknowledgement = 0;
  /** ICMP and ICMPv6, else -1. */
  icmpType = -1;
  icmpCode = -1;
  /** Bytes 4 to 5 of an ICMP message: the identifier of an echo. 0 elsewhere. */
  icmpId = 0;
  /** Offset in bytes of this fragment's data; 0 for a whole packet or a first fragment. */
  fragmentOffset = 0;
  moreFragments = false;
  /** IP identification of a fragment, else 0. */
  fragmentId = 0;
  /** Offset of the IP header and of the transport header in the buffer. Valid when ok. */
  networkOffset = 0;
  transportOffset = 0;
  /** One past the last captured byte of the packet in the buffer. Always valid. */
  endOffset = 0;
}

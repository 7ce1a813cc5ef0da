/**
 * What tells one connection from another beside its addresses, and what may begin one: the
 * kernel's rules (nf_conntrack_proto_tcp.c, _icmp.c, _icmpv6.c).
 */
import { type ParsedPacket, Protocol, TcpFlag } from "../packet/packet.ts";

/** What a packet can be to connection tracking before any connection is looked for. */
export const PacketClass = {
  /** May belong to a connection. */
  tracked: 0,
  /** An ICMP error: belongs to the connection of the packet that it quotes. */
  error: 1,
  /** Neighbour discovery and multicast listeners, which the kernel does not follow. */
  untracked: 2,
  /** Flags that no TCP sends, an unknown ICMP request, or a packet that ends in its headers. */
  invalid: 3,
} as const;

/** One object, filled again for every packet. */
export class FlowKey {
  /** `source << 16 | destination`; for ICMP `identifier << 16 | code << 8 | type`; else 0. */
  ports = 0;
  /** Whether the packet may be one of the side that opened the connection. */
  mayOpen = true;
  /** Whether it may be an answer. */
  mayReply = true;
  /** Whether it may be the first of a connection. */
  mayBegin = true;

  /** Fills the key. Returns a `PacketClass`. */
  fill(packet: ParsedPacket, ports: number): number {
    this.ports = ports;
    this.mayOpen = this.mayReply = this.mayBegin = true;
    // The kernel knows the rest of the packet, and what it is.
    if (packet.fragmentOffset > 0) return PacketClass.tracked;
    switch (packet.protocol) {
      case Protocol.tcp:
        return this.#fillTcp(packet);
      case Protocol.udp:
        return isShorter(packet, 8) ? PacketClass.invalid : PacketClass.tracked;
      case Protocol.icmp:
        return packet.family === 4 ? this.#fillIcmp(packet) : PacketClass.invalid;
      case Protocol.icmpv6:
        return packet.family === 6 ? this.#fillIcmpv6(packet) : PacketClass.invalid;
      default:
        return endsInHeaders(packet) ? PacketClass.invalid : PacketClass.tracked;
    }
  }

  /** Fills the key of a packet that an ICMP error quotes; false where it can be of no connection. */
  fillQuoted(packet: ParsedPacket): boolean {
    const { protocol } = packet;
    if (packet.fragmentOffset > 0) return false;
    if (protocol !== Protocol.tcp && protocol !== Protocol.udp) {
      return this.fill(packet, 0) === PacketClass.tracked;
    }
    this.ports = (packet.sourcePort << 16) | packet.destinationPort;
    this.mayOpen = this.mayReply = true;
    return packet.hasPorts;
  }

  #fillTcp(packet: ParsedPacket): number {
    if (isShorter(packet, 20)) return PacketClass.invalid;
    // A first fragment, or a capture, that ends before the flags do.
    if (!packet.hasTcpFlags) return PacketClass.tracked;
    const flags = packet.tcpFlags & ~TcpFlag.psh;
    const isReset = (flags & TcpFlag.rst) !== 0, isFinal = (flags & TcpFlag.fin) !== 0;
    const isSyn = (flags & TcpFlag.syn) !== 0, isAck = (flags & TcpFlag.ack) !== 0;
    if (!isValidTcp(flags)) return PacketClass.invalid;
    // Only a SYN, or an ACK of a connection that began before pfw did, may begin one.
    this.mayBegin = !isReset && !isFinal && (isSyn ? !isAck : isAck);
    return PacketClass.tracked;
  }

  #fillIcmp(packet: ParsedPacket): number {
    const { icmpType: type } = packet;
    if (isShorter(packet, 8)) return PacketClass.invalid;
    if (type === 3 || type === 4 || type === 5 || type === 11 || type === 12) {
      return PacketClass.error;
    }
    // Echo, timestamp, information, address mask.
    if (type === 8 || type === 13 || type === 15 || type === 17) return this.#request(packet, type);
    if (type === 0) return this.#answer(packet, 8);
    if (type === 14 || type === 16 || type === 18) return this.#answer(packet, type - 1);
    return PacketClass.invalid;
  }

  #fillIcmpv6(packet: ParsedPacket): number {
    const { icmpType: type } = packet;
    if (isShorter(packet, 8)) return PacketClass.invalid;
    if (type < 128) return PacketClass.error;
    if (type === 128 || type === 139) return this.#request(packet, type);
    if (type === 129 || type === 140) return this.#answer(packet, type - 1);
    if ((type >= 130 && type <= 136) || type === 143) return PacketClass.untracked;
    return PacketClass.invalid;
  }

  #request(packet: ParsedPacket, type: number): number {
    this.ports = (packet.icmpId << 16) | (packet.icmpCode << 8) | type;
    this.mayReply = false;
    return PacketClass.tracked;
  }

  #answer(packet: ParsedPacket, requestType: number): number {
    this.ports = (packet.icmpId << 16) | (packet.icmpCode << 8) | requestType;
    this.mayOpen = this.mayBegin = false;
    return PacketClass.tracked;
  }
}

/**
 * Whether the packet itself, and not only what was captured of it, has fewer bytes than a header of
 * its protocol. The rest of a fragment is in the fragments that follow. A packet that was made up
 * has no bytes at all, and nothing is missing of it.
 */
function isShorter(packet: ParsedPacket, bytes: number): boolean {
  return packet.endOffset - packet.transportOffset < bytes && !packet.moreFragments &&
    packet.capturedLength >= packet.wireLength && packet.capturedLength > 0;
}

/** Where the extension headers of an IPv6 packet lead nowhere, or say that nothing follows. */
function endsInHeaders({ family, protocol }: ParsedPacket): boolean {
  return family === 6 &&
    (protocol === 0 || protocol === 43 || protocol === 44 || protocol === 51 || protocol === 59 ||
      protocol === 60);
}

/** `source << 16 | destination` turned round; an ICMP key is the same both ways. */
export function swapPorts(protocol: number, ports: number): number {
  if (protocol === Protocol.icmp || protocol === Protocol.icmpv6) return ports;
  return (ports << 16) | (ports >>> 16);
}

const { fin: FIN, syn: SYN, rst: RST, ack: ACK, urg: URG } = TcpFlag;

/** The combinations that the kernel's `tcp_valid_flags` lists; PSH is left out before. */
function isValidTcp(flags: number): boolean {
  switch (flags) {
    case SYN:
    case SYN | URG:
    case SYN | ACK:
    case RST:
    case RST | ACK:
    case FIN | ACK:
    case FIN | ACK | URG:
    case ACK:
    case ACK | URG:
      return true;
    default:
      return false;
  }
}

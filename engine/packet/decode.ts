/**
 * From bytes to a `ParsedPacket`. Never throws, never reads outside `start..end`: what it cannot
 * read is left out and `result` says why.
 */
import { findCookedLayer, findNetworkLayer, LinkType } from "./link_layer.ts";
import { DecodeResult, Direction, type ParsedPacket, Protocol } from "./packet.ts";

/**
 * Decodes one frame into `packet`. The time and `wireLength` are the caller's to set.
 *
 * @param start first byte of the frame in `view`
 * @param end one past the last captured byte
 * @param linkType libpcap's DLT_ number
 */
export function decode(
  packet: ParsedPacket,
  view: DataView,
  start: number,
  end: number,
  linkType: number,
): void {
  clear(packet);
  packet.endOffset = end;
  packet.capturedLength = end - start;
  const result = findNetworkLayer(packet, view, start, end, linkType);
  packet.result = result;
  if (result === DecodeResult.ok) decodeNetwork(packet, view, end, linkType);
}

/** The same of a packet that begins with its network layer; see `findCookedLayer`. */
export function decodeCooked(
  packet: ParsedPacket,
  view: DataView,
  start: number,
  end: number,
  protocol: number,
  packetType: number,
): void {
  clear(packet);
  packet.endOffset = end;
  packet.capturedLength = end - start;
  const result = findCookedLayer(packet, view, start, end, protocol, packetType);
  packet.result = result;
  if (result === DecodeResult.ok) decodeNetwork(packet, view, end, LinkType.linuxSll2);
}

/** Decodes the IP header at `packet.networkOffset` and what follows it. */
function decodeNetwork(
  packet: ParsedPacket,
  view: DataView,
  end: number,
  linkType: number,
): void {
  const at = packet.networkOffset;
  if (at >= end) {
    packet.result = DecodeResult.truncated;
    return;
  }
  const version = view.getUint8(at) >> 4;
  if (version === 4 && linkType !== LinkType.ipv6) decodeIpv4(packet, view, at, end);
  else if (version === 6 && linkType !== LinkType.ipv4) decodeIpv6(packet, view, at, end);
  else packet.result = DecodeResult.malformed;
}

/** Decodes bytes that begin with an IP header, such as an NFLOG payload. */
export function decodeIp(
  packet: ParsedPacket,
  view: DataView,
  start: number,
  end: number,
): void {
  decode(packet, view, start, end, LinkType.raw);
}

function clear(packet: ParsedPacket): void {
  packet.direction = Direction.unknown;
  packet.isToMany = false;
  packet.interfaceIndex = 0;
  packet.family = 0;
  packet.protocol = 0;
  packet.hasPorts = false;
  packet.sourcePort = 0;
  packet.destinationPort = 0;
  packet.hasTcpFlags = false;
  packet.tcpFlags = 0;
  packet.icmpType = -1;
  packet.icmpCode = -1;
  packet.icmpId = 0;
  packet.fragmentOffset = 0;
  packet.moreFragments = false;
  packet.fragmentId = 0;
}

/** RFC 791. */
function decodeIpv4(packet: ParsedPacket, view: DataView, at: number, end: number): void {
  if (end - at < 20) {
    packet.result = DecodeResult.truncated;
    return;
  }
  const headerLength = (view.getUint8(at) & 15) << 2;
  const totalLength = view.getUint16(at + 2);
  // A total length of 0 is a segment that the network card has yet to cut (TSO, BIG TCP).
  if (headerLength < 20 || (totalLength !== 0 && totalLength < headerLength)) {
    packet.result = DecodeResult.malformed;
    return;
  }
  packet.family = 4;
  packet.protocol = view.getUint8(at + 9);
  packet.source0 = view.getInt32(at + 12);
  packet.source1 = packet.source2 = packet.source3 = 0;
  packet.destination0 = view.getInt32(at + 16);
  packet.destination1 = packet.destination2 = packet.destination3 = 0;
  const fragment = view.getUint16(at + 6);
  packet.moreFragments = (fragment & 0x2000) !== 0;
  packet.fragmentOffset = (fragment & 0x1fff) << 3;
  if ((fragment & 0x3fff) !== 0) packet.fragmentId = view.getUint16(at + 4);
  // Ethernet pads short frames: what lies past the total length is not the packet's.
  if (totalLength !== 0 && at + totalLength < end) end = at + totalLength;
  packet.endOffset = end;
  packet.transportOffset = at + headerLength;
  decodeTransport(packet, view, packet.transportOffset, end);
}

/** RFC 8200. */
function decodeIpv6(packet: ParsedPacket, view: DataView, at: number, end: number): void {
  if (end - at < 40) {
    packet.result = DecodeResult.truncated;
    return;
  }
  packet.family = 6;
  packet.source0 = view.getInt32(at + 8);
  packet.source1 = view.getInt32(at + 12);
  packet.source2 = view.getInt32(at + 16);
  packet.source3 = view.getInt32(at + 20);
  packet.destination0 = view.getInt32(at + 24);
  packet.destination1 = view.getInt32(at + 28);
  packet.destination2 = view.getInt32(at + 32);
  packet.destination3 = view.getInt32(at + 36);
  const payloadLength = view.getUint16(at + 4);
  // A payload length of 0 is a jumbogram (RFC 2675) or a segment yet to be cut.
  if (payloadLength !== 0 && at + 40 + payloadLength < end) end = at + 40 + payloadLength;
  packet.endOffset = end;
  skipExtensionHeaders(packet, view, at + 40, end, view.getUint8(at + 6));
}

/**
 * Walks the extension headers. Each is at least eight view, so the packet bounds the walk. A
 * header cut off leaves `protocol` at its own number and no ports.
 */
function skipExtensionHeaders(
  packet: ParsedPacket,
  view: DataView,
  at: number,
  end: number,
  next: number,
): void {
  while (isExtensionHeader(next) && end - at >= 8) {
    let length = (view.getUint8(at + 1) + 1) << 3;
    if (next === FRAGMENT) {
      length = 8;
      readFragmentHeader(packet, view, at);
      if (packet.fragmentOffset > 0) {
        // What follows belongs to the middle of the packet, whatever it looks like.
        packet.protocol = view.getUint8(at);
        packet.transportOffset = at + 8;
        return;
      }
    } else if (next === AUTHENTICATION) {
      length = (view.getUint8(at + 1) + 2) << 2;
    }
    next = view.getUint8(at);
    at += length;
  }
  packet.protocol = next;
  packet.transportOffset = at;
  decodeTransport(packet, view, at, end);
}

const HOP_BY_HOP = 0, ROUTING = 43, FRAGMENT = 44, AUTHENTICATION = 51, DESTINATION = 60;

function isExtensionHeader(next: number): boolean {
  return next === HOP_BY_HOP || next === ROUTING || next === FRAGMENT ||
    next === AUTHENTICATION || next === DESTINATION;
}

function readFragmentHeader(packet: ParsedPacket, view: DataView, at: number): void {
  const field = view.getUint16(at + 2);
  packet.fragmentOffset = field & 0xfff8;
  packet.moreFragments = (field & 1) !== 0;
  packet.fragmentId = view.getInt32(at + 4);
}

/**
 * Ports, flags and types, each only where the first fragment really holds it: RFC 1858's tiny
 * fragments put the TCP flags into a second fragment to pass a filter that guesses.
 */
function decodeTransport(packet: ParsedPacket, view: DataView, at: number, end: number): void {
  if (packet.fragmentOffset !== 0) return;
  const available = end - at;
  switch (packet.protocol) {
    case Protocol.tcp:
      if (available >= 14) {
        packet.hasTcpFlags = true;
        packet.tcpFlags = view.getUint8(at + 13) & 63;
        packet.tcpSequence = view.getInt32(at + 4);
        packet.tcpAcknowledgement = view.getInt32(at + 8);
      }
      readPorts(packet, view, at, available);
      return;
    case Protocol.udp:
      readPorts(packet, view, at, available);
      return;
    case Protocol.icmp:
    case Protocol.icmpv6:
      if (available < 2) return;
      packet.icmpType = view.getUint8(at);
      packet.icmpCode = view.getUint8(at + 1);
      if (available >= 6) packet.icmpId = view.getUint16(at + 4);
  }
}

function readPorts(packet: ParsedPacket, view: DataView, at: number, available: number): void {
  if (available < 4) return;
  packet.hasPorts = true;
  packet.sourcePort = view.getUint16(at);
  packet.destinationPort = view.getUint16(at + 2);
}

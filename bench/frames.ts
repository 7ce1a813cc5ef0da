/** Writes Ethernet frames with IP, TCP, UDP and ICMP, checksums included. */
import { Protocol } from "../engine/packet/packet.ts";

/** What a frame says. */
export interface FrameFields {
  readonly family: 4 | 6;
  /** Four words; IPv4 uses the first. */
  readonly source: readonly number[];
  readonly destination: readonly number[];
  readonly sourceMac: number;
  readonly destinationMac: number;
  /** TCP, UDP, or ICMP echo of the family. */
  readonly protocol: number;
  /** Of an ICMP echo: type and identifier. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly tcpFlags: number;
  /** Bytes after the transport header, all zero. */
  readonly payload: number;
}

const ETHERNET = 14, IPV4 = 20, IPV6 = 40, TCP = 20, UDP = 8, ICMP = 8;

/** Bytes of a frame. */
export function frameLength({ family, protocol, payload }: FrameFields): number {
  return ETHERNET + (family === 4 ? IPV4 : IPV6) + transportHeader(protocol) + payload;
}

function transportHeader(protocol: number): number {
  return protocol === Protocol.tcp ? TCP : protocol === Protocol.udp ? UDP : ICMP;
}

/**
 * Writes a frame at `at`, where the view holds zeros or an earlier frame.
 *
 * @returns one past its last byte
 */
export function writeFrame(view: DataView, at: number, frame: FrameFields): number {
  const end = at + frameLength(frame);
  new Uint8Array(view.buffer, view.byteOffset + at, end - at).fill(0);
  writeMac(view, at, frame.destinationMac);
  writeMac(view, at + 6, frame.sourceMac);
  view.setUint16(at + 12, frame.family === 4 ? 0x0800 : 0x86dd);
  const ip = at + ETHERNET;
  const transport = ip + (frame.family === 4 ? IPV4 : IPV6);
  if (frame.family === 4) writeIpv4(view, ip, end, frame);
  else writeIpv6(view, ip, end - transport, frame);
  writeTransport(view, transport, frame);
  const checksumAt = transport +
    (frame.protocol === Protocol.tcp ? 16 : frame.protocol === Protocol.udp ? 6 : 2);
  view.setUint16(checksumAt, transportChecksum(view, transport, end, frame));
  return end;
}

/** A locally administered address, 02:00 and a word. */
function writeMac(view: DataView, at: number, mac: number): void {
  view.setUint16(at, 0x0200);
  view.setUint32(at + 2, mac);
}

/** RFC 791. */
function writeIpv4(view: DataView, at: number, end: number, frame: FrameFields): void {
  view.setUint8(at, 0x45);
  view.setUint16(at + 2, end - at);
  view.setUint16(at + 6, 0x4000); // do not fragment
  view.setUint8(at + 8, 64);
  view.setUint8(at + 9, frame.protocol);
  view.setInt32(at + 12, frame.source[0]);
  view.setInt32(at + 16, frame.destination[0]);
  view.setUint16(at + 10, ~fold(sum(view, at, at + IPV4)) & 0xffff);
}

/** RFC 8200. */
function writeIpv6(view: DataView, at: number, payload: number, frame: FrameFields): void {
  view.setUint8(at, 0x60);
  view.setUint16(at + 4, payload);
  view.setUint8(at + 6, frame.protocol);
  view.setUint8(at + 7, 64);
  frame.source.forEach((word, index) => view.setInt32(at + 8 + 4 * index, word));
  frame.destination.forEach((word, index) => view.setInt32(at + 24 + 4 * index, word));
}

function writeTransport(view: DataView, at: number, frame: FrameFields): void {
  const { protocol, sourcePort, destinationPort } = frame;
  if (protocol === Protocol.icmp || protocol === Protocol.icmpv6) {
    view.setUint8(at, sourcePort);
    view.setUint16(at + 4, destinationPort);
    return;
  }
  view.setUint16(at, sourcePort);
  view.setUint16(at + 2, destinationPort);
  if (protocol === Protocol.udp) {
    view.setUint16(at + 4, UDP + frame.payload);
    return;
  }
  view.setUint8(at + 12, (TCP / 4) << 4);
  view.setUint8(at + 13, frame.tcpFlags);
  view.setUint16(at + 14, 0xffff);
}

/** RFC 1071 over the pseudo header and the message; the payload's zeros add nothing. */
function transportChecksum(view: DataView, at: number, end: number, frame: FrameFields): number {
  let total = sum(view, at, at + transportHeader(frame.protocol));
  if (frame.protocol !== Protocol.icmp) {
    for (const word of [...frame.source, ...frame.destination]) {
      total += (word >>> 16) + (word & 0xffff);
    }
    total += end - at + frame.protocol;
  }
  const checksum = ~fold(total) & 0xffff;
  // For UDP 0 means that there is none (RFC 768).
  return checksum === 0 && frame.protocol === Protocol.udp ? 0xffff : checksum;
}

function sum(view: DataView, start: number, end: number): number {
  let total = 0;
  for (let at = start; at < end; at += 2) total += view.getUint16(at);
  return total;
}

function fold(total: number): number {
  while (total > 0xffff) total = (total >>> 16) + (total & 0xffff);
  return total;
}

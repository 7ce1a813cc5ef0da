/** Whole IP packets with right checksums, and the fragments that they may travel in. */
import type { Family, Prefix } from "../../engine/net/address.ts";
import { Protocol } from "../../engine/packet/packet.ts";
import { be16, be32 } from "../packet/frames.ts";

/** An address as four words; IPv4 in the first. */
export type Words = Prefix["words"];

/** An extension header of IPv6 that says nothing (RFC 8200, section 4): eight bytes of padding. */
export type ExtensionHeader = "hop" | "routing" | "destination";

/** One packet in parts. */
export interface PacketParts {
  readonly family: Family;
  readonly source: Words;
  readonly destination: Words;
  /** 1 to 65,535: IPv4 identification, IPv6 flow label. By it a report is told from the others. */
  readonly id: number;
  readonly protocol: number;
  /** Transport header and data; its checksum is filled in for TCP, UDP and ICMP. */
  readonly payload: readonly number[];
  /** Bytes of IPv4 options, a multiple of four. */
  readonly options?: readonly number[];
  /** In order; a hop-by-hop header stands first. */
  readonly headers?: readonly ExtensionHeader[];
  /** Bytes of the IP payload in each fragment, a multiple of 8; 0: the packet is sent whole. */
  readonly fragmentBytes?: number;
}

/** The packet whole, and the pieces in which it is sent: itself, or its fragments in order. */
export interface BuiltPacket {
  readonly whole: Uint8Array<ArrayBuffer>;
  readonly pieces: readonly Uint8Array<ArrayBuffer>[];
}

const HEADER_NUMBERS: Record<ExtensionHeader, number> = { hop: 0, routing: 43, destination: 60 };
const FRAGMENT_HEADER = 44;
/** An experimental routing type with no segments left, which every host passes over. */
const ROUTING_TYPE = 253;
const PAD_N = 1;

/** Builds the packet. */
export function buildPacket(parts: PacketParts): BuiltPacket {
  return parts.family === 4 ? build4(parts) : build6(parts);
}

function build4(parts: PacketParts): BuiltPacket {
  const payload = withChecksum(parts);
  const whole = header4(parts, payload, 0);
  const size = parts.fragmentBytes ?? 0;
  if (size === 0 || payload.length <= size) return { whole, pieces: [whole] };
  const pieces = chunks(payload, size).map((chunk, at, all) =>
    header4(parts, chunk, (at < all.length - 1 ? 0x2000 : 0) | (at * size) >> 3)
  );
  return { whole, pieces };
}

function header4(parts: PacketParts, payload: readonly number[], fragment: number) {
  const options = parts.options ?? [];
  const length = 20 + options.length;
  const header = [
    0x40 | (length >> 2),
    0,
    ...be16(length + payload.length),
    ...be16(parts.id),
    ...be16(fragment),
    64,
    parts.protocol,
    0,
    0,
    ...be32(parts.source[0]),
    ...be32(parts.destination[0]),
    ...options,
  ];
  [header[10], header[11]] = be16(checksum(header));
  return Uint8Array.from([...header, ...payload]);
}

function build6(parts: PacketParts): BuiltPacket {
  const headers = parts.headers ?? [];
  const transport = withChecksum(parts);
  const numbers = headers.map((header) => HEADER_NUMBERS[header]);
  const chain = headers.flatMap((header, at) =>
    extension(header, numbers[at + 1] ?? parts.protocol)
  );
  const whole = header6(parts, numbers[0] ?? parts.protocol, [...chain, ...transport]);
  const size = parts.fragmentBytes ?? 0;
  // Destination options travel in the fragments, what every hop reads before them.
  const perHop = headers.filter((header) => header !== "destination").length;
  const before = chain.slice(0, 8 * perHop);
  const payload = [...chain.slice(8 * perHop), ...transport];
  if (size === 0 || payload.length <= size) return { whole, pieces: [whole] };
  const next = numbers[perHop] ?? parts.protocol;
  if (perHop > 0) before[8 * (perHop - 1)] = FRAGMENT_HEADER;
  const pieces = chunks(payload, size).map((chunk, at, all) => {
    const field = (at * size) | (at < all.length - 1 ? 1 : 0);
    const fragment = [next, 0, ...be16(field), ...be32(parts.id)];
    return header6(parts, perHop > 0 ? numbers[0] : FRAGMENT_HEADER, [
      ...before,
      ...fragment,
      ...chunk,
    ]);
  });
  return { whole, pieces };
}

function header6(parts: PacketParts, next: number, payload: readonly number[]) {
  return Uint8Array.from([
    ...be32(0x60000000 | parts.id),
    ...be16(payload.length),
    next,
    64,
    ...parts.source.flatMap(be32),
    ...parts.destination.flatMap(be32),
    ...payload,
  ]);
}

function extension(header: ExtensionHeader, next: number): number[] {
  return header === "routing"
    ? [next, 0, ROUTING_TYPE, 0, 0, 0, 0, 0]
    : [next, 0, PAD_N, 4, 0, 0, 0, 0];
}

function chunks(bytes: readonly number[], size: number): number[][] {
  const parts: number[][] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.slice(at, at + size));
  return parts;
}

/** Where the checksum stands in the transport header, and whether it covers the addresses. */
const CHECKSUMS: Record<string, { at: number; pseudo: boolean }> = {
  [`4 ${Protocol.tcp}`]: { at: 16, pseudo: true },
  [`4 ${Protocol.udp}`]: { at: 6, pseudo: true },
  [`4 ${Protocol.icmp}`]: { at: 2, pseudo: false },
  [`6 ${Protocol.tcp}`]: { at: 16, pseudo: true },
  [`6 ${Protocol.udp}`]: { at: 6, pseudo: true },
  [`6 ${Protocol.icmpv6}`]: { at: 2, pseudo: true },
};

function withChecksum(parts: PacketParts): number[] {
  const payload = [...parts.payload];
  const where = CHECKSUMS[`${parts.family} ${parts.protocol}`];
  if (!where || payload.length < where.at + 2) return payload;
  payload[where.at] = payload[where.at + 1] = 0;
  const sum = checksum([...(where.pseudo ? pseudoHeader(parts) : []), ...payload]);
  // UDP writes a sum of 0 as its complement: 0 means that there is none (RFC 768).
  const written = sum === 0 && parts.protocol === Protocol.udp ? 0xffff : sum;
  [payload[where.at], payload[where.at + 1]] = be16(written);
  return payload;
}

function pseudoHeader(parts: PacketParts): number[] {
  const { family, source, destination, protocol, payload } = parts;
  const addresses = family === 4
    ? [source[0], destination[0]].flatMap(be32)
    : [...source, ...destination].flatMap(be32);
  return [...addresses, ...be32(payload.length), 0, 0, 0, protocol];
}

/** RFC 1071. */
export function checksum(bytes: readonly number[]): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at] << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** Fields of a TCP header. */
export interface TcpFields {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgement: number;
  readonly flags: number;
  readonly data?: readonly number[];
}

/** A TCP segment without options, its window half open. */
export function tcpBytes(fields: TcpFields): number[] {
  return [
    ...be16(fields.sourcePort),
    ...be16(fields.destinationPort),
    ...be32(fields.sequence),
    ...be32(fields.acknowledgement),
    0x50,
    fields.flags,
    ...be16(0x7fff),
    ...[0, 0, 0, 0],
    ...(fields.data ?? []),
  ];
}

/** A UDP datagram. */
export function udpBytes(sourcePort: number, destinationPort: number, data: readonly number[]) {
  return [
    ...be16(sourcePort),
    ...be16(destinationPort),
    ...be16(8 + data.length),
    0,
    0,
    ...data,
  ];
}

/** An ICMP or ICMPv6 message; `id` stands where an echo has its identifier. */
export function icmpBytes(type: number, code: number, id: number, data: readonly number[]) {
  return [type, code, 0, 0, ...be16(id), 0, 0, ...data];
}

/** Frames written field by field, for tests of the decoder. */

/** Bytes of a 16-bit number, big end first. */
export function be16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

/** Bytes of a 32-bit number, big end first. */
export function be32(value: number): number[] {
  return [...be16(value >>> 16), ...be16(value & 0xffff)];
}

/** Fields of an IPv4 header that tests vary. */
export interface Ipv4Fields {
  readonly protocol?: number;
  readonly source?: number;
  readonly destination?: number;
  /** Flags and offset, as in the header. */
  readonly fragment?: number;
  readonly id?: number;
  readonly options?: number[];
  readonly totalLength?: number;
}

/** An IPv4 packet. */
export function ipv4(payload: number[], fields: Ipv4Fields = {}): number[] {
  const options = fields.options ?? [];
  const headerLength = 20 + options.length;
  return [
    0x40 | (headerLength / 4),
    0,
    ...be16(fields.totalLength ?? headerLength + payload.length),
    ...be16(fields.id ?? 0),
    ...be16(fields.fragment ?? 0),
    64,
    fields.protocol ?? 6,
    0,
    0,
    ...be32(fields.source ?? 0xc0000201),
    ...be32(fields.destination ?? 0xc6336402),
    ...options,
    ...payload,
  ];
}

/** An IPv6 packet from 2001:db8::1 to 2001:db8::2. */
export function ipv6(payload: number[], next = 6, payloadLength = payload.length): number[] {
  const prefix = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  return [0x60, 0, 0, 0, ...be16(payloadLength), next, 64, ...prefix, 1, ...prefix, 2, ...payload];
}

/** A TCP header without options. */
export function tcp(source: number, destination: number, flags: number): number[] {
  return [
    ...be16(source),
    ...be16(destination),
    ...be32(1),
    ...be32(0),
    0x50,
    flags,
    4,
    0,
    0,
    0,
    0,
    0,
  ];
}

/** A UDP header. */
export function udp(source: number, destination: number): number[] {
  return [...be16(source), ...be16(destination), ...be16(8), 0, 0];
}

/** An Ethernet frame. */
export function ethernet(etherType: number, payload: number[]): number[] {
  return [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...be16(etherType), ...payload];
}

/** One TLV of an NFLOG record, padded to four bytes; lengths as a little-endian machine has them. */
export function tlv(type: number, value: number[]): number[] {
  const length = 4 + value.length;
  const padding = Array((4 - (length & 3)) & 3).fill(0);
  return [length & 255, length >> 8, type & 255, type >> 8, ...value, ...padding];
}

/**
 * IP addresses as the rest of pfw holds them: a family and four signed 32-bit words.
 *
 * Signed (`| 0`) because V8 keeps every signed 32-bit number as a small integer, so no address
 * on the hot path ever becomes a heap number. IPv4 uses word 0 only.
 */
import ipaddr from "ipaddr.js";

/** IP version. */
export type Family = 4 | 6;

/** Both families, for code that does the same for each. */
export const FAMILIES: readonly Family[] = [4, 6];

/** An address range `words/length`; bits past `length` are zero. */
export interface Prefix {
  readonly family: Family;
  /** Four signed 32-bit words in network order; IPv4 uses the first, the others are 0. */
  readonly words: readonly [number, number, number, number];
  /** 0 to 32 for IPv4, 0 to 128 for IPv6. */
  readonly length: number;
}

/** Bits in an address of that family. */
export function addressBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128;
}

/** The word with its first `bits` bits set; `bits` may lie outside 0..32. */
export function maskWord(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : (-1 << (32 - bits)) | 0;
}

/** Dotted quad of a word, e.g. `formatV4(0x7f000001)` is `127.0.0.1`. */
export function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** The canonical text of an IPv6 address (RFC 5952). */
export function formatV6(w0: number, w1: number, w2: number, w3: number): string {
  const groups = [
    w0 >>> 16,
    w0 & 0xffff,
    w1 >>> 16,
    w1 & 0xffff,
    w2 >>> 16,
    w2 & 0xffff,
    w3 >>> 16,
    w3 & 0xffff,
  ];
  const gap = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (gap.length < 2) return hex.join(":");
  return hex.slice(0, gap.start).join(":") + "::" + hex.slice(gap.start + gap.length).join(":");
}

function longestZeroRun(groups: number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
    if (length > 0) start += length - 1;
  }
  return best;
}

/** The text of an address given as words. */
export function formatAddress(family: Family, w0: number, w1: number, w2: number, w3: number) {
  return family === 4 ? formatV4(w0) : formatV6(w0, w1, w2, w3);
}

/** The text of a prefix; a full-length one is written as a plain address. */
export function formatPrefix(prefix: Prefix): string {
  const address = formatAddress(prefix.family, ...prefix.words);
  return prefix.length === addressBits(prefix.family) ? address : `${address}/${prefix.length}`;
}

/**
 * Reads `192.0.2.1`, `192.0.2.0/24`, `2001:db8::1`, `2001:db8::/32`.
 *
 * Strict: four decimal parts without leading zeros, no zone. Host bits of a CIDR are cleared, as
 * ufw and iptables do. IPv4-mapped IPv6 (`::ffff:192.0.2.1`) is the IPv4 address it stands for.
 * Anything else is `undefined`.
 */
export function parsePrefix(text: string): Prefix | undefined {
  if (text.indexOf(":") < 0) {
    const key = parseV4Key(text);
    if (key < 0) return undefined;
    const words: Prefix["words"] = [Math.floor(key / V4_KEY_STEP) | 0, 0, 0, 0];
    return { family: 4, words, length: key % V4_KEY_STEP };
  }
  const slash = text.indexOf("/");
  const address = withHexTail(slash < 0 ? text : text.slice(0, slash));
  let length = slash < 0 ? -1 : parseLength(text.slice(slash + 1));
  if (slash >= 0 && length < 0) return undefined;
  if (length > 128 || address.indexOf("%") >= 0 || !ipaddr.IPv6.isValid(address)) return undefined;
  const parsed = ipaddr.IPv6.parse(address);
  if (length < 0) length = 128;
  const parts = parsed.parts;
  const words = [0, 2, 4, 6].map((at) => (parts[at] << 16) | parts[at + 1]);
  if (parsed.isIPv4MappedAddress() && length >= 96) {
    return { family: 4, words: [words[3] & maskWord(length - 96), 0, 0, 0], length: length - 96 };
  }
  const masked = words.map((word, at) => word & maskWord(length - 32 * at));
  return { family: 6, words: masked as unknown as Prefix["words"], length };
}

/**
 * `2001:db8::192.0.2.1` as `2001:db8::c000:201` (RFC 4291, section 2.2). ipaddr.js would take the
 * long deprecated `::192.0.2.1` for the mapped address `::ffff:192.0.2.1`, another machine.
 */
function withHexTail(text: string): string {
  if (text.indexOf(".") < 0) return text;
  const tail = text.slice(text.lastIndexOf(":") + 1);
  const word = parseV4(tail, tail.length);
  // What is no dotted quad stays, and is refused for it.
  if (word < 0) return text;
  const hex = (group: number) => group.toString(16);
  return text.slice(0, -tail.length) + `${hex(word >>> 16)}:${hex(word & 0xffff)}`;
}

/** A single address, its zone (`%eth0`) left out; `undefined` for anything else. */
export function parseSingle(text: string): Prefix | undefined {
  const prefix = parsePrefix(text.replace(/%.*$/, ""));
  return prefix && prefix.length === addressBits(prefix.family) ? prefix : undefined;
}

/** An IPv4-mapped IPv6 address as the IPv4 address it stands for; any other as it is. */
export function unmapped(address: Prefix): Prefix {
  const [w0, w1, w2, w3] = address.words;
  const isMapped = address.family === 6 && address.length === 128 && w0 === 0 && w1 === 0 &&
    w2 === 0xffff;
  return isMapped ? { family: 4, words: [w3, 0, 0, 0], length: 32 } : address;
}

function parseLength(text: string): number {
  return /^(0|[1-9]\d{0,2})$/.test(text) ? Number(text) : -1;
}

/** Whether `parsePrefix` can read the text; for lists too long to make an object of each entry. */
export function isPrefix(text: string): boolean {
  return text.indexOf(":") < 0 ? parseV4Key(text) >= 0 : parsePrefix(text) !== undefined;
}

/** More than any length of an IPv4 prefix. */
export const V4_KEY_STEP = 64;

/**
 * An IPv4 address or CIDR range as one number, `address * V4_KEY_STEP + length`, which sorts by
 * address and the wider first; -1 for anything else.
 */
export function parseV4Key(text: string): number {
  const slash = text.indexOf("/");
  const length = slash < 0 ? 32 : parseLength(text.slice(slash + 1));
  const address = parseV4(text, slash < 0 ? text.length : slash);
  if (address < 0 || length < 0 || length > 32) return -1;
  return ((address & maskWord(length)) >>> 0) * V4_KEY_STEP + length;
}

/** Strict dotted quad, unsigned, or -1. Written out: lists hold hundreds of thousands of them. */
function parseV4(text: string, end: number): number {
  if (end > 15) return -1;
  let word = 0, part = 0, digits = 0, dots = 0;
  for (let at = 0; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x2e && digits > 0) {
      word = (word << 8) | part;
      part = digits = 0;
      dots++;
      continue;
    }
    if (code < 0x30 || code > 0x39 || (digits > 0 && part === 0)) return -1;
    part = part * 10 + code - 0x30;
    if (++digits > 3 || part > 255) return -1;
  }
  return dots === 3 && digits > 0 ? ((word << 8) | part) >>> 0 : -1;
}

/** Addresses as bytes of a text: a list has hundreds of thousands, and no string is made of them. */
import { maskWord, V4_KEY_STEP } from "../../engine/net/address.ts";
import { WIDEST } from "../special_ranges.ts";
import type { FeedEntries } from "./feed_entries.ts";

const DOT = 0x2e, SLASH = 0x2f, ZERO = 0x30, NINE = 0x39, COLON = 0x3a, DASH = 0x2d;

/** Longer than any entry that is an address, a CIDR range, or two addresses with a dash. */
const LONGEST = 64;

const latin1 = new TextDecoder("latin1");

/** The bytes from `start` to `end` as text, one character each. */
export function byteText(bytes: Uint8Array, start: number, end: number): string {
  return latin1.decode(bytes.subarray(start, end));
}

/** `parseV4Key` of the bytes from `start` to `end`; -1 where they are no IPv4 prefix. */
export function readV4Key(bytes: Uint8Array, start: number, end: number): number {
  let word = 0, part = 0, digits = 0, dots = 0, at = start;
  for (; at < end && bytes[at] !== SLASH; at++) {
    const code = bytes[at];
    if (code === DOT && digits > 0 && dots < 3) {
      word = (word << 8) | part;
      part = digits = 0;
      dots++;
      continue;
    }
    if (code < ZERO || code > NINE || (digits > 0 && part === 0)) return -1;
    part = part * 10 + code - ZERO;
    if (++digits > 3 || part > 255) return -1;
  }
  if (dots !== 3 || digits === 0) return -1;
  const length = at === end ? 32 : readNumber(bytes, at + 1, end);
  if (length < 0 || length > 32) return -1;
  return ((((word << 8) | part) & maskWord(length)) >>> 0) * V4_KEY_STEP + length;
}

/** A whole number without sign or leading zeros, at most nine digits; -1 for anything else. */
export function readNumber(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end || end - start > 9 || (bytes[start] === ZERO && end - start > 1)) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    if (bytes[at] < ZERO || bytes[at] > NINE) return -1;
    value = 10 * value + bytes[at] - ZERO;
  }
  return value;
}

/**
 * Adds the entry in the bytes from `start` to `end`: an address, a CIDR range, or an IPv4 range
 * `first-last`, which becomes as many prefixes as it takes.
 */
export function addEntry(
  entries: FeedEntries,
  bytes: Uint8Array,
  start: number,
  end: number,
  level: number,
): void {
  const key = readV4Key(bytes, start, end);
  if (key >= 0) return entries.addV4(key, level);
  if (end - start > LONGEST) return entries.refuse("malformed");
  let colon = false, dash = -1;
  for (let at = start; at < end; at++) {
    if (bytes[at] === COLON) colon = true;
    else if (bytes[at] === DASH) dash = at;
  }
  if (colon) return entries.addText(byteText(bytes, start, end), level);
  const first = dash < 0 ? -1 : readV4Key(bytes, start, dash);
  const last = dash < 0 ? -1 : readV4Key(bytes, dash + 1, end);
  const areSingle = first >= 0 && first % V4_KEY_STEP === 32 && last % V4_KEY_STEP === 32;
  if (!areSingle || first > last) return entries.refuse("malformed");
  addRange(entries, Math.floor(first / V4_KEY_STEP), Math.floor(last / V4_KEY_STEP), level);
}

/** Adds the fewest prefixes that hold exactly the addresses from `first` to `last`: 62 at most. */
function addRange(entries: FeedEntries, first: number, last: number, level: number): void {
  if (last - first >= 2 ** (32 - WIDEST[4])) return entries.refuse("too_wide");
  for (let at = first; at <= last;) {
    // As many low bits as are zero, and no more than fit: both by counting leading zeros.
    const zeros = at === 0 ? 31 : 31 - Math.clz32(at & -at);
    const bits = Math.min(zeros, 31 - Math.clz32(last - at + 1));
    entries.addV4(at * V4_KEY_STEP + 32 - bits, level);
    at += 2 ** bits;
  }
}

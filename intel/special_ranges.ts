/**
 * Which addresses no feed may block, whatever it says: those that belong to nobody on the internet.
 *
 * Sources: RFC 6890 and the IANA registries of special-purpose addresses, IPv4 and IPv6, as of 2026,
 * and of IPv6 unicast only 2000::/3, the part that IANA gives out (RFC 4291, section 2.4).
 */
import { type Family, maskWord, parsePrefix, type Prefix } from "../engine/net/address.ts";
import { covers } from "../engine/net/prefix_list.ts";
import type { RefusalCause } from "./feed.ts";

/** The widest prefixes that are taken from a feed. */
export const WIDEST: Readonly<Record<Family, number>> = { 4: 8, 6: 19 };

/** A special range and what it is. */
export interface SpecialRange {
  readonly text: string;
  readonly cause: RefusalCause;
}

/** The special ranges of both families; where two hold a prefix, the first one names it. */
export const SPECIAL_RANGES: readonly SpecialRange[] = [
  { text: "0.0.0.0/8", cause: "reserved" }, // this network (RFC 791)
  { text: "10.0.0.0/8", cause: "private" }, // RFC 1918
  { text: "100.64.0.0/10", cause: "private" }, // behind a provider's NAT (RFC 6598)
  { text: "127.0.0.0/8", cause: "loopback" },
  { text: "169.254.0.0/16", cause: "link_local" }, // RFC 3927
  { text: "172.16.0.0/12", cause: "private" }, // RFC 1918
  { text: "192.0.0.0/24", cause: "reserved" }, // IETF protocol assignments (RFC 6890)
  { text: "192.0.2.0/24", cause: "documentation" }, // RFC 5737
  { text: "192.31.196.0/24", cause: "reserved" }, // AS112 (RFC 7535)
  { text: "192.52.193.0/24", cause: "reserved" }, // multicast tunnels (RFC 7450)
  { text: "192.88.99.0/24", cause: "reserved" }, // 6to4 relays, deprecated (RFC 7526)
  { text: "192.168.0.0/16", cause: "private" }, // RFC 1918
  { text: "192.175.48.0/24", cause: "reserved" }, // AS112 (RFC 7534)
  { text: "198.18.0.0/15", cause: "reserved" }, // benchmarks (RFC 2544)
  { text: "198.51.100.0/24", cause: "documentation" }, // RFC 5737
  { text: "203.0.113.0/24", cause: "documentation" }, // RFC 5737
  { text: "224.0.0.0/4", cause: "multicast" }, // RFC 5771
  { text: "240.0.0.0/4", cause: "reserved" }, // RFC 1112; the last address is the broadcast
  { text: "224.0.0.0/3", cause: "multicast" }, // both of these at once, as lists of bogons have it
  { text: "::1/128", cause: "loopback" },
  { text: "fc00::/7", cause: "private" }, // RFC 4193
  { text: "fe80::/10", cause: "link_local" }, // RFC 4291
  { text: "fec0::/10", cause: "private" }, // site-local, deprecated (RFC 3879)
  { text: "ff00::/8", cause: "multicast" }, // RFC 4291
  { text: "2001::/23", cause: "reserved" }, // Teredo, benchmarks, ORCHID (RFC 2928)
  { text: "2001:db8::/32", cause: "documentation" }, // RFC 3849
  { text: "2002::/16", cause: "reserved" }, // 6to4: could hold any IPv4 address (RFC 3056)
  { text: "2620:4f:8000::/48", cause: "reserved" }, // AS112 (RFC 7534)
  { text: "3fff::/20", cause: "documentation" }, // RFC 9637
];

interface Special {
  readonly prefix: Prefix;
  readonly cause: RefusalCause;
}

const SPECIALS: readonly Special[] = SPECIAL_RANGES.map(({ text, cause }) => {
  const prefix = parsePrefix(text);
  if (!prefix) throw new RangeError(text);
  return { prefix, cause };
});

const SPECIALS4 = SPECIALS.filter(({ prefix }) => prefix.family === 4);
const WORDS4 = Int32Array.from(SPECIALS4, ({ prefix }) => prefix.words[0]);
const LENGTHS4 = Uint8Array.from(SPECIALS4, ({ prefix }) => prefix.length);
const SPECIALS6 = SPECIALS.filter(({ prefix }) => prefix.family === 6);

/** Which first bytes begin a special range: most addresses of a feed need no further look. */
const FIRST_BYTES = Uint8Array.from(
  { length: 256 },
  (_, byte) =>
    SPECIALS4.some(({ prefix }) =>
        (((byte << 24) ^ prefix.words[0]) & maskWord(Math.min(prefix.length, 8))) === 0
      )
      ? 1
      : 0,
);

/**
 * Why an IPv4 prefix may not come from a feed, `undefined` where it may.
 *
 * A prefix within a special range is named by it; then one that is too wide by that; then one
 * that holds a special range by the range.
 *
 * @param word the address, bits past `length` zero
 */
export function specialCause4(word: number, length: number): RefusalCause | undefined {
  if (length >= 8 && FIRST_BYTES[word >>> 24] === 0) return undefined;
  for (let at = 0; at < WORDS4.length; at++) {
    const within = LENGTHS4[at] <= length && (word & maskWord(LENGTHS4[at])) === WORDS4[at];
    if (within) return SPECIALS4[at].cause;
  }
  if (length < WIDEST[4]) return "too_wide";
  for (let at = 0; at < WORDS4.length; at++) {
    if ((WORDS4[at] & maskWord(length)) === word) return SPECIALS4[at].cause;
  }
  return undefined;
}

/** As `specialCause4`, for an IPv6 prefix; what lies outside 2000::/3 is at least `reserved`. */
export function specialCause6(prefix: Prefix): RefusalCause | undefined {
  const within = SPECIALS6.find((special) => covers(special.prefix, prefix));
  if (within) return within.cause;
  const isGlobal = prefix.length >= 3 && prefix.words[0] >>> 29 === 1;
  if (prefix.length < WIDEST[6] && (isGlobal || prefix.length < 3)) return "too_wide";
  const held = SPECIALS6.find((special) => covers(prefix, special.prefix));
  return held?.cause ?? (isGlobal ? undefined : "reserved");
}

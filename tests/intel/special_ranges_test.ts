import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBits,
  type Family,
  formatPrefix,
  maskWord,
  parsePrefix,
  type Prefix,
} from "../../engine/net/address.ts";
import { covers } from "../../engine/net/prefix_list.ts";
import type { RefusalCause } from "../../intel/feed.ts";
import { SPECIAL_RANGES, specialCause4, specialCause6 } from "../../intel/special_ranges.ts";
import { isSpecial } from "./naive_feed.ts";

function causeOf(prefix: Prefix): RefusalCause | undefined {
  return prefix.family === 4
    ? specialCause4(prefix.words[0], prefix.length)
    : specialCause6(prefix);
}

const named: Readonly<Record<RefusalCause | "none", readonly string[]>> = {
  none: [
    "1.0.0.0/8",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0/9",
    "126.0.0.0/8",
    "128.0.0.0/8",
    "172.15.255.255",
    "172.32.0.0/11",
    "192.0.1.0/24",
    "192.169.0.0/16",
    "198.20.0.0/14",
    "223.255.255.255",
    "2a00::/19",
    "2001:200::/23",
    "2001:678:254::/48",
    "2001:db9::/32",
    "2003::/19",
    "3ffe::1",
  ],
  too_wide: [
    "0.0.0.0/0",
    "0.0.0.0/7",
    "2.0.0.0/7",
    "64.0.0.0/2",
    "128.0.0.0/1",
    "2a00::/18",
    "::/0",
  ],
  private: [
    "10.1.2.3",
    "10.0.0.0/8",
    "172.0.0.0/8",
    "172.31.255.255",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fd12::1",
    "fec0::1",
  ],
  loopback: ["127.0.0.1", "127.0.0.0/8", "::1"],
  link_local: ["169.254.169.254", "169.0.0.0/8", "fe80::1", "fe80::/10"],
  multicast: ["224.0.0.1", "239.255.255.255", "224.0.0.0/3", "ff02::1", "ff00::/8"],
  documentation: ["192.0.2.9", "198.51.100.0/24", "203.0.113.1", "2001:db8::/32", "3fff::1"],
  reserved: [
    "0.0.0.0",
    "192.0.0.8",
    "192.88.99.1",
    "198.18.0.0/15",
    "255.255.255.255",
    "240.0.0.0/4",
    "::",
    "::c000:201",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2002:808:808::1",
    "2620:4f:8000::1",
    "4000::/19",
    "5f00::1",
  ],
  malformed: [],
  below_minimum: [],
  other_kind: [],
  protected: [],
};

for (const [cause, texts] of Object.entries(named).filter(([, { length }]) => length > 0)) {
  Deno.test(`special ranges: ${cause}`, () => {
    const expected = cause === "none" ? undefined : cause;
    for (const text of texts) assert.equal(causeOf(parsePrefix(text)!), expected, text);
  });
}

const specials = SPECIAL_RANGES.map(({ text }) => parsePrefix(text)!);

/** Any prefix, and often one that lies at the edge of a special range, or around one. */
const anyPrefix: fc.Arbitrary<Prefix> = fc.constantFrom<Family>(4, 6).chain((family) => {
  const near = specials.filter((special) => special.family === family);
  const word = fc.integer();
  const base = fc.oneof(
    fc.tuple(word, word, word, word),
    fc.tuple(fc.constantFrom(...near), fc.constantFrom(-1, 0, 1), fc.nat(3)).map(
      ([{ words }, step, at]) => words.map((bits, index) => index === at ? bits + step | 0 : bits),
    ),
  );
  return fc.tuple(base, fc.nat(addressBits(family))).map(([words, length]) => ({
    family,
    length,
    words: words.map((bits, at) =>
      family === 4 && at > 0 ? 0 : bits & maskWord(length - 32 * at)
    ) as unknown as Prefix["words"],
  }));
});

Deno.test("special ranges: refused is exactly what overlaps one, is too wide or is not given out", () => {
  fc.assert(
    fc.property(anyPrefix, (prefix) => {
      assert.equal(causeOf(prefix) !== undefined, isSpecial(prefix), formatPrefix(prefix));
    }),
    { numRuns: 5000 },
  );
});

Deno.test("special ranges: a prefix within one has its cause or an earlier one's", () => {
  for (const [at, special] of specials.entries()) {
    const first = specials.findIndex((other) => covers(other, special));
    assert.equal(causeOf(special), SPECIAL_RANGES[first].cause);
    assert.ok(first <= at);
  }
});

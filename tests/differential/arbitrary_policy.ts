/** Random policies: every field of a rule, lists of a few or of thousands of prefixes. */
import fc from "fast-check";
import { type Family, formatPrefix, maskWord, type Prefix } from "../../engine/net/address.ts";
import type { PolicyText, RuleText } from "./scenario.ts";

/** First halves of addresses, few of them, so that prefixes overlap and packets meet them. */
export const POOLS_4: readonly number[] = [0xc6120000, 0x64400000, 0xac140000, 0x51020000];
export const POOLS_6: readonly number[] = [0x20010db8, 0x2a001450, 0xfd001000 | 0];

/** A generator of numbers that is the same for the same seed (Numerical Recipes, section 7.1). */
export function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    // The low bits of such a generator repeat soon.
    return (state ^ (state >>> 15)) >>> 0;
  };
}

/** What a random prefix is made from. */
interface PrefixSeed {
  readonly family: Family;
  readonly pool: number;
  readonly bits: number;
  readonly more: number;
  readonly length: number;
}

function prefixText({ family, pool, bits, more, length }: PrefixSeed): string {
  const word = (address: number, at: number) => address & maskWord(length - 32 * at);
  const words = family === 4
    // One in five lies anywhere.
    ? [pool < 4 ? POOLS_4[pool] | (bits & 0xffff) : bits, 0, 0, 0]
    : [pool < 3 ? POOLS_6[pool] : 0x20000000 | (bits >>> 3), bits & 0x00030003, more & 3, more];
  return formatPrefix({
    family,
    words: words.map((address, at) => word(address, at)) as unknown as Prefix["words"],
    length,
  });
}

const length4 = fc.oneof(
  { weight: 6, arbitrary: fc.constant(32) },
  { weight: 6, arbitrary: fc.integer({ min: 24, max: 31 }) },
  { weight: 4, arbitrary: fc.integer({ min: 16, max: 23 }) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 15 }) },
);
const length6 = fc.oneof(
  { weight: 6, arbitrary: fc.constant(128) },
  { weight: 6, arbitrary: fc.integer({ min: 97, max: 127 }) },
  { weight: 4, arbitrary: fc.constantFrom(33, 48, 56, 64, 65, 96) },
  { weight: 1, arbitrary: fc.integer({ min: 5, max: 47 }) },
);

const word = fc.integer();

function prefixOf(family: Family): fc.Arbitrary<string> {
  return fc.record({
    family: fc.constant(family),
    pool: fc.nat(family === 4 ? 4 : 3),
    bits: word,
    more: word,
    length: family === 4 ? length4 : length6,
  }).map(prefixText);
}

const prefix = fc.oneof(prefixOf(4), prefixOf(6));

/** All of one family, or half of it: rare, for nothing else counts beside it. */
const widePrefix = fc.constantFrom("0.0.0.0/0", "128.0.0.0/1", "::/0", "2000::/3", "0.0.0.0/1");

/** Up to a few thousand prefixes of both families. */
const longList = fc.record({ seed: word, count: fc.integer({ min: 2000, max: 6000 }) }).map(
  ({ seed, count }) => {
    const next = seeded(seed);
    return Array.from({ length: count }, () => {
      const family = next() % 4 === 0 ? 6 : 4;
      const length = family === 4 ? 25 + next() % 8 : 60 + next() % 69;
      return prefixText({ family, pool: next() % 5, bits: next() | 0, more: next() | 0, length });
    });
  },
);

function listOf(maxLength: number, long: number): fc.Arbitrary<string[]> {
  return fc.oneof(
    { weight: 50, arbitrary: fc.array(prefix, { maxLength }) },
    { weight: long, arbitrary: longList },
    { weight: 1, arbitrary: widePrefix.map((text) => [text]) },
  );
}

const port = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(1, 2, 65534, 65535) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 65535 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1000, max: 1040 }) },
);
const range = fc.oneof(
  port.map((port): [number, number] => [port, port]),
  fc.tuple(port, port).map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)]),
);

/** Sorted, none touching the next: as `mergePorts` leaves them. */
function merged(ranges: [number, number][]): [number, number][] {
  const result: [number, number][] = [];
  for (const [first, last] of ranges.sort((a, b) => a[0] - b[0])) {
    const before = result.at(-1);
    if (before && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else result.push([first, last]);
  }
  return result;
}

const portList = fc.oneof(
  { weight: 4, arbitrary: fc.constant<[number, number][]>([]) },
  { weight: 5, arbitrary: fc.array(range, { minLength: 1, maxLength: 4 }).map(merged) },
  // More than one `multiport` can hold.
  { weight: 1, arbitrary: fc.array(range, { minLength: 16, maxLength: 40 }).map(merged) },
  { weight: 1, arbitrary: fc.constantFrom<[number, number][]>([[1, 65535]], [[0, 65535]]) },
);

const rule: fc.Arbitrary<RuleText> = fc.record(
  {
    action: fc.constantFrom("allow", "block"),
    protocol: fc.constantFrom("tcp", "udp", "icmp", "any"),
    ports: portList,
    sources: fc.oneof(
      { weight: 3, arbitrary: fc.constant([]) },
      { weight: 3, arbitrary: listOf(3, 1) },
    ),
    destinations: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      { weight: 3, arbitrary: listOf(3, 1) },
    ),
    direction: fc.constantFrom("in", "out", "both"),
  } as const,
).map((rule) => rule.protocol === "icmp" ? { ...rule, ports: [] } : rule);

/** A bucket of a few connections that does not fill again while a test runs. */
const rateLimit = fc.record({
  connections: fc.integer({ min: 1, max: 6 }),
  seconds: fc.constant(3600),
});

/** Every other list is empty, or the lists would leave little to the rules. */
function sometimes(list: fc.Arbitrary<string[]>): fc.Arbitrary<string[]> {
  return fc.oneof(fc.constant<string[]>([]), list);
}

/** A policy. */
export const arbitraryPolicy: fc.Arbitrary<PolicyText> = fc.record(
  {
    defaultAction: fc.constantFrom("allow", "block"),
    rules: fc.array(rule, { maxLength: 10 }),
    whitelist: sometimes(listOf(3, 1)),
    blacklist: sometimes(listOf(4, 4)),
    bans: sometimes(listOf(4, 1)),
    threats: sometimes(listOf(3, 10)),
    rateLimit: fc.oneof(
      { weight: 5, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: rateLimit },
    ),
  } as const,
);

/** The addresses and ports that conversations name by the prefixes and ranges of a policy. */
import { addressBits, type Family, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { POOLS_4, POOLS_6 } from "./arbitrary_policy.ts";
import type { AddressChoice, PortChoice } from "./conversation.ts";
import type { Words } from "./packet_bytes.ts";
import type { PolicyText } from "./scenario.ts";

/** What the policy offers to choose from. */
export interface Choices {
  readonly prefixes: Record<Family, Prefix[]>;
  readonly ports: readonly (readonly [first: number, last: number])[];
}

/** The choices under a policy. */
export function choicesOf(policy: PolicyText): Choices {
  const { whitelist, blacklist, bans, threats, rules } = policy;
  const lists = [whitelist, blacklist, bans, threats];
  const texts = [...lists, ...rules.flatMap((rule) => [rule.sources, rule.destinations])]
    // Of a long list a few are enough, or nothing else would be chosen.
    .flatMap((list) =>
      list.length > 50 ? list.filter((_, at) => at % (list.length >> 5) === 0) : list
    );
  const prefixes = texts.map((text) => parsePrefix(text)!);
  return {
    prefixes: {
      4: prefixes.filter(({ family }) => family === 4),
      6: prefixes.filter(({ family }) => family === 6),
    },
    ports: rules.flatMap((rule) => rule.ports),
  };
}

/** The address that a choice means under a policy; one that packets can have. */
export function chooseAddress(choices: Choices, family: Family, choice: AddressChoice): Words {
  const prefixes = choices.prefixes[family];
  if (choice.edge === "anywhere" || prefixes.length === 0) {
    return routable(family, anywhere(family, choice));
  }
  const prefix = prefixes[choice.pick % prefixes.length];
  return routable(family, atEdge(prefix, choice));
}

function anywhere(family: Family, { pick, bits }: AddressChoice): Words {
  return family === 4
    ? [POOLS_4[pick % POOLS_4.length] | (bits & 0xffff), 0, 0, 0]
    : [POOLS_6[pick % POOLS_6.length], bits & 0x00030003, (bits >>> 4) & 3, bits];
}

function atEdge(prefix: Prefix, { edge, bits }: AddressChoice): Words {
  const { family, length } = prefix;
  const first = toNumber(prefix.words, family);
  const size = 1n << BigInt(addressBits(family) - length);
  const random = BigInt(bits >>> 0) * 0x9e3779b97f4a7c15f39cc0605cedc835n;
  const value = {
    first,
    last: first + size - 1n,
    before: first - 1n,
    after: first + size,
    inside: first + random % size,
    anywhere: first,
  }[edge];
  return toWords(BigInt.asUintN(addressBits(family), value), family);
}

function toNumber(words: Words, family: Family): bigint {
  const used: readonly number[] = family === 4 ? words.slice(0, 1) : words;
  return used.reduce((value, word) => (value << 32n) | BigInt(word >>> 0), 0n);
}

function toWords(value: bigint, family: Family): Words {
  const word = (shift: bigint) => Number((value >> shift) & 0xffffffffn) | 0;
  return family === 4 ? [word(0n), 0, 0, 0] : [word(96n), word(64n), word(32n), word(0n)];
}

/**
 * The address itself, or one near it where the kernel would drop the packet before any rule:
 * multicast, reserved, unspecified and loopback addresses, and those of the test's own links.
 */
function routable(family: Family, words: Words): Words {
  const [word0, ...rest] = words;
  const top = word0 >>> 24;
  if (family === 4) {
    const isOurs = word0 >>> 16 === 0x0a09;
    const isMartian = top === 0 || top === 127 || top >= 224;
    return isOurs || isMartian ? [0x64000000 | (word0 & 0x3fffff), 0, 0, 0] : words;
  }
  const isOurs = word0 >>> 16 === 0xfd09;
  return isOurs || top === 0 || top >= 0xfe
    ? [0x20010000 | (word0 & 0xffff), rest[0], rest[1], rest[2]]
    : words;
}

/** Whether two addresses are the same. */
export function same(a: Words, b: Words): boolean {
  return a.every((word, at) => word === b[at]);
}

/** Another address that differs in one bit. */
export function neighbour(words: Words): Words {
  const [word0, word1, word2, word3] = words;
  return word1 === 0 && word2 === 0 && word3 === 0
    ? [word0 ^ 2, 0, 0, 0]
    : [word0, word1, word2, word3 ^ 2];
}

/** The port that a choice means under a policy. */
export function choosePort(choices: Choices, { pick, edge, port }: PortChoice): number {
  const { ports } = choices;
  if (edge === "number" || ports.length === 0) return port;
  const [first, last] = ports[pick % ports.length];
  return { before: first - 1, first, last, after: last + 1 }[edge] & 0xffff;
}

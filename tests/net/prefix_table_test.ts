import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBits,
  type Family,
  formatPrefix,
  maskWord,
  parsePrefix,
} from "../../engine/net/address.ts";
import type { Prefix } from "../../engine/net/address.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import { PrefixTable } from "../../engine/net/prefix_table.ts";

/** Few distinct bits, so that prefixes nest, touch and overlap often. */
function arbitraryPrefix(family: Family): fc.Arbitrary<Prefix> {
  const word = fc.oneof(fc.constantFrom(0, -1, 0x0a000000, 0x7fffffff), fc.integer());
  return fc.tuple(word, word, word, word, fc.nat(addressBits(family))).map(
    ([a, b, c, d, length]) => {
      const words = family === 4 ? [a, 0, 0, 0] : [a, b, c, d];
      return {
        family,
        words: words.map((bits, at) =>
          bits & maskWord(length - 32 * at)
        ) as unknown as Prefix["words"],
        length,
      };
    },
  );
}

const anyPrefix = fc.oneof(arbitraryPrefix(4), arbitraryPrefix(6));

/** The obvious answer: the first layer with a prefix that covers the address. */
function naive(layers: Prefix[][], address: Prefix): number {
  return layers.findIndex((layer) => layer.some((prefix) => covers(prefix, address))) + 1;
}

/** Addresses worth asking for: the edges of every prefix and one beyond each. */
function probes(prefixes: Prefix[]): Prefix[] {
  return prefixes.flatMap((prefix) => {
    const last = prefix.words.map((bits, at) =>
      at > 0 && prefix.family === 4 ? 0 : bits | ~maskWord(prefix.length - 32 * at)
    );
    return [prefix.words, last, neighbour(prefix.words, -1), neighbour(last, 1)].map((words) => ({
      family: prefix.family,
      words: words as unknown as Prefix["words"],
      length: addressBits(prefix.family),
    }));

    function neighbour(words: readonly number[], step: number): number[] {
      const bits = prefix.family === 4 ? 32n : 128n;
      let value = 0n;
      for (const bits of words.slice(0, prefix.family === 4 ? 1 : 4)) {
        value = (value << 32n) | BigInt(bits >>> 0);
      }
      value = BigInt.asUintN(Number(bits), value + BigInt(step));
      const all = prefix.family === 4 ? value << 96n : value;
      return [96n, 64n, 32n, 0n].map((shift) => Number((all >> shift) & 0xffffffffn) | 0);
    }
  });
}

Deno.test("the prefix table agrees with looking at every prefix", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(anyPrefix, { maxLength: 90 }), { minLength: 1, maxLength: 4 }),
      fc.array(anyPrefix, { maxLength: 20 }),
      (layers, others) => {
        const table = new PrefixTable(
          layers.map((prefixes, at) => ({ list: PrefixList.from(prefixes), value: at + 1 })),
        );
        for (const probe of probes([...layers.flat(), ...others])) {
          assert.equal(
            table.lookup(probe.family, ...probe.words),
            naive(layers, probe),
            formatPrefix(probe),
          );
        }
      },
    ),
    { numRuns: 150 },
  );
});

Deno.test("a prefix reads back as it was written", () => {
  fc.assert(fc.property(anyPrefix, (prefix) => {
    // An IPv4-mapped IPv6 prefix is the IPv4 prefix it stands for.
    const mapped = prefix.family === 6 && prefix.length >= 96 && prefix.words[0] === 0 &&
      prefix.words[1] === 0 && prefix.words[2] === 0xffff;
    if (!mapped) assert.deepEqual(parsePrefix(formatPrefix(prefix)), prefix);
  }));
});

Deno.test("texts that are not addresses are refused", () => {
  const wrong = [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4/33",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "1.2.3.4/024",
    "::1%eth0",
    ":::",
    "::1/129",
    "1.2.3.4 ",
    "0x7f.1",
    "12345",
    "::ffff:1.2.3.4/95x",
    "a.b.c.d",
    "::1.2.3",
    "::1.2.3.256",
    "1.2.3.4::",
    "::1.2.3.4:1",
  ];
  for (const text of wrong) assert.equal(parsePrefix(text), undefined, text);
});

Deno.test("host bits are cleared and mapped addresses become IPv4", () => {
  assert.equal(formatPrefix(parsePrefix("192.0.2.77/24")!), "192.0.2.0/24");
  assert.equal(formatPrefix(parsePrefix("::ffff:192.0.2.1")!), "192.0.2.1");
  assert.equal(formatPrefix(parsePrefix("::192.0.2.1")!), "::c000:201");
  assert.equal(formatPrefix(parsePrefix("64:ff9b::192.0.2.1")!), "64:ff9b::c000:201");
  assert.equal(formatPrefix(parsePrefix("2001:DB8:0:0:1:0:0:1")!), "2001:db8::1:0:0:1");
  assert.equal(formatPrefix(parsePrefix("::/0")!), "::/0");
});

Deno.test("a list drops repeated and covered prefixes", () => {
  const list = PrefixList.parse([
    "10.0.0.1",
    "10.0.0.0/8",
    "10.0.0.1",
    "11.0.0.0/8",
    "2001:db8::/32",
    "2001:db8::1",
  ]);
  assert.deepEqual([...list.texts(4)], ["10.0.0.0/8", "11.0.0.0/8"]);
  assert.deepEqual([...list.texts(6)], ["2001:db8::/32"]);
});

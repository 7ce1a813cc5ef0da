/** The merged list against a naive one: plain loops over prefixes. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  addressBits,
  FAMILIES,
  formatPrefix,
  maskWord,
  parsePrefix,
  type Prefix,
} from "../../engine/net/address.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import type { FeedContent } from "../../intel/feed.ts";
import { type NamedContent, ThreatList } from "../../intel/threat_list.ts";

function contentOf(list: PrefixList, levels?: Uint8Array): FeedContent {
  return { format: "plain", list, levels: levels ?? new Uint8Array(list.size), refused: {} };
}

function feed(name: string, ...texts: string[]): NamedContent {
  const list = PrefixList.parse(texts);
  return {
    name,
    content: contentOf(list, Uint8Array.from({ length: list.size }, (_, at) => at + 1)),
  };
}

function feedOf(threats: ThreatList, address: string): number {
  const { family, words } = parsePrefix(address)!;
  return threats.feedOf(family, ...words);
}

/** Few bits, so that prefixes often meet. */
const prefix: fc.Arbitrary<Prefix> = fc.tuple(
  fc.constantFrom(...FAMILIES),
  fc.tuple(fc.nat(7), fc.nat(3), fc.nat(3), fc.nat(3)),
  fc.nat(128),
).map(([family, high, width]) => {
  const length = family === 4 ? width % 33 : width;
  const words = high.map((one, at) => (one << 29 | one) & maskWord(length - 32 * at));
  if (family === 4) words.fill(0, 1);
  return { family, words: words as unknown as Prefix["words"], length };
});

const prefixes = fc.array(prefix, { maxLength: 30 });
const lists = fc.array(prefixes.map((of) => PrefixList.from(of)), { maxLength: 5 });

function allOf(list: PrefixList): Prefix[] {
  return [...list.prefixes(4), ...list.prefixes(6)];
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return covers(a, b) || covers(b, a);
}

function named(of: readonly PrefixList[]): NamedContent[] {
  return of.map((list, at) => ({ name: `feed ${at}`, content: contentOf(list) }));
}

Deno.test("threat list: the union is what a list of all prefixes is", () => {
  fc.assert(fc.property(lists, prefixes, (of, guarded) => {
    const isProtected = PrefixList.from(guarded);
    const threats = ThreatList.merge(named(of), isProtected);
    const kept = of.map((list) =>
      allOf(list).filter((one) => !guarded.some((other) => overlaps(one, other)))
    );
    assert.deepEqual(threats.list, PrefixList.from(kept.flat()));
    const refused = of.map((list, at) => list.size - kept[at].length);
    assert.deepEqual([...threats.refusedProtected.values()], refused);
  }));
});

Deno.test("threat list: the feed of an address is the first that covers it", () => {
  fc.assert(fc.property(lists, prefixes, fc.array(prefix), (of, guarded, asked) => {
    const threats = ThreatList.merge(named(of), PrefixList.from(guarded));
    for (const { family, words } of asked) {
      const address = { family, words, length: addressBits(family) };
      const expected = of.findIndex((list) =>
        allOf(list).some((one) =>
          covers(one, address) && !guarded.some((other) => overlaps(one, other))
        )
      );
      assert.equal(threats.feedOf(family, ...words), expected);
    }
  }));
});

Deno.test("threat list: the listings of a range are all entries that meet it", () => {
  fc.assert(fc.property(lists, prefixes, prefix, (of, guarded, range) => {
    const threats = ThreatList.merge(named(of), PrefixList.from(guarded));
    const expected = of.flatMap((list, at) =>
      allOf(list).filter((one) => overlaps(one, range)).map((one) => ({
        feed: `feed ${at}`,
        entry: formatPrefix(one),
        level: 0,
        isApplied: !guarded.some((other) => overlaps(one, other)),
      }))
    );
    assert.deepEqual(threats.listings(range), expected);
  }));
});

Deno.test("threat list: a row for each prefix of the merged list, with its first feed", () => {
  fc.assert(fc.property(lists, prefixes, (of, guarded) => {
    const threats = ThreatList.merge(named(of), PrefixList.from(guarded));
    const rows = [...threats.rows()];
    assert.deepEqual(rows.map(({ address }) => address), allOf(threats.list).map(formatPrefix));
    for (const { address, feed } of rows) {
      const first = of.findIndex((list) =>
        allOf(list).some((one) => formatPrefix(one) === address)
      );
      assert.equal(feed, `feed ${first}`);
    }
  }));
});

Deno.test("threat list: levels are those of the entry, of both families", () => {
  const threats = ThreatList.merge(
    [feed("a", "198.18.0.0/24", "11.0.0.1", "2a00::/32"), feed("b", "2a00:0:1::/48", "11.0.0.0/8")],
    PrefixList.parse(["198.18.0.7"]),
  );
  assert.deepEqual(threats.listings(parsePrefix("2a00:0:1::5")!), [
    { feed: "a", entry: "2a00::/32", level: 3, isApplied: true },
    { feed: "b", entry: "2a00:0:1::/48", level: 2, isApplied: true },
  ]);
  assert.deepEqual(threats.listings(parsePrefix("198.18.0.0/16")!), [
    { feed: "a", entry: "198.18.0.0/24", level: 2, isApplied: false },
  ]);
  assert.deepEqual([...threats.rows()], [
    { address: "11.0.0.0/8", level: 1, feed: "b" },
    { address: "2a00::/32", level: 3, feed: "a" },
  ]);
  assert.equal(feedOf(threats, "11.0.0.1"), 0);
  assert.equal(feedOf(threats, "11.0.0.2"), 1);
  assert.equal(feedOf(threats, "198.18.0.1"), -1);
  assert.deepEqual(Object.fromEntries(threats.refusedProtected), { a: 1, b: 0 });
});

Deno.test("threat list: nothing new is the same object, the same prefixes the same list", () => {
  const isProtected = PrefixList.parse(["192.0.2.1"]);
  const a = feed("a", "11.0.0.1"), b = feed("b", "11.0.0.2");
  const first = ThreatList.merge([a, b], isProtected);
  const again = ThreatList.merge([{ ...a }, b], PrefixList.parse(["192.0.2.1"]), first);
  assert.equal(again, first);
  const other = ThreatList.merge([b, a], isProtected, first);
  assert.notEqual(other, first);
  assert.equal(other.list, first.list);
  assert.deepEqual(other.feeds, ["b", "a"]);
  const guarded = ThreatList.merge([a, b], PrefixList.parse(["11.0.0.2"]), first);
  assert.deepEqual([...guarded.list.texts(4)], ["11.0.0.1"]);
  assert.equal(ThreatList.merge([a], isProtected).list, a.content.list);
});

Deno.test("threat list: a range that holds everything is answered in part", () => {
  const list = PrefixList.parse(
    Array.from({ length: 3_000 }, (_, at) => `11.0.${at >> 8}.${at & 255}`),
  );
  const threats = ThreatList.merge([{ name: "a", content: contentOf(list) }], PrefixList.EMPTY);
  assert.equal(threats.listings(parsePrefix("0.0.0.0/0")!).length, 1_000);
});

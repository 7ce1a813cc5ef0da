/** Random histories: the book against what is obviously right. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Ban } from "../../engine/bans/ban.ts";
import { BanIndex } from "../../engine/bans/ban_index.ts";
import { isShared, overlapping } from "../../engine/bans/protection.ts";
import { FAMILIES, formatPrefix, type Prefix } from "../../engine/net/address.ts";
import { covers, PrefixList } from "../../engine/net/prefix_list.ts";
import {
  arbitraryAddress,
  arbitraryHappening,
  arbitraryPrefix,
  happen,
  type Happening,
} from "./arbitrary_bans.ts";
import { BookBench, prefix } from "./book_bench.ts";

function banOf(prefix: Prefix, until = 10): Ban {
  return { prefix, cause: "manual", reason: "", evidence: {}, since: 0, until, offences: 1 };
}

/** The narrowest that holds an address, found by looking at each. */
function naiveFind(bans: readonly Ban[], address: Prefix): Ban | undefined {
  return bans.filter(({ prefix }) => covers(prefix, address))
    .sort((a, b) => b.prefix.length - a.prefix.length)[0];
}

function textsOf(list: PrefixList): string[] {
  return FAMILIES.flatMap((family) => [...list.texts(family)]);
}

Deno.test("the index finds what a search through all bans finds, as bans come and go", () => {
  const change = fc.tuple(fc.boolean(), arbitraryPrefix);
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 60, size: "max" }),
      arbitraryAddress,
      (changes, address) => {
        const index = new BanIndex(), naive = new Map<string, Ban>();
        for (const [isAdded, prefix] of changes) {
          const ban = banOf(prefix), key = formatPrefix(prefix), before = naive.get(key);
          assert.equal(isAdded ? index.set(ban) : index.delete(prefix), before);
          if (isAdded) naive.set(key, ban);
          else naive.delete(key);
          assert.equal(index.get(prefix), naive.get(key));
        }
        assert.equal(index.size, naive.size);
        assert.deepEqual(new Set(index.values()), new Set(naive.values()));
        const found = index.find(address.family, ...address.words);
        assert.equal(found, naiveFind([...naive.values()], address));
      },
    ),
  );
});

Deno.test("the index passes over what is too narrow or over", () => {
  const bans = fc.uniqueArray(fc.tuple(arbitraryPrefix, fc.nat(3)), {
    selector: ([prefix]) => formatPrefix(prefix),
  });
  const question = fc.tuple(bans, arbitraryAddress, fc.nat(128), fc.nat(3));
  fc.assert(fc.property(question, ([bans, address, longest, after]) => {
    const index = new BanIndex();
    const all = bans.map(([prefix, until]) => banOf(prefix, until));
    for (const ban of all) index.set(ban);
    const found = index.find(address.family, ...address.words, longest, after);
    const left = all.filter(({ prefix, until }) => prefix.length <= longest && until > after);
    assert.equal(found, naiveFind(left, address));
  }));
});

Deno.test("an entry that shares addresses is found where a search through all finds one", () => {
  fc.assert(fc.property(fc.array(arbitraryPrefix), arbitraryPrefix, (entries, prefix) => {
    const list = PrefixList.from(entries), found = overlapping(list, prefix);
    const naive = FAMILIES.flatMap((family) => [...list.prefixes(family)])
      .filter((entry) => covers(entry, prefix) || covers(prefix, entry));
    assert.equal(found === undefined, naive.length === 0);
    if (found) assert.ok(naive.some((entry) => formatPrefix(entry) === formatPrefix(found)));
  }));
});

Deno.test("list and find agree with the bans, no part is banned beside its network, at any time", () => {
  const history = fc.array(arbitraryHappening, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(history, fc.array(arbitraryAddress), (happenings, addresses) => {
      using bench = new BookBench();
      for (const happening of happenings) {
        happen(bench, happening);
        const bans = bench.book.bans();
        const union = PrefixList.from(bans.map(({ prefix }) => prefix));
        assert.deepEqual(textsOf(bench.book.list), textsOf(union));
        for (const address of addresses) {
          const found = bench.book.find(address.family, ...address.words);
          assert.equal(found, naiveFind(bans, address));
        }
        const automatic = bans.filter(({ cause, until }) =>
          cause !== "manual" && until > bench.now
        );
        for (const one of automatic) {
          const held = automatic.filter((other) => covers(other.prefix, one.prefix));
          assert.deepEqual(held, [one]);
        }
        assert.equal(bench.book.unsaved, 0);
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("no automatic ban ever holds what is protected or shared", () => {
  const history = fc.array(arbitraryHappening, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(history, fc.array(arbitraryPrefix, { maxLength: 3 }), (happenings, entries) => {
      using bench = new BookBench();
      bench.isProtected = PrefixList.from(entries);
      for (const happening of happenings) happen(bench, happening);
      for (const { cause, prefix } of bench.book.bans()) {
        if (cause === "manual") continue;
        assert.equal(overlapping(bench.isProtected, prefix), undefined);
        assert.equal(isShared(prefix), false);
      }
    }),
    { numRuns: 60 },
  );
});

/** What can be seen of a book, once what is over is out. */
function stateOf(bench: BookBench): unknown {
  bench.book.expire();
  return [bench.book.bans(), textsOf(bench.book.list), bench.stored()];
}

/** An address of a network whose ban is over is lifted: the network's offence stays. */
const PARDONED_AFTER_ITS_END: Happening[] = [
  { kind: "offend", source: prefix("2001:db8:1:1::/64") },
  { kind: "wait", milliseconds: 86_400_000 },
  { kind: "restart" },
  { kind: "remove", source: prefix("2001:db8:1:1::/128") },
  { kind: "offend", source: prefix("2001:db8:1:1::/64") },
];

Deno.test("a history with restarts comes to the same as one without", () => {
  const history = fc.array(arbitraryHappening, { maxLength: 60, size: "max" });
  fc.assert(
    fc.property(history, (happenings: readonly Happening[]) => {
      using restarted = new BookBench();
      using steady = new BookBench();
      for (const happening of happenings) {
        const answer = happen(restarted, happening);
        if (happening.kind === "restart") continue;
        assert.equal(happen(steady, happening), answer);
      }
      restarted.restart();
      assert.deepEqual(stateOf(restarted), stateOf(steady));
    }),
    { numRuns: 80, examples: [[PARDONED_AFTER_ITS_END]] },
  );
});

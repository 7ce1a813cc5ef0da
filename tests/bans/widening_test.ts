/** Bans of IPv6 networks that grow with the parts that their owner uses. */
import assert from "node:assert/strict";
import { formatPrefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { banned, BookBench, HOUR, MINUTE, prefix, refused, SECOND, texts } from "./book_bench.ts";

/** Bans each, a second apart; returns the last answer. */
function offendAll(bench: BookBench, sources: readonly string[]) {
  return sources.map((source) => {
    bench.now += SECOND;
    return banned(bench.offend(source));
  }).at(-1)!;
}

/** The `host`th /64 of the `site`th /56 of 2001:db8:7::/48. */
function network(site: number, host: number): string {
  return `2001:db8:7:${((site << 8) | host).toString(16)}::/64`;
}

const ONE_SITE = [network(1, 1), network(1, 2), network(1, 3)];

Deno.test("the third /64 of a /56 within an hour gets the /56 banned, in place of the others", () => {
  using bench = new BookBench();
  offendAll(bench, ONE_SITE.slice(0, 2));
  const { added, removed } = offendAll(bench, ONE_SITE.slice(2));
  assert.equal(formatPrefix(added.prefix), "2001:db8:7:100::/56");
  assert.deepEqual(removed.map(formatPrefix), ONE_SITE.slice(0, 2));
  assert.match(added.reason, /^port scan: .*; 3 networks of 2001:db8:7:100::\/56$/);
  assert.deepEqual(added.evidence, {
    ports: [22, 23, 80],
    packets: 24,
    networks: 3,
    prefixes: ONE_SITE.join(", "),
  });
  assert.deepEqual(texts(bench.book.bans()), ["2001:db8:7:100::/56"]);
  assert.equal(refused(bench.offend(network(1, 9))).cause, "banned");
});

Deno.test("three /56 of a /48 get the /48 banned, with what is left of its parts; nothing wider", () => {
  using bench = new BookBench();
  offendAll(bench, [network(9, 1), ...ONE_SITE]);
  offendAll(bench, [network(2, 1), network(2, 2), network(2, 3), network(3, 1), network(3, 2)]);
  const { added, removed } = offendAll(bench, [network(3, 3)]);
  assert.equal(formatPrefix(added.prefix), "2001:db8:7::/48");
  assert.deepEqual(
    removed.map(formatPrefix).sort(),
    [network(3, 1), network(3, 2), network(9, 1), "2001:db8:7:100::/56", "2001:db8:7:200::/56"]
      .sort(),
  );
  assert.equal(added.evidence.prefixes, [1, 2, 3].map((n) => `2001:db8:7:${n}00::/56`).join(", "));
  for (const other of ["2001:db8:8", "2001:db8:9", "2001:db8:a"]) {
    for (let host = 0; host < 9; host++) {
      bench.now += SECOND;
      bench.offend(`${other}:${(((host / 3) << 8) | host).toString(16)}::/64`);
    }
  }
  assert.deepEqual(texts(bench.book.bans()), [
    "2001:db8:7::/48",
    "2001:db8:8::/48",
    "2001:db8:9::/48",
    "2001:db8:a::/48",
  ]);
});

Deno.test("the same /64 again, and /64s of other sites, do not widen", () => {
  using bench = new BookBench();
  for (let time = 0; time < 4; time++) {
    offendAll(bench, [network(1, 1), network(1, 2), network(2, 1), network(3, 1)]);
    bench.now += 11 * SECOND;
  }
  assert.ok(bench.book.bans().every((ban) => ban.prefix.length === 64));
});

Deno.test("only bans that began within the hour count, ended ones and restarts too", () => {
  using bench = new BookBench();
  offendAll(bench, ONE_SITE.slice(0, 2));
  bench.now += HOUR;
  assert.equal(offendAll(bench, ONE_SITE.slice(2)).added.prefix.length, 64);
  offendAll(bench, [network(2, 1), network(2, 2)]);
  bench.now += 30 * MINUTE;
  bench.restart();
  assert.deepEqual(bench.book.bans().filter((ban) => ban.prefix.words[1] === 0), []);
  assert.equal(offendAll(bench, [network(2, 3)]).added.prefix.length, 56);
});

Deno.test("never a network that holds something protected: its parts are banned instead", () => {
  using bench = new BookBench();
  bench.isProtected = PrefixList.parse(["2001:db8:7:1ff::1"]);
  const { added } = offendAll(bench, [...ONE_SITE, network(1, 4)]);
  assert.equal(formatPrefix(added.prefix), network(1, 4));
  assert.equal(bench.book.bans().length, 4);
  offendAll(bench, [2, 3, 4].flatMap((site) => [1, 2, 3].map((host) => network(site, host))));
  const wide = bench.book.bans().filter(({ prefix }) => prefix.length < 64);
  assert.deepEqual(texts(wide), [2, 3, 4].map((site) => `2001:db8:7:${site}00::/56`));
});

Deno.test("a single address of a /64 that holds something protected is banned alone", () => {
  using bench = new BookBench();
  bench.isProtected = PrefixList.parse(["2001:db8:1:1::1"]);
  assert.deepEqual(texts([banned(bench.offend("2001:db8:1:1::bad")).added]), ["2001:db8:1:1::bad"]);
  assert.deepEqual(texts([banned(bench.offend("2001:db8:1:2::bad")).added]), ["2001:db8:1:2::/64"]);
  assert.equal(refused(bench.offend("2001:db8:1:1::1")).cause, "protected");
});

Deno.test("a person's ban of a part stays when its network is banned; one of the network wins", () => {
  using bench = new BookBench();
  bench.add(network(1, 9), 60);
  const { removed } = offendAll(bench, ONE_SITE.slice(0, 2));
  assert.deepEqual(removed.map(formatPrefix), ONE_SITE.slice(0, 1), "it counts as a part");
  assert.deepEqual(texts(bench.book.bans()).sort(), ["2001:db8:7:100::/56", network(1, 9)].sort());
  offendAll(bench, [network(2, 1)]);
  bench.add("2001:db8:7:200::/56", 30);
  bench.now += 20 * SECOND;
  const { added } = banned(bench.offend(network(2, 1)));
  assert.equal(formatPrefix(added.prefix), network(2, 1));
  assert.equal(
    bench.book.bans().find((ban) => ban.prefix.length === 56 && ban.cause === "manual")
      ?.reason,
    "because",
  );
});

Deno.test("the wider ban is at least as long as those that it replaces and the source's own", () => {
  using bench = new BookBench();
  for (let time = 0; time < 3; time++) {
    offendAll(bench, ONE_SITE.slice(0, 1));
    bench.now += 11 * SECOND;
  }
  const longest = bench.book.bans()[0].until;
  offendAll(bench, ONE_SITE.slice(1, 2));
  const { added } = offendAll(bench, ONE_SITE.slice(2));
  assert.equal(added.until, longest);
  assert.equal(added.offences, 1);
});

Deno.test("an offence from a banned network after the grace makes the network's ban longer", () => {
  using bench = new BookBench();
  const first = offendAll(bench, ONE_SITE).added;
  bench.now += 11 * SECOND;
  const { added, removed } = banned(bench.offend(network(1, 200)));
  assert.deepEqual([added.prefix, added.offences, removed], [first.prefix, 2, []]);
});

Deno.test("lifting a network forgets its parts as well; an address stands for its network", () => {
  using bench = new BookBench();
  offendAll(bench, ONE_SITE);
  assert.deepEqual(texts(bench.book.remove([prefix("2001:db8:7:105::77")]).removed), [
    "2001:db8:7:100::/56",
  ]);
  const { added } = banned(bench.offend(ONE_SITE[0]));
  assert.deepEqual([formatPrefix(added.prefix), added.offences], [ONE_SITE[0], 1]);
  bench.add("2001:db8:8::/64");
  const { removed, unknown } = bench.book.remove([prefix("2001:db8:8::1")]);
  assert.deepEqual([texts(removed), unknown.map(formatPrefix)], [[], ["2001:db8:8::1"]]);
});

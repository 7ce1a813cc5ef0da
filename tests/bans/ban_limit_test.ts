/** The book is bounded: what gives way when it is full. */
import assert from "node:assert/strict";
import { BanIndex } from "../../engine/bans/ban_index.ts";
import { EndQueue } from "../../engine/bans/end_queue.ts";
import type { Ban } from "../../engine/bans/ban.ts";
import { PfwError } from "../../engine/errors.ts";
import { formatPrefix, formatV4, type Prefix } from "../../engine/net/address.ts";
import { banned, BookBench, DAY, MINUTE, prefix, refused, SECOND, texts } from "./book_bench.ts";

Deno.test("when full, the automatic ban that ends first gives way and is told of", () => {
  using bench = new BookBench({ limit: 3 });
  bench.add("192.0.2.1", 1);
  bench.add("192.0.2.2", 120);
  bench.offend("203.0.113.1");
  bench.now += 500;
  const { removed } = banned(bench.offend("203.0.113.2"));
  assert.deepEqual(removed.map(formatPrefix), ["203.0.113.1"], "a person's ban never gives way");
  assert.deepEqual(texts(bench.book.bans()), ["192.0.2.1", "192.0.2.2", "203.0.113.2"]);
  assert.equal(bench.book.evicted, 1);
  bench.now += 500;
  bench.book.expire();
  assert.deepEqual(banned(bench.offend("203.0.113.1")).removed, [], "there is room again");
  bench.now += 11 * SECOND;
  const { added } = banned(bench.offend("203.0.113.1"));
  assert.equal(added.offences, 3, "one that gave way is remembered");
});

Deno.test("a person's ban takes the place of automatic ones, as many as it needs, or of none", () => {
  using bench = new BookBench({ limit: 3 });
  for (const source of ["203.0.113.1", "203.0.113.2", "203.0.113.3"]) {
    bench.offend(source);
    bench.now += SECOND;
  }
  assert.deepEqual(bench.add(["192.0.2.1", "192.0.2.2"]).removed.map(formatPrefix), [
    "203.0.113.1",
    "203.0.113.2",
  ]);
  const before = bench.book.bans();
  assert.throws(() => bench.add(["192.0.2.3", "192.0.2.4"]), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot ban: no more than 3 bans are kept/);
    return true;
  });
  // The last automatic one is replaced by a person's: then none can give way to another.
  assert.throws(() => bench.add(["203.0.113.3", "192.0.2.3"]), /no more than 3/);
  assert.equal(bench.book.bans(), before);
  assert.deepEqual(bench.add(["192.0.2.1", "192.0.2.2", "203.0.113.3"]).removed, []);
  const full = refused(bench.offend("203.0.113.4"));
  assert.deepEqual([full.cause, full.isWorthSaying], ["full", true]);
  assert.equal(refused(bench.offend("203.0.113.5")).isWorthSaying, false);
});

Deno.test("a network that replaces its parts needs nobody to give way", () => {
  using bench = new BookBench({ limit: 3 });
  bench.offend("203.0.113.1");
  bench.offend("2001:db8:7:1::/64");
  bench.offend("2001:db8:7:2::/64");
  const { removed } = banned(bench.offend("2001:db8:7:3::/64"));
  assert.deepEqual(removed.map(formatPrefix), ["2001:db8:7:1::/64", "2001:db8:7:2::/64"]);
  assert.equal(bench.book.evicted, 0);
});

Deno.test("past offences are bounded too: the oldest are forgotten", () => {
  using bench = new BookBench({ limit: 50 });
  for (let source = 0; source < 200; source++) {
    bench.offend(`203.0.113.${source}`);
    bench.now += MINUTE;
    bench.book.expire();
  }
  bench.now += DAY;
  bench.book.expire();
  assert.equal(bench.query("SELECT count(*) AS n FROM ban_offences")[0].n, 50);
  assert.equal(banned(bench.offend("203.0.113.199")).added.offences, 2);
  assert.equal(banned(bench.offend("203.0.113.10")).added.offences, 1);
});

Deno.test("sources by the thousand in a full book: bounded in memory and in the database", () => {
  using bench = new BookBench({ limit: 200 });
  bench.book.batch(() => {
    for (let source = 0; source < 5_000; source++) {
      bench.offend(
        `2001:db8:${(source >> 8).toString(16)}:${(source << 8 & 0xffff).toString(16)}::/64`,
      );
      bench.now += 10;
    }
  });
  assert.ok(bench.book.bans().length <= 200);
  assert.ok(bench.book.evicted > 1_000);
  assert.equal(bench.book.unsaved, 0);
  const { n } = bench.query("SELECT count(*) AS n FROM ban_offences")[0];
  assert.ok(Number(n) <= 200, String(n));
  assert.deepEqual(bench.stored().map((row) => row.prefix), texts(bench.book.bans()).sort());
});

Deno.test("bans by the thousand that end at once are ended a part at a time", () => {
  using bench = new BookBench();
  bench.book.batch(() => {
    for (let source = 0; source < 6_000; source++) bench.offend(formatV4(0x0a000000 + source));
  });
  bench.now += 10 * MINUTE;
  assert.deepEqual(bench.book.views(), []);
  assert.deepEqual(
    [bench.book.expire(), bench.book.expire(), bench.book.expire()].map((over) => over.length),
    [5_000, 1_000, 0],
  );
});

Deno.test("the queue of ends gives what a sort gives, and does not grow with what was lifted", () => {
  const index = new BanIndex(), queue = new EndQueue((ban) => index.get(ban.prefix) === ban);
  const ban = (prefix: Prefix, until: number): Ban => ({
    prefix,
    cause: "manual",
    reason: "",
    evidence: {},
    since: 0,
    until,
    offences: 1,
  });
  for (let round = 0; round < 3_000; round++) {
    const added = ban(prefix(`10.0.0.${round % 250}`), (round * 7_919) % 1_000);
    if (index.set(added)) queue.lifted();
    queue.push(added);
  }
  assert.equal(queue.size, 250);
  const expected = [...index.values()].map(({ until }) => until).sort((a, b) => a - b);
  const found: number[] = [];
  for (let first = queue.first(); first; first = queue.first()) {
    found.push(first.until);
    index.delete(first.prefix);
    queue.lifted();
  }
  assert.deepEqual(found, expected);
});

/** What detections and people's requests come to. */
import assert from "node:assert/strict";
import { PfwError } from "../../engine/errors.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import {
  banned,
  BookBench,
  DAY,
  HOUR,
  MINUTE,
  NOON,
  prefix,
  refused,
  SECOND,
  texts,
} from "./book_bench.ts";

const BAD = "203.0.113.7";

/** Bans the source again and again, each time right after its ban; returns the lengths. */
function lengths(bench: BookBench, source: string, times: number): number[] {
  return Array.from({ length: times }, () => {
    const { since, until } = banned(bench.offend(source)).added;
    bench.now = until;
    bench.book.expire();
    return until - since;
  });
}

Deno.test("a ban says who, why, by what evidence and until when", () => {
  using bench = new BookBench();
  const { added, removed } = banned(bench.offend(BAD));
  assert.deepEqual(added, {
    prefix: prefix(BAD),
    cause: "port_scan",
    reason: "port scan: 24 ports in 1.2 s",
    evidence: { ports: [22, 23, 80], packets: 24 },
    since: NOON,
    until: NOON + 10 * MINUTE,
    offences: 1,
  });
  assert.deepEqual(removed, []);
  bench.now += 30 * SECOND + 1;
  assert.deepEqual(bench.book.views(), [{
    address: BAD,
    cause: "port_scan",
    reason: "port scan: 24 ports in 1.2 s",
    evidence: { ports: [22, 23, 80], packets: 24 },
    since: "2026-01-31T12:00:00.000Z",
    until: "2026-01-31T12:10:00.000Z",
    secondsLeft: 570,
    offences: 1,
  }]);
  assert.deepEqual([...bench.book.list.texts(4)], [BAD]);
});

Deno.test("each ban of a source is longer, up to the longest", () => {
  using bench = new BookBench();
  const day = [10 * MINUTE, HOUR, 6 * HOUR, 36 * HOUR, 7 * DAY, 7 * DAY];
  assert.deepEqual(lengths(bench, BAD, 6), day);
  assert.deepEqual(lengths(bench, "203.0.113.8", 1), [10 * MINUTE], "another source is new");
  bench.book.configure({ first: 7, longest: 100 });
  assert.deepEqual(lengths(bench, "203.0.113.9", 4), [7, 42, 100, 100].map((s) => s * SECOND));
  bench.book.configure({ first: 60, longest: 30 });
  assert.deepEqual(lengths(bench, "203.0.113.10", 2), [30 * SECOND, 30 * SECOND]);
});

Deno.test("a thousand offences still make a ban of the longest time", () => {
  using bench = new BookBench({ settings: { first: 1, longest: 2 } });
  assert.equal(lengths(bench, BAD, 1_000).at(-1), 2 * SECOND);
});

Deno.test("an offence counts for 30 days after its ban ended, also through a restart", () => {
  using bench = new BookBench();
  bench.offend(BAD);
  bench.offend("203.0.113.8");
  bench.now += 10 * MINUTE + 30 * DAY;
  bench.restart();
  assert.equal(banned(bench.offend(BAD)).added.offences, 2);
  bench.now += 1;
  assert.equal(banned(bench.offend("203.0.113.8")).added.offences, 1);
});

Deno.test("expire tells whose time is over, once, the first first", () => {
  using bench = new BookBench();
  bench.add("198.51.100.1", 900);
  bench.offend(BAD);
  bench.add("198.51.100.2", 300);
  bench.now += 10 * MINUTE - 1;
  assert.deepEqual(texts(bench.book.expire()), ["198.51.100.2"]);
  bench.now += 1;
  assert.deepEqual(texts(bench.book.expire()), [BAD]);
  assert.deepEqual(bench.book.expire(), []);
  assert.deepEqual(texts(bench.book.bans()), ["198.51.100.1"]);
});

Deno.test("packets under way are no new offence; going on after that is", () => {
  using bench = new BookBench();
  const { until } = banned(bench.offend(BAD)).added;
  bench.now += 9 * SECOND;
  const again = refused(bench.offend(BAD));
  assert.deepEqual([again.cause, again.isWorthSaying], ["banned", false]);
  bench.now += SECOND;
  const { added } = banned(bench.offend(BAD));
  assert.equal(added.offences, 2);
  assert.equal(added.until, bench.now + HOUR);
  assert.ok(added.until > until);
  assert.equal(bench.book.refused.banned, 1);
});

Deno.test("a ban that is made longer by an offence never becomes shorter", () => {
  using bench = new BookBench();
  lengths(bench, BAD, 4);
  const { until } = banned(bench.offend(BAD)).added;
  bench.book.configure({ first: 10, longest: 20 });
  bench.now += MINUTE;
  assert.equal(banned(bench.offend(BAD)).added.until, until);
});

Deno.test("what is protected is never banned by itself, and that is said once", () => {
  using bench = new BookBench();
  bench.isProtected = PrefixList.parse(["192.0.2.1", "198.51.100.0/24", "2001:db8:1:2::1"]);
  for (const source of ["192.0.2.1", "198.51.100.77", "2001:db8:1:2::/64"]) {
    const first = refused(bench.offend(source));
    assert.deepEqual([first.cause, first.isWorthSaying], ["protected", true]);
    assert.match(first.why, /whitelisted or this machine depends on it/);
    assert.equal(refused(bench.offend(source)).isWorthSaying, false);
  }
  assert.equal(bench.book.refused.protected, 6);
  assert.equal(bench.book.bans().length, 0);
  assert.equal(bench.offend("192.0.2.2").kind, "banned", "its neighbour is");
});

Deno.test("addresses of nobody or everybody are never banned by themselves", () => {
  using bench = new BookBench();
  const shared = ["0.0.0.0", "127.0.0.1", "224.0.0.251", "255.255.255.255"];
  for (const source of [...shared, "fe80::/64", "::/64", "ff02::/64"]) {
    assert.match(refused(bench.offend(source)).why, /no address of a single host/);
  }
  assert.equal(bench.book.bans().length, 0);
});

Deno.test("automatic bans of what became protected are lifted, a person's stay", () => {
  using bench = new BookBench();
  bench.offend(BAD);
  bench.offend("203.0.113.8");
  bench.add("203.0.113.9");
  bench.isProtected = PrefixList.parse([BAD, "203.0.113.9"]);
  assert.deepEqual(texts(bench.book.releaseProtected()), [BAD]);
  bench.isProtected = PrefixList.parse(["203.0.113.8"]);
  bench.restart();
  assert.deepEqual(texts(bench.book.bans()), ["203.0.113.9"]);
});

Deno.test("a dry run bans nobody", () => {
  using bench = new BookBench();
  assert.equal(refused(bench.offend(BAD, { isDryRun: true })).cause, "dry_run");
  assert.equal(bench.book.bans().length, 0);
});

Deno.test("a person bans what is not protected; with force, that too", () => {
  using bench = new BookBench();
  bench.isProtected = PrefixList.parse(["192.0.2.1"]);
  assert.throws(() => bench.add([BAD, "192.0.2.0/24"]), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot ban 192\.0\.2\.0\/24: 192\.0\.2\.1 is .*; --force/);
    assert.equal(error.exitCode, 1);
    return true;
  });
  assert.deepEqual(bench.book.bans(), [], "all of them or none");
  const { added } = bench.add([BAD, "192.0.2.0/24", BAD], 60, true);
  assert.deepEqual(texts(added), [BAD, "192.0.2.0/24"]);
  assert.deepEqual(added[0].reason, "because");
  assert.equal(added[0].until, NOON + MINUTE);
});

Deno.test("a person's ban replaces an earlier one of the same prefix and leaves others", () => {
  using bench = new BookBench();
  bench.offend(BAD);
  bench.add("203.0.113.0/24", 60);
  const { added } = bench.add(BAD, 60);
  assert.deepEqual([added[0].cause, added[0].offences], ["manual", 1]);
  assert.deepEqual(texts(bench.book.bans()).sort(), ["203.0.113.0/24", BAD]);
  assert.deepEqual([...bench.book.list.texts(4)], ["203.0.113.0/24"]);
  assert.equal(bench.book.get(prefix(BAD)), added[0]);
  assert.equal(bench.book.get(prefix("203.0.113.8")), undefined);
  assert.equal(refused(bench.offend(BAD)).cause, "banned", "a person has decided");
});

Deno.test("bad times and reasons are refused with exit 2", () => {
  using bench = new BookBench();
  const bad: [number, string][] = [
    [0, ""],
    [-1, ""],
    [1.5, ""],
    [NaN, ""],
    [3650 * 86_400 + 1, ""],
    [60, "x".repeat(201)],
    [60, "two\nlines"],
    [60, "\u001b[2J"],
    [60, "\u202egnp.exe"],
  ];
  for (const [seconds, reason] of bad) {
    assert.throws(() => bench.book.add([prefix(BAD)], seconds, reason, false), (error) => {
      assert.ok(error instanceof PfwError);
      assert.equal(error.exitCode, 2);
      return true;
    });
  }
  assert.equal(bench.book.bans().length, 0);
  const { added } = bench.book.add([prefix(BAD)], 3650 * 86_400, "  ", false);
  assert.equal(added[0].reason, "banned by hand");
});

Deno.test("lifting forgets the offences: the next ban is the first again", () => {
  using bench = new BookBench();
  lengths(bench, BAD, 2);
  bench.offend(BAD);
  const { removed, unknown } = bench.book.remove([prefix(BAD), prefix("192.0.2.9")]);
  assert.deepEqual(texts(removed), [BAD]);
  assert.deepEqual(unknown, [prefix("192.0.2.9")]);
  assert.equal(banned(bench.offend(BAD)).added.offences, 1);
});

Deno.test("lifting what is not banned now still forgets its offences", () => {
  using bench = new BookBench();
  lengths(bench, BAD, 2);
  assert.deepEqual(texts(bench.book.remove([prefix(BAD)]).removed), []);
  assert.equal(banned(bench.offend(BAD)).added.offences, 1);
});

Deno.test("undo makes the book as it was, in memory and in the database", () => {
  using bench = new BookBench({ limit: 3 });
  lengths(bench, BAD, 2);
  for (const source of [BAD, "203.0.113.8", "203.0.113.9"]) bench.offend(source);
  const before = bench.book.bans(), stored = bench.stored();
  const added = bench.add([BAD, "192.0.2.7"]);
  assert.equal(added.removed.length, 1);
  added.undo();
  assert.deepEqual(bench.book.bans(), before);
  assert.deepEqual(bench.stored(), stored);
  bench.book.remove([prefix(BAD), prefix("203.0.113.8")]).undo();
  assert.deepEqual(bench.book.bans(), before);
  assert.deepEqual(bench.stored(), stored);
  bench.now += 10 * MINUTE;
  assert.equal(banned(bench.offend("203.0.113.8")).added.offences, 2);
});

Deno.test("the list is the same object until a ban comes or goes", () => {
  using bench = new BookBench();
  bench.offend(BAD);
  const { list } = bench.book, bans = bench.book.bans();
  bench.offend(BAD);
  bench.book.expire();
  assert.equal(bench.book.list, list);
  assert.equal(bench.book.bans(), bans);
  bench.add("192.0.2.7");
  assert.notEqual(bench.book.list, list);
});

Deno.test("texts and evidence that are too long are cut, control characters do no harm", () => {
  using bench = new BookBench();
  const { added } = banned(bench.offend(BAD, {
    text: `line\nof \u001b[31m${"x".repeat(1_000)}`,
    evidence: {
      ports: Array.from({ length: 1_000 }, (_, at) => at),
      text: "y".repeat(10_000),
      ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`figure${at}`, at])),
    },
  }));
  assert.equal(added.reason.length, 200);
  assert.match(added.reason, /^line of  ?\[31mxxx/);
  assert.ok(JSON.stringify(added.evidence).length < 1_000);
  assert.deepEqual((added.evidence.ports as number[]).length, 32);
});

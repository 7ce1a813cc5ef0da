/** The table of threats: equal to the list, in slices, whatever happens in between. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { FAMILIES } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { type ThreatRow, ThreatTable } from "../../engine/observe/threat_table.ts";
import { StoreBench } from "./samples.ts";

const NOON = Date.UTC(2026, 0, 31, 12), HOUR = 3_600_000, DAY = 24 * HOUR;
const at = (time: number) => new Date(time).toISOString();

/** What a list of addresses comes to, in the order of a `PrefixList`. */
function* rowsOf(addresses: readonly string[], level = 3, source = "IPsum"): Generator<ThreatRow> {
  const list = PrefixList.parse(addresses);
  for (const family of FAMILIES) for (const ip of list.texts(family)) yield { ip, level, source };
}

/** Steps until the table holds the list; how many steps that took. */
function finish(bench: StoreBench, table: ThreatTable, budget = 5): number {
  for (let steps = 1; steps < 10_000; steps++) if (table.step(bench.store, budget)) return steps;
  throw new Error("not done after 10,000 steps");
}

function stored(bench: StoreBench): Record<string, unknown>[] {
  const db = new DatabaseSync(bench.path, { readOnly: true });
  try {
    return db.prepare("SELECT * FROM threat_intel ORDER BY ip").all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** Writes that SQLite counts on a connection of its own are not seen; triggers are. */
function countWrites(bench: StoreBench): () => number {
  bench.store.transact((db) => {
    db.exec("CREATE TABLE IF NOT EXISTS writes (ip)");
    for (const [what, row] of [["INSERT", "new"], ["UPDATE", "new"], ["DELETE", "old"]]) {
      db.exec(
        `CREATE TRIGGER IF NOT EXISTS count_${what} AFTER ${what} ON threat_intel
         BEGIN INSERT INTO writes VALUES (${row}.ip); END`,
      );
    }
    return true;
  });
  return () =>
    bench.store.transact((db) => {
      const { n } = db.prepare("SELECT count(*) AS n FROM writes").get()!;
      db.exec("DELETE FROM writes");
      return Number(n);
    })!;
}

const SOME = ["203.0.113.7", "9.9.9.9", "198.51.100.0/24", "2001:db8::/32", "2001:db9::1"];

Deno.test("the table holds the list: level, source, first and last seen", () => {
  using bench = new StoreBench();
  const table = new ThreatTable();
  assert.equal(table.step(bench.store, 5), true, "without a list there is nothing to do");
  table.begin(rowsOf(SOME), NOON);
  finish(bench, table);
  assert.deepEqual(
    stored(bench),
    ["198.51.100.0/24", "2001:db8::/32", "2001:db9::1", "203.0.113.7", "9.9.9.9"].map((ip) => ({
      ip,
      threat_level: 3,
      last_seen: at(NOON),
      source: "IPsum",
      description: null,
      first_seen: at(NOON),
    })),
  );
});

Deno.test("only differences are written; first_seen stays, what is gone is deleted", () => {
  using bench = new StoreBench();
  const writes = countWrites(bench), table = new ThreatTable();
  table.begin(rowsOf(SOME), NOON);
  finish(bench, table);
  assert.equal(writes(), 5);
  const next = [
    ...rowsOf(["9.9.9.9"], 5),
    ...rowsOf(["198.51.100.0/24"]),
    ...rowsOf(["203.0.113.7"], 3, "IPsum, Feodo Tracker"),
    ...rowsOf(["203.0.113.8", "2001:db8::/32"]),
  ];
  table.begin(next, NOON + HOUR);
  finish(bench, table);
  assert.equal(writes(), 4);
  const seen = (first: number, last: number) => ({ first_seen: at(first), last_seen: at(last) });
  const row = (
    ip: string,
    threat_level: number,
    source: string,
    times: ReturnType<typeof seen>,
  ) => ({
    ip,
    threat_level,
    last_seen: times.last_seen,
    source,
    description: null,
    first_seen: times.first_seen,
  });
  assert.deepEqual(stored(bench), [
    row("198.51.100.0/24", 3, "IPsum", seen(NOON, NOON)),
    row("2001:db8::/32", 3, "IPsum", seen(NOON, NOON)),
    row("203.0.113.7", 3, "IPsum, Feodo Tracker", seen(NOON, NOON + HOUR)),
    row("203.0.113.8", 3, "IPsum", seen(NOON + HOUR, NOON + HOUR)),
    row("9.9.9.9", 5, "IPsum", seen(NOON, NOON + HOUR)),
  ]);
});

Deno.test("an unchanged list is known by its fingerprint, also by the next process", () => {
  using bench = new StoreBench();
  const writes = countWrites(bench);
  const first = new ThreatTable();
  first.begin(rowsOf(SOME), NOON);
  finish(bench, first);
  writes();
  bench.store.transact((db) => db.prepare("DELETE FROM threat_intel WHERE ip = '9.9.9.9'").run());
  writes();
  const second = new ThreatTable();
  second.begin(rowsOf(SOME), NOON + HOUR);
  assert.equal(finish(bench, second), 1);
  assert.equal(writes(), 0);
  assert.equal(stored(bench).length, 4, "it was not even looked at");
  second.begin(rowsOf(SOME, 4), NOON + HOUR);
  finish(bench, second);
  assert.equal(writes(), 5, "another level is another list");
});

Deno.test("last_seen of what stays listed is renewed once a day", () => {
  using bench = new StoreBench();
  const writes = countWrites(bench), table = new ThreatTable();
  for (const [hour, expected] of [[0, 5], [12, 0], [24, 0], [25, 5], [26, 0], [60, 5]]) {
    table.begin(rowsOf(SOME), NOON + hour * HOUR);
    finish(bench, table);
    assert.equal(writes(), expected, `after ${hour} hours`);
  }
  assert.ok(stored(bench).every(({ first_seen }) => first_seen === at(NOON)));
  assert.ok(stored(bench).every(({ last_seen }) => last_seen === at(NOON + 60 * HOUR)));
});

Deno.test("a list of thousands takes many short steps, and the rows are read a little at a time", () => {
  using bench = new StoreBench();
  const table = new ThreatTable();
  let read = 0;
  const rows = function* (): Generator<ThreatRow> {
    for (let number = 0; number < 5_000; number++) {
      read++;
      yield { ip: `10.0.${number >> 8}.${number & 255}`, level: 1, source: "plain" };
    }
  };
  table.begin(rows(), NOON);
  assert.equal(read, 0);
  assert.equal(table.step(bench.store, 0), false);
  assert.ok(read > 0 && read < 200, `${read} rows in the first step`);
  let steps = 1;
  while (!table.step(bench.store, 0)) steps++;
  assert.ok(steps > 2 * 5_000 / 64, `${steps} steps`);
  assert.equal(stored(bench).length, 5_000);
});

Deno.test("a newer list takes the place of one that is not finished", () => {
  using bench = new StoreBench();
  const table = new ThreatTable();
  const many = Array.from({ length: 2_000 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
  for (let steps = 0; steps < 75; steps += 4) {
    table.begin(rowsOf(many), NOON);
    for (let step = 0; step < steps; step++) table.step(bench.store, 0);
    table.begin(rowsOf(SOME), NOON);
    finish(bench, table);
    assert.deepEqual(stored(bench).map(({ ip }) => ip), [...SOME].sort());
  }
});

Deno.test("a step cut short by a process that dies is begun anew by the next", () => {
  using bench = new StoreBench();
  const many = Array.from({ length: 2_000 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
  const first = new ThreatTable();
  first.begin(rowsOf(SOME), NOON);
  finish(bench, first);
  first.begin(rowsOf(many), NOON);
  while (stored(bench).length < 100) first.step(bench.store, 0);
  assert.ok(stored(bench).length < 2_000);
  bench.close();
  const second = new ThreatTable();
  second.begin(rowsOf(SOME), NOON);
  finish(bench, second);
  assert.deepEqual(stored(bench).map(({ ip }) => ip), [...SOME].sort());
});

Deno.test("locked out in the middle, it goes on where it was; in another file, from the start", async () => {
  using bench = new StoreBench();
  const table = new ThreatTable();
  const many = Array.from({ length: 1_000 }, (_, number) => `10.0.${number >> 8}.${number & 255}`);
  bench.flush();
  table.begin(rowsOf(many), NOON);
  while (stored(bench).length < 100) table.step(bench.store, 0);
  const other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  for (let step = 0; step < 5; step++) assert.equal(table.step(bench.store, 5), false);
  other.exec("ROLLBACK");
  other.close();
  await new Promise((resolve) => setTimeout(resolve, 300));
  finish(bench, table);
  assert.equal(stored(bench).length, 1_000);
  for (const suffix of ["", "-wal", "-shm"]) Deno.removeSync(bench.path + suffix);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  assert.equal(bench.flush().ok, true);
  finish(bench, table);
  assert.equal(stored(bench).length, 1_000);
});

Deno.test("rows of others are cleared away, what is no address is passed over", () => {
  using bench = new StoreBench();
  bench.store.transact((db) => {
    db.exec("INSERT INTO threat_intel (ip, threat_level) VALUES ('junk', 1), ('1.2.3.4/32', 1)");
    db.exec("INSERT INTO threat_intel (ip, threat_level) VALUES ('9.9.9.9', 9223372036854775807)");
    return true;
  });
  const table = new ThreatTable();
  const bad = [{ ip: "nonsense", level: 1, source: "x" }, ...rowsOf(SOME)];
  table.begin([...bad, { ip: "8.8.8.8", level: 1_000, source: "after IPv6" }], NOON);
  finish(bench, table);
  assert.deepEqual(stored(bench).map(({ ip }) => ip), [...SOME].sort());
});

Deno.test("after any lists in a row, begun and broken off, the table equals the last one", () => {
  const address = fc.oneof(
    fc.tuple(fc.nat(3), fc.nat(255), fc.integer({ min: 20, max: 32 }))
      .map(([a, b, length]) => `203.0.${a}.${b}/${length}`),
    fc.tuple(fc.nat(3), fc.constantFrom("", ":1", ":2"), fc.constantFrom(32, 64, 128))
      .map(([a, b, length]) =>
        `2001:db8:${a}:${b}:/${length}`.replace(":::", "::").replace(":/", "::/")
      ),
  ).filter((text) => {
    try {
      return PrefixList.parse([text]).size === 1;
    } catch {
      return false;
    }
  });
  const round = fc.record({
    addresses: fc.array(address, { maxLength: 200, size: "max" }),
    level: fc.nat(2),
    source: fc.constantFrom("IPsum", "Tor", "IPsum, Tor"),
    hours: fc.nat(40),
    steps: fc.nat(14),
  });
  fc.assert(
    fc.property(fc.array(round, { minLength: 1, maxLength: 5 }), (rounds) => {
      using bench = new StoreBench();
      const table = new ThreatTable();
      let now = NOON;
      for (const { addresses, level, source, hours, steps } of rounds) {
        now += hours * HOUR;
        table.begin(rowsOf(addresses, level, source), now);
        for (let step = 0; step < steps; step++) table.step(bench.store, 0);
      }
      finish(bench, table);
      const last = rounds[rounds.length - 1];
      const expected = [...rowsOf(last.addresses, last.level, last.source)];
      assert.deepEqual(
        stored(bench).map(({ ip, threat_level, source }) => [ip, threat_level, source]),
        expected.map((row) => [row.ip, row.level, row.source]).sort(([a], [b]) => a < b ? -1 : 1),
      );
      for (const { first_seen, last_seen } of stored(bench)) {
        assert.ok(String(first_seen) <= String(last_seen) && String(last_seen) >= at(now - DAY));
      }
    }),
    { numRuns: 40 },
  );
});

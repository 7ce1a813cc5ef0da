import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { parsePrefix } from "../../engine/net/address.ts";
import { covers } from "../../engine/net/prefix_list.ts";
import type { LogFilter, LogRow } from "../../engine/observe/log_query.ts";
import { BUCKET_SHIFT } from "../../engine/observe/schema.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { Reason, REASONS } from "../../engine/policy/verdict.ts";
import { addTo, NOON, packetOf, type Sample, StoreBench } from "./samples.ts";

const ADDRESSES = [
  "0.0.0.1",
  "10.0.0.1",
  "10.0.0.200",
  "127.255.255.255",
  "128.0.0.0",
  "203.0.113.7",
  "255.255.255.255",
];
const ADDRESSES_V6 = ["::1", "2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::", "fe80::1:2:3:4"];
const RANGES = [
  ...ADDRESSES,
  ...ADDRESSES_V6,
  "0.0.0.0/0",
  "10.0.0.0/24",
  "10.0.0.128/25",
  "128.0.0.0/1",
  "0.0.0.0/1",
  "::/0",
  "2001:db8::/32",
  "2001:db8::/48",
  "2001:db8:0:1::/64",
  "2001:d00::/24",
  "fe80::/10",
];

const SAMPLE: fc.Arbitrary<Sample> = fc.record({
  ends: fc.oneof(
    fc.tuple(fc.constantFrom(...ADDRESSES), fc.constantFrom(...ADDRESSES)),
    fc.tuple(fc.constantFrom(...ADDRESSES_V6), fc.constantFrom(...ADDRESSES_V6)),
  ),
  time: fc.integer({ min: NOON, max: NOON + 10_000_000 }),
  sourcePort: fc.constantFrom(22, 4_000),
  destinationPort: fc.constantFrom(22, 23),
  reason: fc.nat(REASONS.length - 1),
}).map(({ ends: [source, destination], ...rest }) => ({ source, destination, ...rest }));

/** Present half the time: with every filter at once hardly a row would pass. */
function sometimes<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(value, { nil: undefined, freq: 1 });
}

const FILTER: fc.Arbitrary<Omit<LogFilter, "table">> = fc.record({
  since: sometimes(fc.integer({ min: NOON, max: NOON + 10_000_000 })),
  address: fc.option(fc.constantFrom(...RANGES).map((text) => parsePrefix(text)!), {
    nil: undefined,
  }),
  port: sometimes(fc.constantFrom(22, 23, 24)),
  reason: sometimes(fc.constantFrom(...REASONS)),
});

/** The filter as its words say, one row at a time. */
function passes(filter: Omit<LogFilter, "table">, row: LogRow): boolean {
  const lies = (text: string | null) => covers(filter.address!, parsePrefix(text!)!);
  return (filter.since === undefined || Date.parse(row.timestamp) >= filter.since) &&
    (filter.address === undefined || lies(row.src_ip) || lies(row.dst_ip)) &&
    (filter.port === undefined || row.src_port === filter.port || row.dst_port === filter.port) &&
    (filter.reason === undefined || row.reason_code === filter.reason);
}

/** Stable: rows of one moment stay in the order in which they were written. */
function byTime(a: LogRow, b: LogRow): number {
  return Date.parse(a.timestamp) - Date.parse(b.timestamp);
}

Deno.test("filters combine as their words say, on any rows", () => {
  const property = fc.property(
    fc.array(SAMPLE, { maxLength: 120 }),
    fc.array(fc.tuple(FILTER, fc.integer({ min: 0, max: 30 })), { minLength: 12, maxLength: 12 }),
    fc.constantFrom("blocked" as const, "allowed" as const),
    (samples, filters, table) => {
      using bench = new StoreBench();
      samples.forEach((sample, at) => {
        addTo(table === "blocked" ? bench.blocked : bench.allowed, sample);
        if (at % 17 === 0) bench.flush();
      });
      bench.flush();
      using reader = StoreReader.open(bench.path)!;
      const all = [...reader.rows(table, samples.map((_, at) => at + 1))];
      assert.equal(all.length, samples.length);
      for (const [words, limit] of filters) {
        const filter = { table, ...words };
        const passed = all.filter((row) => passes(filter, row));
        const last = limit ? passed.slice(-limit).sort(byTime) : [];
        assert.deepEqual(reader.newest(filter, limit), last.map(({ id }) => id));
        const expected = passed.map(({ id }) => id);
        const { ids, next } = reader.after(filter, 5);
        assert.deepEqual(ids, expected.filter((id) => id > 5));
        assert.equal(next, Math.max(5, samples.length));
      }
    },
  );
  fc.assert(property, { numRuns: 60 });
});

Deno.test("addresses are found across the buckets of the index, newest first", () => {
  using bench = new StoreBench(10_000, 10_000);
  const total = 3 * 2 ** BUCKET_SHIFT;
  for (let id = 1; id <= total; id++) {
    const source = id % 20_000 === 0 ? "203.0.113.7" : "10.0.0.1";
    addTo(bench.blocked, { source, time: NOON + id });
    if (id % 8_192 === 0) bench.flush();
  }
  using reader = StoreReader.open(bench.path)!;
  const address = parsePrefix("203.0.113.0/24");
  const filter = { table: "blocked", address } as const;
  assert.deepEqual(reader.newest(filter, 50), [20_000, 40_000, 60_000, 80_000]);
  assert.deepEqual(reader.newest(filter, 2), [60_000, 80_000]);
  assert.deepEqual(reader.newest({ ...filter, since: NOON + 50_000 }, 50), [60_000, 80_000]);
  const own = { table: "blocked", address: parsePrefix("192.0.2.1") } as const;
  assert.deepEqual(reader.newest(own, 3), [total - 2, total - 1, total]);
  assert.deepEqual(reader.newest({ table: "blocked" }, 2), [total - 1, total]);
});

Deno.test("without an index rows are looked at in steps, from the newest, no more than needed", () => {
  using bench = new StoreBench();
  bench.block({ destinationPort: 7, reason: Reason.ban });
  bench.block({ destinationPort: 8 });
  bench.flush();
  using db = new DatabaseSync(bench.path);
  db.exec(`WITH RECURSIVE n (id) AS (SELECT 3 UNION ALL SELECT id + 1 FROM n WHERE id < 450000)
    INSERT INTO blocked_rows (id, time, context, dst_port, length, hits)
    SELECT n.id, ${NOON}, r.context, n.id % 65536, 60, 1 FROM n, blocked_rows AS r WHERE r.id = 2;
    UPDATE row_contexts SET last_id = 450000 WHERE reason_code = 'rule'`);
  using reader = StoreReader.open(bench.path)!;
  const search = (filter: Omit<LogFilter, "table">, limit: number) => {
    const parts: number[] = [];
    const ids = reader.newest({ table: "blocked", ...filter }, limit, (part) => parts.push(part));
    return { ids, steps: parts.length, last: parts.at(-1) };
  };
  assert.deepEqual(search({ port: 7 }, 2), { ids: [327_687, 393_223], steps: 1, last: 4 / 9 });
  const seven = [1, 7, 65_543, 131_079, 196_615, 262_151, 327_687, 393_223];
  assert.deepEqual(search({ port: 7 }, 50), { ids: seven, steps: 3, last: 1 });
  assert.deepEqual(search({ port: 65_535, reason: "rule" }, 1).ids, [393_215]);
  assert.deepEqual(search({ reason: "ban" }, 50), { ids: [1], steps: 1, last: 1 });
  assert.deepEqual(search({ reason: "threat" }, 50), { ids: [], steps: 0, last: undefined });
});

Deno.test("rows that share many addresses are no match for one of them", () => {
  using bench = new StoreBench(1, 0);
  for (let host = 1; host <= 4; host++) addTo(bench.blocked, { source: `2001:db8::${host}` });
  bench.flush();
  using reader = StoreReader.open(bench.path)!;
  const all = { table: "blocked", address: parsePrefix("2001:db8::/32") } as const;
  assert.deepEqual(reader.newest(all, 10), [1]);
  assert.deepEqual(reader.newest({ table: "blocked" }, 10), [1, 2]);
});

Deno.test("an address of IPv4 is found however the packet wrote it, and is shown as it was", () => {
  using bench = new StoreBench();
  // What no text that is read can say, but a packet can.
  const mapped = packetOf({ source: "2001:db8::1", destination: "2001:db8::2" });
  [mapped.source0, mapped.source1, mapped.source2, mapped.source3] = [0, 0, 0xffff, 0xc6336407];
  bench.blocked.add(mapped, new Uint8Array(40), Reason.rule);
  addTo(bench.blocked, { source: "198.51.100.7" });
  addTo(bench.blocked, { source: "198.51.100.8" });
  bench.flush();
  using reader = StoreReader.open(bench.path)!;
  const filter = (ip: string) => ({ table: "blocked", address: parsePrefix(ip) } as const);
  for (const ip of ["198.51.100.7", "::ffff:198.51.100.7", "::ffff:c633:6407"]) {
    assert.deepEqual(reader.newest(filter(ip), 10), [1, 2], ip);
    assert.deepEqual(reader.after(filter(ip), 0).ids, [1, 2], ip);
  }
  assert.deepEqual(reader.newest(filter("198.51.100.0/24"), 10), [1, 2, 3]);
  assert.deepEqual(reader.newest(filter("::/0"), 10), [1], "IPv6 alone");
  const [row] = reader.rows("blocked", [1]);
  assert.equal(row.src_ip, "::ffff:c633:6407");
});

Deno.test("times are found after the clock jumped back", () => {
  using bench = new StoreBench();
  for (const time of [NOON, NOON + 5_000, NOON - 86_400_000, NOON - 86_399_000, NOON + 6_000]) {
    addTo(bench.blocked, { time });
    bench.flush();
  }
  using reader = StoreReader.open(bench.path)!;
  const since = (time: number) => reader.newest({ table: "blocked", since: time }, 10);
  assert.deepEqual(since(NOON + 1), [2, 5]);
  assert.deepEqual(since(NOON - 86_399_500), [4, 1, 2, 5]);
  assert.deepEqual(since(NOON + 6_001), []);
});

Deno.test("the rows written last come in the order of their times, page by page", async () => {
  using bench = new StoreBench(3_000, 3_000);
  // Outgoing ones are told of later than incoming ones, and a capture is older than both.
  for (let at = 0; at < 1_400; at++) bench.block({ time: NOON + (at ^ 1) });
  bench.flush();
  for (let at = 0; at < 1_400; at++) bench.block({ time: NOON - 86_400_000 + (at >> 1) });
  bench.flush();
  using reader = StoreReader.open(bench.path)!;
  const filter = { table: "blocked" } as const;
  for (const limit of [3, 1_500, 2_800, 5_000]) {
    const ids = reader.newest(filter, limit);
    assert.deepEqual(ids, await reader.newestInSteps(filter, limit));
    const rows = [...reader.rows("blocked", ids)];
    assert.equal(rows.length, Math.min(limit, 2_800));
    assert.deepEqual(rows, rows.toSorted((a, b) => byTime(a, b) || a.id - b.id));
    assert.deepEqual(rows.map(({ id }) => id), ids);
    assert.equal(Math.min(...ids), Math.max(1, 2_801 - limit), "the last that were written");
  }
});

Deno.test("rows that are deleted while they are put in order are passed over", async () => {
  using bench = new StoreBench();
  for (let at = 0; at < 9; at++) bench.block({ time: NOON - at });
  bench.flush();
  using db = new DatabaseSync(bench.path);
  using reader = StoreReader.open(bench.path)!;
  const found = reader.newestInSteps({ table: "blocked" }, 9);
  db.exec("DELETE FROM blocked_rows WHERE id IN (2, 9)");
  assert.deepEqual(await found, [8, 7, 6, 5, 4, 3, 1]);
});

Deno.test("a database that is not there yet is no error, a foreign one is", () => {
  using bench = new StoreBench();
  assert.equal(StoreReader.open(bench.path), undefined);
  Deno.writeTextFileSync(bench.path, "");
  assert.equal(StoreReader.open(bench.path), undefined);
  Deno.writeTextFileSync(bench.path, "something else ".repeat(100));
  assert.throws(() => StoreReader.open(bench.path), /cannot read database .*damaged/);
});

Deno.test("a reader notices that the file was replaced", () => {
  using bench = new StoreBench();
  bench.block();
  bench.flush();
  using reader = StoreReader.open(bench.path)!;
  assert.equal(reader.isCurrent(), true);
  Deno.renameSync(bench.path, `${bench.path}.corrupt`);
  assert.equal(reader.isCurrent(), false);
});

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { PacketAction } from "../../engine/observe/hourly_counts.ts";
import { formatHash, hashBytes } from "../../engine/observe/packet_hash.ts";
import { SCHEMA_VERSION } from "../../engine/observe/schema.ts";
import { Store } from "../../engine/observe/store.ts";
import { Direction, Protocol } from "../../engine/packet/packet.ts";
import { Reason } from "../../engine/policy/verdict.ts";
import { addTo, NOON, StoreBench } from "./samples.ts";

// deno-lint-ignore no-explicit-any
function query(path: string, sql: string): any[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

Deno.test("a blocked packet reads back as the report's columns and ours", () => {
  using bench = new StoreBench();
  const detail = bench.details.intern("0123abcd", "Block Telnet and SMB");
  const bytes = new Uint8Array([1, 2, 3, 4, 5]);
  bench.block({ detail, bytes });
  assert.equal(bench.flush().ok, true);
  const out = new Int32Array(2);
  hashBytes(bytes, 0, bytes.length, out, 0);
  assert.deepEqual(query(bench.path, "SELECT * FROM blocked_packets"), [{
    id: 1,
    timestamp: "2026-01-31T12:00:00.123Z",
    src_ip: "198.51.100.7",
    dst_ip: "192.0.2.1",
    src_port: 40_000,
    dst_port: 23,
    protocol: "tcp",
    reason: "Rule: Block Telnet and SMB",
    packet_hash: formatHash(out[0], out[1]),
    reason_code: "rule",
    rule_id: "0123abcd",
    direction: "incoming",
    interface: "eth2",
    length: 60,
    tcp_flags: 2,
    hits: 1,
    action: "blocked",
  }]);
});

Deno.test("addresses, protocols, times and hashes read back for any value", () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(
      fc.ipV4(),
      fc.ipV6(),
      fc.nat(255),
      fc.integer({ min: 0, max: 4_294_967_295_999 }),
      word,
      word,
      (v4, v6, protocol, time, low, high) => {
        using bench = new StoreBench();
        bench.block({ source: v4, destination: v4, protocol, time });
        bench.blocked.hash.set([low, high]);
        bench.block({ source: v6, destination: v6, protocol, time });
        bench.flush();
        const [first, second] = query(bench.path, "SELECT * FROM blocked_packets");
        assert.equal(first.src_ip, v4);
        assert.equal(first.timestamp, new Date(time).toISOString());
        assert.equal(first.packet_hash, formatHash(low, high));
        // Compared as URLs write them, which is another implementation of RFC 5952.
        const mapped = /^::ffff:/i.test(v6) && !second.src_ip.includes(":");
        if (!mapped) assert.equal(`[${second.src_ip}]`, new URL(`http://[${v6}]`).hostname);
        const named = { 1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6" }[protocol];
        if (named) assert.equal(first.protocol, named);
        assert.match(first.protocol, /^([a-z0-9]+)$/);
      },
    ),
    { numRuns: 40 },
  );
});

Deno.test("shared rows show * for what differs, and the sum of hits stays exact", () => {
  using bench = new StoreBench(1, 0);
  for (let host = 1; host <= 9; host++) bench.block({ source: `10.0.0.${host}` });
  for (let host = 1; host <= 9; host++) {
    bench.block({ source: `10.0.0.${host}`, protocol: Protocol.icmp, reason: Reason.invalid });
  }
  bench.flush();
  const rows = query(
    bench.path,
    "SELECT src_ip, dst_ip, dst_port, protocol, reason, hits FROM blocked_packets",
  );
  const dst_ip = "192.0.2.1";
  assert.deepEqual(rows, [
    { src_ip: "10.0.0.1", dst_ip, dst_port: 23, protocol: "tcp", reason: "Rule: ", hits: 1 },
    { src_ip: "*", dst_ip, dst_port: 23, protocol: "tcp", reason: "Rule: ", hits: 8 },
    { src_ip: "*", dst_ip, dst_port: null, protocol: "icmp", reason: "Invalid state", hits: 9 },
  ]);
});

Deno.test("what would have been blocked is never called blocked", () => {
  using bench = new StoreBench();
  bench.block();
  bench.store.flush(bench.batch(PacketAction.wouldBlock));
  assert.deepEqual(query(bench.path, "SELECT action FROM blocked_packets"), [
    { action: "would_block" },
  ]);
  assert.deepEqual(query(bench.path, "SELECT blocked, would_block FROM blocked_addresses"), [
    { blocked: 0, would_block: 1 },
  ]);
});

Deno.test("totals and hours are kept in the transaction of the rows, and add up", () => {
  using bench = new StoreBench();
  for (let flush = 0; flush < 3; flush++) {
    bench.block({ time: NOON, length: 100 });
    bench.block({ time: NOON + 3_600_000, length: 100, reason: Reason.threat });
    bench.allow({ time: NOON, length: 1_500 });
    assert.deepEqual({ ...bench.flush(), milliseconds: 0 }, {
      ok: true,
      rows: 3,
      hits: 3,
      milliseconds: 0,
      notices: [],
    });
  }
  assert.deepEqual(query(bench.path, "SELECT * FROM totals"), [
    { action: "allowed", reason_code: "default_policy", packets: 3, bytes: 4_500 },
    { action: "blocked", reason_code: "rule", packets: 3, bytes: 300 },
    { action: "blocked", reason_code: "threat", packets: 3, bytes: 300 },
  ]);
  const hour = Math.floor(NOON / 3_600_000);
  assert.deepEqual(query(bench.path, "SELECT hour, sum(packets) AS n FROM hours GROUP BY hour"), [
    { hour, n: 6 },
    { hour: hour + 1, n: 3 },
  ]);
  assert.deepEqual(query(bench.path, "SELECT count(*) AS n FROM allowed_packets"), [{ n: 3 }]);
});

Deno.test("blocked addresses name the far end, and stay exact in sum beyond their bound", () => {
  using bench = new StoreBench(40_000, 40_000);
  bench.block({ source: "192.0.2.1", destination: "203.0.113.9", direction: Direction.outgoing });
  for (let packet = 0; packet < 50; packet++) bench.block({ source: "203.0.113.1" });
  bench.flush();
  let sent = 51;
  // Each address twice in a flush, or it would not get a row of its own in a flood.
  for (let round = 0; round < 8; round++) {
    for (let host = 0; host < 15_000; host++, sent += 2) {
      const source = `10.${round}.${host >> 8}.${host & 255}`;
      addTo(bench.blocked, { source });
      addTo(bench.blocked, { source });
    }
    bench.flush();
  }
  const rows = query(bench.path, "SELECT count(*) AS n, sum(blocked) AS s FROM blocked_addresses");
  assert.ok(rows[0].n <= 100_001, `${rows[0].n} addresses`);
  assert.equal(rows[0].s, sent);
  const top = query(
    bench.path,
    "SELECT address, blocked FROM blocked_addresses WHERE address <> '*' ORDER BY blocked DESC LIMIT 1",
  );
  assert.deepEqual(top, [{ address: (203 << 24 | 113 << 8 | 1) | 0, blocked: 50 }]);
});

Deno.test("a flood of addresses seen once counts under *, known ones are still counted", () => {
  using bench = new StoreBench(5_000, 5_000);
  bench.block({ source: "203.0.113.1" });
  bench.flush();
  for (let host = 0; host < 1_000; host++) {
    addTo(bench.blocked, { source: `10.0.${host >> 8}.${host & 255}` });
  }
  addTo(bench.blocked, { source: "203.0.113.1" });
  bench.flush();
  const rows = query(bench.path, "SELECT * FROM blocked_addresses ORDER BY blocked");
  assert.deepEqual(rows.map(({ address, blocked }) => [address, blocked]), [
    [(203 << 24 | 113 << 8 | 1) | 0, 2],
    ["*", 1_000],
  ]);
});

Deno.test("rows keep their order and ids over reopening; a second writer does no harm", () => {
  using bench = new StoreBench();
  bench.block({ destinationPort: 1 });
  bench.flush();
  bench.close();
  bench.block({ destinationPort: 2 });
  bench.flush();
  const other = Store.open(bench.path);
  const events = new EventBuffer(10);
  addTo(events, { destinationPort: 3 });
  assert.equal(other.flush({ blocked: events, names: bench.names }).ok, true);
  other.close();
  bench.block({ destinationPort: 4 });
  bench.flush();
  assert.deepEqual(query(bench.path, "SELECT id, dst_port FROM blocked_packets"), [
    { id: 1, dst_port: 1 },
    { id: 2, dst_port: 2 },
    { id: 3, dst_port: 3 },
    { id: 4, dst_port: 4 },
  ]);
  assert.equal(query(bench.path, "SELECT count(*) AS n FROM row_contexts")[0].n, 1);
});

Deno.test("closing leaves one file, for its owner alone, with our marks", () => {
  using bench = new StoreBench();
  bench.block();
  bench.store.close(bench.batch());
  bench.close();
  assert.deepEqual([...Deno.readDirSync(bench.directory)].map(({ name }) => name), ["firewall.db"]);
  assert.equal(Deno.statSync(bench.path).mode! & 0o777, 0o600);
  assert.equal(query(bench.path, "SELECT sum(hits) AS n FROM blocked_packets")[0].n, 1);
  assert.equal(query(bench.path, "PRAGMA user_version")[0].user_version, SCHEMA_VERSION);
});

Deno.test("a row takes less than 110 bytes", () => {
  using bench = new StoreBench(20_000, 20_000);
  for (let packet = 0; packet < 20_000; packet++) {
    const source = `${1 + packet % 220}.${packet & 255}.${packet >> 8}.9`;
    addTo(bench.blocked, { source, sourcePort: packet, time: NOON + packet });
  }
  bench.flush();
  bench.close();
  const perRow = Deno.statSync(bench.path).size / 20_000;
  assert.ok(perRow < 110, `${perRow} bytes a row`);
});

const shell = await hasShell();

Deno.test({
  name: `the sqlite3 shell reads the tables while pfw writes${shell ? "" : " (no sqlite3)"}`,
  ignore: !shell,
  fn: async () => {
    using bench = new StoreBench();
    for (let packet = 0; packet < 30; packet++) {
      bench.block({ source: `203.0.113.${packet % 3}`, time: NOON + 999 });
    }
    bench.block({ source: "203.0.113.1" });
    bench.flush();
    const answers = await ask(
      bench.path,
      "SELECT COUNT(*) FROM blocked_packets",
      "SELECT src_ip, COUNT(*) AS count FROM blocked_packets GROUP BY src_ip ORDER BY count DESC LIMIT 10",
      "SELECT timestamp, packet_hash FROM blocked_packets LIMIT 1",
      "PRAGMA integrity_check",
      "SELECT name FROM pragma_table_info('blocked_packets') LIMIT 9",
      "SELECT name FROM pragma_table_info('threat_intel') LIMIT 4",
    );
    const hash = query(bench.path, "SELECT packet_hash FROM blocked_packets")[0].packet_hash;
    assert.deepEqual(answers, [
      "31",
      "203.0.113.1|11",
      "203.0.113.2|10",
      "203.0.113.0|10",
      `2026-01-31T12:00:01.122Z|${hash}`,
      "ok",
      "id",
      "timestamp",
      "src_ip",
      "dst_ip",
      "src_port",
      "dst_port",
      "protocol",
      "reason",
      "packet_hash",
      "ip",
      "threat_level",
      "last_seen",
      "source",
    ]);
  },
});

async function hasShell(): Promise<boolean> {
  try {
    return (await new Deno.Command("sqlite3", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

async function ask(path: string, ...queries: string[]): Promise<string[]> {
  const { stdout } = await new Deno.Command("sqlite3", { args: [path, ...queries] }).output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

import assert from "node:assert/strict";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { EventBuffer } from "../../engine/observe/event_buffer.ts";
import { EventDetails } from "../../engine/observe/event_details.ts";
import { PacketAction } from "../../engine/observe/hourly_counts.ts";
import { Pruning } from "../../engine/observe/pruning.ts";
import { RowWriter } from "../../engine/observe/row_writer.ts";
import { rangesWithPort } from "../../engine/observe/span_ports.ts";
import { openDatabase } from "../../engine/observe/store_open.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { addTo, NOON, StoreBench } from "./samples.ts";

const NAMES = { details: new EventDetails(), interfaceName: (at: number) => `eth${at}` };
/** The last one of a byte, the first of the next, the ends, and one that few rows have. */
const PORTS = [0, 7, 8, 23, 777, 65_535];

/** What happens to a database, in turn. */
interface Step {
  readonly rows: number;
  readonly port: number;
  readonly end: "COMMIT" | "ROLLBACK" | "reopen" | "prune";
}

const STEP: fc.Arbitrary<Step> = fc.record({
  rows: fc.constantFrom(1, 700, 2_000, 4_600),
  port: fc.constantFrom(...PORTS),
  end: fc.constantFrom("COMMIT", "COMMIT", "COMMIT", "ROLLBACK", "reopen", "prune"),
});

/** Rows to one port, the first one of which comes from another. */
function eventsOf({ rows, port }: Step): EventBuffer {
  const events = new EventBuffer(5_000, 5_000);
  for (let row = 0; row < rows; row++) {
    addTo(events, {
      time: NOON + row,
      sourcePort: row === 0 ? 777 : 40_000,
      destinationPort: port,
    });
  }
  return events;
}

/** Every row with a port is in a range, the ranges are in order, and none of them overlap. */
function assertFound(db: DatabaseSync, port: number): number {
  const bounds = db.prepare("SELECT min(id) AS low, max(id) AS high FROM blocked_rows").get()!;
  const [low, high] = [Number(bounds.low ?? 1), Number(bounds.high ?? 0)];
  const ranges = [...rangesWithPort(db, "blocked", port, [low, high])];
  const rows = db.prepare("SELECT id FROM blocked_rows WHERE src_port = ?1 OR dst_port = ?1");
  for (const { id } of rows.all(port)) {
    assert.ok(ranges.some(([first, last]) => first <= Number(id) && Number(id) <= last), `${id}`);
  }
  ranges.forEach(([first, last], at) => {
    assert.ok(first <= last && low <= first && last <= high);
    if (at > 0) assert.ok(last < ranges[at - 1][0]);
  });
  return ranges.reduce((sum, [first, last]) => sum + last - first + 1, 0);
}

Deno.test("a search for a port passes over no row that has it, whatever became of transactions", () => {
  const property = fc.property(fc.array(STEP, { minLength: 1, maxLength: 12 }), (steps) => {
    const directory = Deno.makeTempDirSync();
    const open = () => openDatabase(join(directory, "firewall.db")).db;
    let db = open(), writer = new RowWriter(db, "blocked");
    try {
      for (const step of steps) {
        db.exec("BEGIN");
        writer.write(eventsOf(step), PacketAction.blocked, NAMES);
        db.exec(step.end === "ROLLBACK" ? "ROLLBACK" : "COMMIT");
        if (step.end === "prune") new Pruning(db).run({ seconds: 1e9, bytes: 400_000 }, NOON, 20);
        if (step.end !== "reopen") continue;
        db.close();
        db = open();
        writer = new RowWriter(db, "blocked");
      }
      for (const port of PORTS) assertFound(db, port);
      const orphans = `SELECT count(*) AS n FROM blocked_ports
        WHERE last_id NOT IN (SELECT last_id FROM row_spans WHERE row_table = 'blocked')`;
      assert.equal(db.prepare(orphans).get()!.n, 0);
    } finally {
      db.close();
      Deno.removeSync(directory, { recursive: true });
    }
  });
  fc.assert(property, { numRuns: 20 });
});

Deno.test("full spans without the port are not searched; the last one, and small ones, are", () => {
  using bench = new StoreBench(5_000, 5_000);
  const flush = (rows: number, destinationPort: number, time: number) => {
    for (let row = 0; row < rows; row++) bench.block({ destinationPort, time });
    assert.equal(bench.flush().ok, true);
  };
  const hour = 3_600_001;
  flush(4_096, 23, NOON);
  flush(2_000, 8, NOON);
  flush(2_096, 23, NOON);
  // A span covers an hour at most, so this one begins another after few rows.
  flush(500, 23, NOON + hour);
  flush(4_096, 23, NOON + 3 * hour);
  flush(300, 23, NOON + 5 * hour);
  using reader = StoreReader.open(bench.path)!;
  const db = openDatabase(bench.path).db;
  try {
    assert.equal(assertFound(db, 777), 500 + 300);
    assert.equal(assertFound(db, 8), 4_096 + 500 + 300);
    assert.equal(assertFound(db, 23), 4_096 + 4_096 + 500 + 4_096 + 300);
    assert.equal(assertFound(db, 40_000), 4_096 + 4_096 + 500 + 4_096 + 300);
  } finally {
    db.close();
  }
  const newest = (port: number, limit: number) => reader.newest({ table: "blocked", port }, limit);
  assert.deepEqual(newest(777, 5), []);
  assert.deepEqual(newest(8, 2), [6_095, 6_096]);
  assert.equal(newest(8, 3_000).length, 2_000);
  assert.deepEqual(reader.newest({ table: "blocked", port: 8, since: NOON + hour }, 5), []);
});

Deno.test("of many spans no more are looked at than rows are asked for", () => {
  using bench = new StoreBench(2_000, 2_000);
  const hour = 3_600_001, flushes = 150;
  for (let flush = 0; flush < flushes; flush++) {
    const destinationPort = flush % 50 === 7 ? 8 : 23;
    for (let row = 0; row < 1_024; row++) {
      addTo(bench.blocked, { destinationPort, time: flush * hour });
    }
    assert.equal(bench.flush().ok, true);
  }
  const { db } = openDatabase(bench.path);
  try {
    // The last one is not full yet.
    assert.equal(assertFound(db, 777), 1_024);
    assert.equal(assertFound(db, 8), 4 * 1_024);
    assert.equal(assertFound(db, 23), (flushes - 3) * 1_024);
    const [newest] = rangesWithPort(db, "blocked", 23, [1, 1_024 * flushes]);
    assert.deepEqual(newest, [1_024 * 108 + 1, 1_024 * flushes]);
  } finally {
    db.close();
  }
  using reader = StoreReader.open(bench.path)!;
  const filter = { table: "blocked", port: 8 } as const;
  const ids = [7, 57, 107].map((flush) => 1_024 * flush);
  assert.deepEqual(reader.newest(filter, 1), [ids[2] + 1_024]);
  assert.deepEqual(reader.newest(filter, 2_049).slice(0, 2), [ids[0] + 1_024, ids[1] + 1]);
});

Deno.test("ports are searched for in the database of an older pfw, too", () => {
  using bench = new StoreBench(5_000, 5_000);
  for (let row = 0; row < 4_096; row++) bench.block({ destinationPort: 23 });
  bench.flush();
  bench.close();
  const { db } = openDatabase(bench.path);
  db.exec("DROP TABLE blocked_ports; DROP TABLE allowed_ports; PRAGMA user_version = 2");
  db.close();
  {
    using reader = StoreReader.open(bench.path)!;
    assert.equal(reader.newest({ table: "blocked", port: 23 }, 7).length, 7);
    assert.deepEqual(reader.newest({ table: "blocked", port: 777 }, 7), []);
  }
  bench.block({ destinationPort: 777 });
  assert.equal(bench.flush().ok, true);
  using reader = StoreReader.open(bench.path)!;
  assert.deepEqual(reader.newest({ table: "blocked", port: 777 }, 7), [4_097]);
  // What it had not noted when the rows were written is made up for when the span is full.
  const { db: after } = openDatabase(bench.path);
  assert.equal(assertFound(after, 5), 1);
  after.close();
});

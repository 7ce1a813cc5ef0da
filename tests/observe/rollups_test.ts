/** Sums count what was written: a transaction that was taken back leaves nothing for the next one. */
import assert from "node:assert/strict";
import { MAX_BLOCKED_ADDRESSES } from "../../engine/observe/rollups.ts";
import { openDatabase } from "../../engine/observe/store_open.ts";
import { StoreSession } from "../../engine/observe/store_session.ts";
import { StoreBench } from "./samples.ts";

/** A bench whose session goes on after a fault, as a store's does when the disk is full. */
class SessionBench extends StoreBench {
  readonly db = openDatabase(this.path).db;
  #session: StoreSession | undefined;

  /** Writes what waits; what was written is forgotten. */
  write(): void {
    this.#session ??= new StoreSession(this.db, this.path);
    this.#session.write(this.batch());
    this.blocked.clear();
    this.totals.hourly.clear();
  }

  /** From now on no row gets into that table; `undefined`: into every one again. */
  refuse(table: string | undefined): void {
    this.db.exec("DROP TRIGGER IF EXISTS refusal");
    if (table === undefined) return;
    this.db.exec(
      `CREATE TRIGGER refusal BEFORE INSERT ON ${table} BEGIN SELECT RAISE(ABORT, 'no room'); END`,
    );
  }

  /** Blocked packets by address, the addresses in order. */
  counts(): unknown[] {
    const rows = this.db.prepare("SELECT blocked FROM blocked_addresses ORDER BY address").all();
    return rows.map(({ blocked }) => blocked);
  }

  override [Symbol.dispose](): void {
    this.db.close();
    super[Symbol.dispose]();
  }
}

Deno.test("blocked addresses count a packet once, however often writing it failed", () => {
  for (const table of ["blocked_addresses", "totals"]) {
    using bench = new SessionBench();
    bench.block({ source: "10.0.0.1" });
    bench.write();
    bench.refuse(table);
    for (let attempt = 0; attempt < 3; attempt++) {
      bench.block({ source: "10.0.0.1" });
      bench.block({ source: "10.0.0.2" });
      assert.throws(() => bench.write(), /no room/);
    }
    bench.refuse(undefined);
    bench.write();
    assert.deepEqual(bench.counts(), [4, 3], table);
  }
});

Deno.test("addresses whose eviction was taken back are evicted by the next write", () => {
  using bench = new SessionBench();
  bench.db.exec(`WITH RECURSIVE n (id) AS (
      SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < ${MAX_BLOCKED_ADDRESSES})
    INSERT INTO blocked_addresses SELECT id, 1, 0, 'rule', 0 FROM n`);
  bench.block();
  bench.refuse("totals");
  assert.throws(() => bench.write(), /no room/);
  assert.equal(bench.counts().length, MAX_BLOCKED_ADDRESSES);
  bench.refuse(undefined);
  bench.write();
  assert.ok(bench.counts().length < MAX_BLOCKED_ADDRESSES);
});

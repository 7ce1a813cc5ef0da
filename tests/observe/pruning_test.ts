import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { addTo, NOON, StoreBench } from "./samples.ts";

const DAY = 86_400_000;

function numbers(path: string, sql: string): number[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all().map((row) => Number(Object.values(row)[0]));
  } finally {
    db.close();
  }
}

/** Every row lies in exactly one span, within its times. */
function assertSpansHold(path: string): void {
  for (const table of ["blocked", "allowed"]) {
    const outside = `SELECT count(*) FROM ${table}_rows AS r WHERE 1 <> (
      SELECT count(*) FROM row_spans WHERE row_table = '${table}'
        AND r.id BETWEEN first_id AND last_id AND r.time BETWEEN min_time AND max_time)`;
    assert.deepEqual(numbers(path, outside), [0]);
  }
}

Deno.test("rows older than the retention go, newer ones stay, whatever their order", () => {
  const ages = fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 40 });
  const property = fc.property(ages, (days) => {
    using bench = new StoreBench();
    const now = Date.now();
    for (const age of days) {
      bench.block({ time: now - age * DAY - 1_000 });
      if (age % 3 === 0) bench.allow({ time: now - age * DAY - 1_000 });
      if (age % 2 === 0) bench.flush();
    }
    bench.flush();
    assertSpansHold(bench.path);
    const { done } = bench.store.prune(30 * 86_400, 1e9);
    assert.equal(done, true);
    assertSpansHold(bench.path);
    const kept = numbers(bench.path, "SELECT time FROM blocked_rows");
    const expected = days.filter((age) => age < 30).length;
    const old = kept.filter((time) => time < now - 30 * DAY).length;
    assert.equal(kept.length - old, expected, "nothing newer is deleted");
    // A flush is one span: only what came together with newer rows may outlive its time.
    if (days.every((age) => age >= 30)) assert.equal(kept.length, 0);
    const hours = numbers(bench.path, "SELECT min(hour) FROM hours HAVING count(*) > 0");
    assert.ok(hours.every((hour) => hour >= Math.floor((now - 30 * DAY) / 3_600_000) - 1));
  });
  fc.assert(property, { numRuns: 25 });
});

Deno.test("contexts go with their last row, and come back when needed", () => {
  using bench = new StoreBench();
  bench.block({ time: NOON - 4000 * DAY, interfaceIndex: 7 });
  bench.allow({ time: NOON - 4000 * DAY });
  bench.flush();
  bench.block({ time: Date.now(), interfaceIndex: 8 });
  bench.flush();
  bench.store.prune(86_400, 1e9);
  assert.deepEqual(numbers(bench.path, "SELECT id FROM blocked_rows"), [2]);
  assert.equal(numbers(bench.path, "SELECT id FROM row_contexts").length, 1);
  bench.block({ time: Date.now(), interfaceIndex: 7 });
  bench.flush();
  const named = "SELECT count(*) FROM blocked_packets WHERE interface IN ('eth7', 'eth8')";
  assert.deepEqual(numbers(bench.path, named), [2]);
  assert.deepEqual(numbers(bench.path, "SELECT max(id) FROM blocked_rows"), [3], "ids go on");
});

Deno.test("the file keeps its size while rows pour in, and the newest rows stay", () => {
  using bench = new StoreBench(10_000, 10_000);
  const limit = 4_000_000;
  bench.store.retention = { seconds: 86_400 * 365 * 10, bytes: limit };
  let time = Date.now() - 3_600_000, sent = 0, greatest = 0;
  for (let flush = 0; flush < 60; flush++) {
    for (let row = 0; row < 2_500; row++, sent++, time++) {
      const source = `${1 + sent % 200}.${sent & 255}.${(sent >> 8) & 255}.1`;
      addTo(bench.blocked, { source, time, destinationPort: sent & 0xffff });
    }
    assert.equal(bench.flush().ok, true);
    if (flush % 10 === 9) bench.store.prune(86_400 * 365 * 10, limit);
    greatest = Math.max(greatest, Deno.statSync(bench.path).size);
  }
  assert.ok(greatest < limit * 1.1, `${greatest} bytes`);
  const ids = numbers(bench.path, "SELECT id FROM blocked_rows ORDER BY id");
  assert.equal(ids.at(-1), sent);
  assert.equal(ids.length, ids.at(-1)! - ids[0] + 1, "only the oldest are gone");
  assert.ok(ids.length > 15_000 && ids.length < sent, `${ids.length} rows`);
  assertSpansHold(bench.path);
  assert.deepEqual(
    numbers(bench.path, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
    [1],
  );
});

Deno.test("file and log of writes together keep the limit after every flush", () => {
  using bench = new StoreBench(2_000, 2_000);
  const limit = 20_000_000;
  bench.store.retention = { seconds: 86_400 * 365, bytes: limit };
  const sizeOf = (suffix: string) => Deno.statSync(bench.path + suffix).size;
  let sent = 0, greatest = 0, deleted = false;
  for (let flush = 0; flush < 400; flush++) {
    for (let row = 0; row < 1_000; row++, sent++) {
      const source = `${1 + sent % 200}.${sent & 255}.${(sent >> 8) & 255}.1`;
      addTo(bench.blocked, { source, time: Date.now() });
    }
    assert.equal(bench.flush().ok, true);
    greatest = Math.max(greatest, sizeOf("") + sizeOf("-wal"));
    deleted ||= flush % 50 === 0 && numbers(bench.path, "SELECT min(id) FROM blocked_rows")[0] > 1;
  }
  assert.ok(deleted, "the limit was reached");
  assert.ok(greatest <= limit && greatest > limit / 2, `${greatest} bytes`);
  assert.equal(numbers(bench.path, "SELECT max(id) FROM blocked_rows")[0], sent);
  assertSpansHold(bench.path);
});

Deno.test("a reader that never ends costs no more rows than the log counts for", () => {
  using bench = new StoreBench(2_000, 2_000);
  bench.store.retention = { seconds: 86_400 * 365, bytes: 10_000_000 };
  bench.block();
  bench.flush();
  using reader = new DatabaseSync(bench.path, { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM blocked_rows").get();
  for (let flush = 0; flush < 150; flush++) {
    for (let row = 0; row < 1_000; row++) addTo(bench.blocked, { time: Date.now() });
    assert.equal(bench.flush().ok, true);
  }
  assert.ok(Deno.statSync(`${bench.path}-wal`).size > 10_000_000, "the log cannot be emptied");
  const [kept] = numbers(bench.path, "SELECT count(*) FROM blocked_rows");
  assert.ok(kept > 40_000, `${kept} rows`);
});

Deno.test("a smaller limit than before shrinks the file itself", () => {
  using bench = new StoreBench(10_000, 10_000);
  for (let flush = 0; flush < 10; flush++) {
    for (let row = 0; row < 5_000; row++) addTo(bench.blocked, { time: Date.now() });
    bench.flush();
  }
  bench.close();
  const before = Deno.statSync(bench.path).size;
  const { rows, done } = bench.store.prune(86_400, 1_000_000);
  bench.close();
  const after = Deno.statSync(bench.path).size;
  assert.ok(done && rows > 10_000);
  assert.ok(before > 3_000_000 && after <= 1_000_000, `${before} to ${after} bytes`);
});

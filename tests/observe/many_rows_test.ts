/** Rows that are inserted some at a time are the rows, in order, however many there are. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ManyRows } from "../../engine/observe/many_rows.ts";

function emptyTable(): DatabaseSync {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, a INTEGER CHECK (a <> 13), b TEXT)");
  return db;
}

function add(rows: ManyRows, a: number): void {
  const { values, at } = rows;
  values[at] = a;
  values[at + 1] = `row ${a}`;
  rows.next();
}

function stored(db: DatabaseSync): unknown[] {
  return db.prepare("SELECT a, b FROM rows ORDER BY id").all().map(({ a, b }) => [a, b]);
}

Deno.test("many rows: any number of them, once each and in order", () => {
  for (const count of [0, 1, 3, 4, 5, 31, 32, 33, 39, 64, 100]) {
    using db = emptyTable();
    const rows = new ManyRows(db, "rows (a, b)", 2);
    for (let row = 0; row < count; row++) add(rows, row + 100);
    rows.finish();
    rows.finish();
    const expected = Array.from({ length: count }, (_, row) => [row + 100, `row ${row + 100}`]);
    assert.deepEqual(stored(db), expected, `${count}`);
  }
});

Deno.test("many rows: what failed leaves nothing behind for those that come next", () => {
  // In a whole statement, in one of four rows, and in one of a single row.
  for (const [count, bad] of [[40, 7], [38, 33], [33, 32]]) {
    using db = emptyTable();
    const rows = new ManyRows(db, "rows (a, b)", 2);
    db.exec("BEGIN");
    assert.throws(() => {
      for (let row = 0; row < count; row++) add(rows, row === bad ? 13 : row + 100);
      rows.finish();
    }, /CHECK/);
    db.exec("ROLLBACK");
    add(rows, 1);
    add(rows, 2);
    rows.finish();
    assert.deepEqual(stored(db), [[1, "row 1"], [2, "row 2"]]);
  }
});

Deno.test("many rows: what stands behind the rows holds for each of them", () => {
  using db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE sums (name TEXT PRIMARY KEY, sum INTEGER)");
  const rows = new ManyRows(db, "sums", 2, "ON CONFLICT DO UPDATE SET sum = sum + excluded.sum");
  for (let row = 0; row < 77; row++) {
    rows.values[rows.at] = `name ${row % 10}`;
    rows.values[rows.at + 1] = row;
    rows.next();
  }
  rows.finish();
  const { sum, names } = db.prepare("SELECT sum(sum) AS sum, count(*) AS names FROM sums").get()!;
  assert.deepEqual([sum, names], [77 * 38, 10]);
});

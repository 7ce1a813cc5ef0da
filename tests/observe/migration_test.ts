/** A database of an older pfw: brought up to date by the next start, readable before that. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from "../../engine/observe/schema.ts";
import { StoreReader } from "../../engine/observe/store_reader.ts";
import { StoreBench } from "./samples.ts";

/** Makes the file that version 1 left. */
function makeVersion1(path: string): void {
  const db = new DatabaseSync(path);
  db.exec(Deno.readTextFileSync(join(import.meta.dirname!, "version_1.sql")));
  db.close();
  assert.deepEqual(query(path, "PRAGMA user_version"), [{ user_version: 1 }]);
}

function query(path: string, sql: string): Record<string, unknown>[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all().map((row) => ({ ...row }));
  } finally {
    db.close();
  }
}

/** Names and texts of everything in the schema, in the order of their names. */
function schemaOf(path: string): Record<string, unknown>[] {
  return query(
    path,
    "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name",
  );
}

Deno.test("a version 1 database is brought up to date with all that it held", () => {
  using bench = new StoreBench();
  makeVersion1(bench.path);
  bench.block({ source: "203.0.113.99" });
  assert.deepEqual(bench.store.notices, []);
  assert.equal(bench.flush().ok, true);
  assert.deepEqual(query(bench.path, "SELECT src_ip FROM blocked_packets ORDER BY id"), [
    { src_ip: "203.0.113.7" },
    { src_ip: "2001:db8::7" },
    { src_ip: "203.0.113.99" },
  ]);
  assert.deepEqual(query(bench.path, "SELECT src_ip FROM allowed_packets"), [
    { src_ip: "198.51.100.9" },
  ]);
  assert.deepEqual(query(bench.path, "SELECT value FROM facts WHERE name = 'since'"), [
    { value: 1769860800000 },
  ]);
  assert.deepEqual(query(bench.path, "SELECT count(*) AS n FROM bans"), [{ n: 0 }]);
  assert.deepEqual(query(bench.path, "PRAGMA user_version"), [{ user_version: SCHEMA_VERSION }]);
});

Deno.test("it then has the very schema of a fresh one", () => {
  using old = new StoreBench(), fresh = new StoreBench();
  makeVersion1(old.path);
  for (const bench of [old, fresh]) bench.flush();
  assert.deepEqual(schemaOf(old.path), schemaOf(fresh.path));
  assert.equal(MIGRATIONS.length, SCHEMA_VERSION);
  for (const path of [old.path, fresh.path]) {
    assert.deepEqual(query(path, "PRAGMA application_id"), [{ application_id: APPLICATION_ID }]);
    assert.deepEqual(query(path, "PRAGMA auto_vacuum"), [{ auto_vacuum: 2 }]);
    assert.deepEqual(query(path, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  }
});

Deno.test("a version 1 database can be read before it is brought up to date; it has no bans", () => {
  using bench = new StoreBench();
  makeVersion1(bench.path);
  using reader = StoreReader.open(bench.path);
  assert.ok(reader);
  assert.equal(reader.stats().blocked.packets, 2);
  assert.deepEqual(reader.bans(0), []);
  assert.deepEqual(query(bench.path, "PRAGMA user_version"), [{ user_version: 1 }]);
});

Deno.test("a step that fails leaves version 1 as it was, and the file is not thrown away", () => {
  using bench = new StoreBench();
  makeVersion1(bench.path);
  const db = new DatabaseSync(bench.path);
  db.exec("CREATE TABLE ban_offences (mine)");
  db.close();
  assert.throws(() => bench.store, /cannot open database .*ban_offences already exists/);
  assert.deepEqual(query(bench.path, "PRAGMA user_version"), [{ user_version: 1 }]);
  assert.deepEqual(query(bench.path, "SELECT name FROM sqlite_schema WHERE name = 'bans'"), []);
  assert.deepEqual(query(bench.path, "SELECT count(*) AS n FROM blocked_packets"), [{ n: 2 }]);
});

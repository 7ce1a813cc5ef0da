/** What others than the rows keep in the database, through the one writer. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { StoreBench } from "./samples.ts";

/** Notes a fact in one transaction. */
function note(bench: StoreBench, name: string, more: () => void = () => {}): true | undefined {
  return bench.store.transact((db) => {
    db.prepare("INSERT INTO facts VALUES (?, 1)").run(name);
    more();
    return true;
  });
}

function isNoted(bench: StoreBench, name: string): boolean {
  const db = new DatabaseSync(bench.path, { readOnly: true });
  try {
    return db.prepare("SELECT 1 FROM facts WHERE name = ?").get(name) !== undefined;
  } finally {
    db.close();
  }
}

Deno.test("what is done is committed when it returns", () => {
  using bench = new StoreBench();
  assert.equal(bench.store.transact(() => 7), 7);
  assert.equal(note(bench, "one"), true);
  assert.ok(isNoted(bench, "one"));
});

Deno.test("what throws is undone and said with the next flush; the store lives on", async () => {
  using bench = new StoreBench();
  const stop = () => {
    throw new Error("stop");
  };
  assert.equal(note(bench, "one", stop), undefined);
  assert.equal(isNoted(bench, "one"), false);
  assert.match(bench.store.fault!, /stop/);
  const { ok, notices } = bench.flush();
  assert.equal(ok, false);
  assert.match(notices.join(), /cannot write to database .*: stop; rows wait/);
  assert.equal(note(bench, "two"), undefined, "a pause follows a fault");
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(note(bench, "two"), true);
  assert.deepEqual(bench.flush().notices, [`database ${bench.path} can be written again`]);
});

Deno.test("the generation tells of every opening", async () => {
  using bench = new StoreBench();
  const { generation } = bench.store;
  note(bench, "one");
  assert.equal(bench.store.generation, generation);
  for (const suffix of ["", "-wal", "-shm"]) Deno.removeSync(bench.path + suffix);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  assert.equal(note(bench, "two"), true);
  assert.notEqual(bench.store.generation, generation);
  assert.deepEqual([isNoted(bench, "one"), isNoted(bench, "two")], [false, true]);
});

Deno.test("after closing nothing is opened again", () => {
  using bench = new StoreBench();
  const { store } = bench;
  note(bench, "one");
  store.close();
  assert.equal(store.transact(() => true), undefined);
  assert.deepEqual([...Deno.readDirSync(bench.directory)].map(({ name }) => name), ["firewall.db"]);
});

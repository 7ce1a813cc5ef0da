/** Whatever happens to the database, writing never throws and nothing is lost in silence. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { PfwError } from "../../engine/errors.ts";
import { SCHEMA_VERSION } from "../../engine/observe/schema.ts";
import { Store } from "../../engine/observe/store.ts";
import { addTo, StoreBench } from "./samples.ts";

function hitsIn(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(db.prepare("SELECT coalesce(sum(hits), 0) AS n FROM blocked_packets").get()?.n);
  } finally {
    db.close();
  }
}

function asideOf(bench: StoreBench, label: string): string[] {
  return [...Deno.readDirSync(bench.directory)].map(({ name }) => name)
    .filter((name) => new RegExp(`^firewall\\.db\\.${label}-\\d{8}T\\d{6}Z$`).test(name));
}

/** Flushes until it works, as the daemon does; returns all notices. */
async function flushUntilWritten(bench: StoreBench, seconds = 8): Promise<string[]> {
  const notices: string[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const result = bench.flush();
    notices.push(...result.notices);
    if (result.ok) return notices;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not written within ${seconds} s: ${notices}`);
}

Deno.test("a locked database: rows wait, are written later, and both are said once", async () => {
  using bench = new StoreBench(50, 10);
  bench.block();
  bench.flush();
  const other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  for (let packet = 0; packet < 500; packet++) bench.block({ source: `10.0.0.${packet % 200}` });
  const first = bench.flush();
  assert.equal(first.ok, false);
  assert.equal(first.notices.length, 1);
  assert.match(first.notices[0], /cannot write .*another program holds its lock; rows wait/);
  assert.ok(first.milliseconds < 500, `stood still for ${first.milliseconds} ms`);
  assert.deepEqual(bench.flush(), { ok: false, rows: 0, hits: 0, milliseconds: 0, notices: [] });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(bench.flush().notices, [], "the same fault again is not said again");
  assert.match(bench.store.fault!, /lock/);
  other.exec("ROLLBACK");
  other.close();
  const notices = await flushUntilWritten(bench);
  assert.deepEqual(notices, [`database ${bench.path} can be written again`]);
  assert.equal(hitsIn(bench.path), 501);
  assert.equal(bench.store.fault, undefined);
  assert.equal(bench.store.losses.failedWrites, 2);
  assert.equal(bench.store.losses.hitsLost, 0);
});

Deno.test("what cannot be written even when closing is counted and said", () => {
  using bench = new StoreBench(50, 0);
  bench.flush();
  const other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  for (let packet = 0; packet < 7; packet++) addTo(bench.blocked);
  const { notices } = bench.store.close(bench.batch());
  other.close();
  assert.equal(notices.at(-1), "lost 1 rows (7 packets) that could not be written");
  assert.deepEqual(bench.store.losses, { failedWrites: 1, rowsLost: 1, hitsLost: 7 });
});

Deno.test("a database that stays locked while opening: one clear error after 2 s", () => {
  using bench = new StoreBench();
  bench.flush();
  bench.close();
  const other = new DatabaseSync(bench.path);
  other.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  const started = performance.now();
  assert.throws(() => Store.open(bench.path), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot open database .*: another program holds its lock; end /);
    assert.equal(error.exitCode, 1);
    return true;
  });
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds > 1.5 && seconds < 6, `${seconds} s`);
  other.close();
});

Deno.test("garbage instead of a database is moved aside, a fresh one started, both said", () => {
  using bench = new StoreBench();
  Deno.writeTextFileSync(bench.path, "not a database ".repeat(1_000));
  bench.block();
  assert.equal(bench.store.notices.length, 1);
  assert.match(bench.store.notices[0], /was damaged: moved to .*corrupt-.*, started a fresh one/);
  assert.equal(bench.flush().ok, true);
  const [aside] = asideOf(bench, "corrupt");
  assert.match(Deno.readTextFileSync(`${bench.directory}/${aside}`), /^not a database/);
  assert.equal(hitsIn(bench.path), 1);
});

Deno.test("damage in the middle of the file is found when opening", () => {
  using bench = new StoreBench();
  damagedFile(bench, 5_000);
  assert.match(bench.store.notices[0], /was damaged/);
  assert.equal(asideOf(bench, "corrupt").length, 1);
  bench.block();
  assert.equal(bench.flush().ok, true);
});

Deno.test("damage that shows while running: moved aside, and no row of the batch is lost", () => {
  using bench = new StoreBench(10_000, 10_000);
  // Larger than what is checked when opening, and than what SQLite keeps in memory.
  damagedFile(bench, 450_000);
  assert.deepEqual(bench.store.notices, []);
  for (let packet = 0; packet < 10; packet++) bench.block();
  const result = bench.flush();
  assert.equal(result.ok, true);
  assert.match(result.notices[0], /is damaged: moved to .*corrupt-.*, started a fresh one/);
  assert.equal(hitsIn(bench.path), 10);
});

/** A database of so many rows whose pages but the first few are noise. */
function damagedFile(bench: StoreBench, rows: number): void {
  for (let row = 0; row < rows; row++) {
    addTo(bench.blocked, { source: `10.${row >> 16}.${(row >> 8) & 255}.${row & 255}` });
    if (bench.blocked.count === 900) bench.flush();
  }
  bench.flush();
  bench.close();
  const file = Deno.openSync(bench.path, { read: true, write: true });
  const noise = crypto.getRandomValues(new Uint8Array(4096));
  for (let at = 24 * 4096; at < file.statSync().size; at += 4096) {
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(noise);
  }
  file.close();
}

Deno.test("a database of another program is moved aside and left whole", () => {
  using bench = new StoreBench();
  const other = new DatabaseSync(bench.path);
  other.exec("CREATE TABLE blocked_packets (id INTEGER, src_ip TEXT); PRAGMA user_version = 7");
  other.close();
  assert.match(bench.store.notices[0], /was not made by pfw: moved to/);
  const aside = new DatabaseSync(`${bench.directory}/${asideOf(bench, "foreign")[0]}`);
  assert.equal(aside.prepare("PRAGMA user_version").get()?.user_version, 7);
  aside.close();
  assert.equal(bench.flush().ok, true);
});

Deno.test("a database of a newer pfw is refused and left alone", () => {
  using bench = new StoreBench();
  bench.block();
  bench.flush();
  bench.close();
  const db = new DatabaseSync(bench.path);
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
  db.close();
  assert.throws(() => Store.open(bench.path), /a newer pfw wrote it .*; update pfw/);
  assert.equal(hitsIn(bench.path), 1);
  assert.deepEqual(asideOf(bench, "corrupt"), []);
});

/** So long that the next flush looks whether the file is still there. */
function untilNextLook(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 2_100));
}

function removeDatabase({ path }: StoreBench): void {
  for (const suffix of ["", "-wal", "-shm"]) Deno.removeSync(path + suffix);
}

Deno.test("a database removed while pfw runs is made anew, and what went with it said", async () => {
  using bench = new StoreBench(50, 1);
  const anew = `database ${bench.path} was removed or replaced: opened it anew`;
  bench.block();
  bench.flush();
  await untilNextLook();
  bench.flush();
  removeDatabase(bench);
  // Nobody knows yet: these rows go into a file without a name.
  for (let packet = 0; packet < 5; packet++) bench.block();
  assert.deepEqual(bench.flush().notices, []);
  await untilNextLook();
  bench.block();
  assert.deepEqual(bench.flush().notices, [
    anew,
    "lost 2 rows (5 packets) written after the file was last seen in place",
  ]);
  assert.deepEqual(bench.store.losses, { failedWrites: 0, rowsLost: 2, hitsLost: 5 });
  assert.equal(hitsIn(bench.path), 1);
  await untilNextLook();
  bench.flush();
  removeDatabase(bench);
  await untilNextLook();
  bench.block();
  assert.deepEqual(bench.flush().notices, [anew], "the row before was seen in place");
  assert.equal(bench.store.losses.hitsLost, 5);
});

Deno.test("a database removed just before the end: what went with it is counted and said", () => {
  using bench = new StoreBench();
  bench.block();
  bench.flush();
  removeDatabase(bench);
  bench.block();
  const { notices } = bench.store.close(bench.batch());
  assert.equal(
    notices.at(-1),
    "lost 1 rows (1 packets) written after the file was last seen in place",
  );
  assert.deepEqual(bench.store.losses, { failedWrites: 0, rowsLost: 1, hitsLost: 1 });
  assert.equal(hitsIn(bench.path), 1);
});

Deno.test("a directory in place of the file is one clear error", () => {
  using bench = new StoreBench();
  Deno.mkdirSync(bench.path);
  assert.throws(() => Store.open(bench.path), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot open database .*: Is a directory; choose another/);
    return true;
  });
});

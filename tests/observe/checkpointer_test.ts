import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { Checkpointer } from "../../engine/observe/checkpointer.ts";
import { libc } from "../../ffi/libc.ts";
import { addTo, NOON, StoreBench } from "./samples.ts";

// Stays loaded, which is no leak of the test that happens to be first.
libc();

/** A store whose own checkpoints would come late, with so many rows in the log. */
function benchWith(rows: number): StoreBench {
  const bench = new StoreBench(5_000, 5_000);
  bench.store.retention = { seconds: 1e9, bytes: 1e9 };
  write(bench, rows);
  return bench;
}

function write(bench: StoreBench, rows: number): void {
  for (let row = 1; row <= rows; row++) {
    addTo(bench.blocked, { time: NOON + row });
    if (row % 5_000 === 0 || row === rows) assert.equal(bench.flush().ok, true);
  }
}

/** Rows in a copy of the file, with its log as a power cut leaves it, or alone. */
async function rowsInCopy(bench: StoreBench, ...suffixes: string[]): Promise<number> {
  const copy = `${Deno.makeTempDirSync({ dir: bench.directory })}/copy.db`;
  for (const suffix of ["", ...suffixes]) {
    // By another process: a copy made here would give up SQLite's locks on the file.
    const args = [bench.path + suffix, copy + suffix];
    assert.ok((await new Deno.Command("cp", { args }).output()).success);
  }
  using db = new DatabaseSync(copy);
  assert.equal(db.prepare("PRAGMA integrity_check").get()?.integrity_check, "ok");
  return Number(db.prepare("SELECT count(*) AS count FROM blocked_rows").get()?.count);
}

function logSize(bench: StoreBench): number {
  return Deno.statSync(`${bench.path}-wal`).size;
}

Deno.test("checkpoint: what the log held is in the file, what came meanwhile follows", async () => {
  using bench = benchWith(15_000);
  assert.ok(logSize(bench) > 1_000_000);
  const checkpointer = new Checkpointer(bench.path);
  const first = checkpointer.run();
  write(bench, 4_000);
  await checkpointer.run(); // Busy: returns at once.
  await first;
  assert.equal(await rowsInCopy(bench, "-wal"), 19_000);
  await checkpointer.run();
  assert.equal(await rowsInCopy(bench), 19_000);
  checkpointer.close(() => bench.close());
  assert.equal(await rowsInCopy(bench), 19_000);
});

Deno.test("checkpoint: the log is written from its beginning again", async () => {
  using bench = benchWith(5_000);
  const checkpointer = new Checkpointer(bench.path);
  let greatest = 0;
  for (let round = 0; round < 25; round++) {
    write(bench, 5_000);
    await checkpointer.run();
    greatest = Math.max(greatest, logSize(bench));
  }
  assert.ok(greatest < 4_000_000, `${greatest} bytes`);
  checkpointer.close(() => bench.close());
  assert.equal(await rowsInCopy(bench), 130_000);
});

Deno.test("checkpoint: the end may come at any moment", async () => {
  using bench = benchWith(15_000);
  const checkpointer = new Checkpointer(bench.path);
  const running = checkpointer.run();
  checkpointer.close(() => bench.close());
  await running;
  await checkpointer.run();
  assert.equal(await rowsInCopy(bench), 15_000);
});

Deno.test("checkpoint: a short log is left alone, a missing one is no error", async () => {
  using bench = benchWith(10);
  const checkpointer = new Checkpointer(bench.path);
  const before = logSize(bench);
  await checkpointer.run();
  assert.equal(logSize(bench), before);
  Deno.removeSync(`${bench.path}-wal`);
  await checkpointer.run();
  checkpointer.close(() => bench.close());
});

/** Asks as another process would that writes, too: the last one to close a database deletes its log. */
async function rowsSeenByOther(path: string): Promise<number> {
  const code = `import { DatabaseSync } from "node:sqlite";
    using db = new DatabaseSync(${JSON.stringify(path)});
    console.log(db.prepare("SELECT count(*) AS count FROM blocked_rows").get().count);`;
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  return Number(new TextDecoder().decode(stdout));
}

Deno.test("checkpoint: other programs still see that the database is in use", async () => {
  using bench = benchWith(15_000);
  const checkpointer = new Checkpointer(bench.path);
  await checkpointer.run();
  for (let rows = 15_000; rows < 18_000; rows += 1_000) {
    assert.equal(await rowsSeenByOther(bench.path), rows);
    write(bench, 1_000);
  }
  assert.equal(await rowsSeenByOther(bench.path), 18_000);
  checkpointer.close(() => bench.close());
});

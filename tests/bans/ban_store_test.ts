/** Bans in the database: through restarts, faults, other files and kill -9. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BanStore } from "../../engine/bans/ban_store.ts";
import { PfwError } from "../../engine/errors.ts";
import { formatV4 } from "../../engine/net/address.ts";
import { banned, BookBench, HOUR, MINUTE, NOON, prefix, SECOND, texts } from "./book_bench.ts";

const CHILD = join(import.meta.dirname!, "ban_child.ts");
const DENO = [Deno.execPath(), "run", "--quiet", "--allow-all"];
const canMount = await works(...inMount("/tmp", "true"));

/** Runs a command with a file system of its own of 3 MB over `directory`. */
function inMount(directory: string, ...command: string[]): string[] {
  const script = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"';
  return ["unshare", "-rm", "sh", "-c", script, directory, ...command];
}

async function works(...argv: string[]): Promise<boolean> {
  try {
    const [program, ...args] = argv;
    return (await new Deno.Command(program, { args }).output()).success;
  } catch {
    return false;
  }
}

/** Expires as the daemon does, once a second or so, until everything is written. */
async function writeAll(bench: BookBench): Promise<void> {
  for (let attempt = 0; attempt < 200 && bench.book.unsaved > 0; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    bench.book.expire();
  }
  assert.equal(bench.book.unsaved, 0);
}

Deno.test("a ban is in the database before anybody is told of it, and gone when it is lifted", () => {
  using bench = new BookBench();
  bench.offend("203.0.113.7");
  assert.deepEqual(bench.query("SELECT * FROM bans"), [{
    prefix: "203.0.113.7",
    cause: "port_scan",
    reason: "port scan: 24 ports in 1.2 s",
    evidence: '{"ports":[22,23,80],"packets":24}',
    since: NOON,
    until: NOON + 10 * MINUTE,
    offences: 1,
  }]);
  bench.book.remove([prefix("203.0.113.7")]);
  assert.deepEqual(bench.stored(), []);
  assert.deepEqual(bench.query("SELECT * FROM ban_offences"), []);
});

Deno.test("a restart changes nothing: bans, evidence, offences, what ended meanwhile", () => {
  using bench = new BookBench();
  bench.offend("203.0.113.7");
  bench.offend("2001:db8:1:1::/64");
  bench.add("198.51.100.0/24", 7_200);
  const before = bench.book.bans();
  bench.restart();
  assert.deepEqual(bench.book.bans(), before);
  bench.now += HOUR;
  bench.restart();
  assert.deepEqual(texts(bench.book.bans()), ["198.51.100.0/24"]);
  assert.deepEqual(bench.book.expire(), [], "what ended while nothing ran is nobody's news");
  assert.deepEqual(bench.query("SELECT prefix, until FROM ban_offences ORDER BY prefix"), [
    { prefix: "2001:db8:1:1::/64", until: NOON + 10 * MINUTE },
    { prefix: "203.0.113.7", until: NOON + 10 * MINUTE },
  ]);
  assert.equal(banned(bench.offend("203.0.113.7")).added.offences, 2);
});

Deno.test("many changes in a batch are written in one go, also when one of them throws", () => {
  using bench = new BookBench();
  assert.throws(() =>
    bench.book.batch(() => {
      bench.book.batch(() => bench.offend("203.0.113.7"));
      assert.deepEqual(bench.stored(), []);
      throw new Error("stop");
    }), /stop/);
  assert.deepEqual(bench.stored().map((row) => row.prefix), ["203.0.113.7"]);
});

Deno.test("a locked database loses no ban, no lifting and no end", async () => {
  using bench = new BookBench();
  for (const source of ["203.0.113.1", "203.0.113.2", "203.0.113.3"]) bench.offend(source);
  const other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  bench.offend("203.0.113.4");
  bench.book.remove([prefix("203.0.113.1")]);
  bench.add("203.0.113.2", 3_600);
  bench.now += 10 * MINUTE;
  assert.equal(bench.book.expire().length, 2);
  assert.equal(bench.book.unsaved, 4);
  assert.match(bench.store.fault!, /lock/);
  other.exec("ROLLBACK");
  other.close();
  await writeAll(bench);
  assert.deepEqual(bench.stored().map((row) => row.prefix), ["203.0.113.2"]);
  assert.deepEqual(
    bench.query("SELECT prefix FROM ban_offences ORDER BY prefix").map((row) => row.prefix),
    ["203.0.113.3", "203.0.113.4"],
  );
});

Deno.test("while the database is locked, what waits is bounded, and nothing comes back", async () => {
  using bench = new BookBench({ limit: 20 });
  for (let source = 0; source < 20; source++) bench.offend(`192.0.2.${source}`);
  const other = new DatabaseSync(bench.path);
  other.exec("BEGIN IMMEDIATE");
  for (let source = 0; source < 1_000; source++) {
    bench.offend(formatV4(0x0a000000 + source));
    bench.now += SECOND;
    assert.ok(bench.book.unsaved <= 80, `${bench.book.unsaved} wait`);
  }
  other.exec("ROLLBACK");
  other.close();
  await writeAll(bench);
  assert.deepEqual(bench.stored().map((row) => row.prefix), texts(bench.book.bans()).sort());
  assert.equal(bench.query("SELECT count(*) AS n FROM ban_offences")[0].n, 20);
});

Deno.test("after the database was removed, all bans and offences are in the new one", async () => {
  using bench = new BookBench();
  for (const source of ["203.0.113.1", "203.0.113.2"]) bench.offend(source);
  bench.now += 10 * MINUTE;
  bench.book.expire();
  bench.offend("203.0.113.3");
  for (const suffix of ["", "-wal", "-shm"]) Deno.removeSync(bench.path + suffix);
  await new Promise((resolve) => setTimeout(resolve, 2_100));
  bench.offend("203.0.113.4");
  await writeAll(bench);
  assert.deepEqual(bench.stored().map((row) => row.prefix), ["203.0.113.3", "203.0.113.4"]);
  assert.equal(bench.query("SELECT count(*) AS n FROM ban_offences")[0].n, 2);
});

/** Noise in place of every page but the first, of which no connection has a copy any more. */
function damage(path: string): void {
  const other = new DatabaseSync(path);
  other.exec("INSERT INTO facts VALUES ('another', 'writer'); PRAGMA wal_checkpoint(TRUNCATE)");
  other.close();
  const file = Deno.openSync(path, { read: true, write: true });
  const noise = crypto.getRandomValues(new Uint8Array(4096));
  for (let at = 4096; at < file.statSync().size; at += 4096) {
    file.seekSync(at, Deno.SeekMode.Start);
    file.writeSync(noise);
  }
  file.close();
}

Deno.test("after the database was found damaged, all bans are in the fresh one", async () => {
  using bench = new BookBench();
  bench.offend("203.0.113.1");
  bench.add("198.51.100.0/24");
  damage(bench.path);
  bench.offend("203.0.113.2");
  await writeAll(bench);
  const all = ["198.51.100.0/24", "203.0.113.1", "203.0.113.2"];
  assert.deepEqual(bench.stored().map((row) => row.prefix), all);
  const notices = bench.store.close().notices.join();
  assert.match(notices, /is damaged: moved to .*corrupt-.*, started a fresh one/);
});

Deno.test("rows that pfw did not write are left out and cleared away", () => {
  using bench = new BookBench();
  bench.offend("203.0.113.1");
  bench.store.close();
  const other = new DatabaseSync(bench.path);
  const until = NOON + HOUR;
  for (
    const row of [
      `'203.0.113.2/32', 'manual', '', '{}', 0, ${until}, 1`,
      `'nonsense', 'manual', '', '{}', 0, ${until}, 1`,
      `'203.0.113.3', 'no_detector', '', '{}', 0, ${until}, 1`,
      `'203.0.113.4', 'manual', '', '{}', ${until + 1}, ${until}, 1`,
      `'203.0.113.5', 'manual', '', '{}', 0, ${until}, 0`,
      `'203.0.113.6', 'manual', '', '{}', 'x', ${until}, 9223372036854775807`,
      `x'00ff', 'manual', '', '{}', 0, ${until}, 1`,
      `'203.0.113.7', 'manual', 'odd evidence', '{"a":1,"b":null,"c":[1,"x"]}', 0, ${until}, 1`,
      `'203.0.113.8', 'manual', 'no evidence', '[', 0, ${until}, 1`,
    ]
  ) other.exec(`INSERT INTO bans VALUES (${row})`);
  other.exec("INSERT INTO ban_offences VALUES ('junk', 1, 2, 3), ('203.0.113.9', 'x', 'y', 'z')");
  other.close();
  bench.restart();
  const [odd, none, one] = ["203.0.113.7", "203.0.113.8", "203.0.113.1"].map((source) =>
    bench.book.find(4, ...prefix(source).words)
  );
  assert.deepEqual([odd?.evidence, none?.evidence, one?.cause], [{ a: 1 }, {}, "port_scan"]);
  assert.deepEqual(texts(bench.book.bans()), [
    "203.0.113.7",
    "203.0.113.8",
    "203.0.113.1",
  ]);
  bench.book.expire();
  assert.deepEqual(bench.stored().map((row) => row.prefix), texts(bench.book.bans()).sort());
});

Deno.test("more rows than may be: the longest bans are taken, a person's first", () => {
  using bench = new BookBench();
  for (let source = 0; source < 30; source++) {
    bench.add(`192.0.2.${source}`, 1_000 + source);
    bench.offend(`203.0.113.${source}`);
  }
  bench.store.close();
  using smaller = new BookBench({ limit: 40 }, bench.directory);
  const bans = smaller.book.bans();
  assert.equal(bans.length, 40);
  assert.equal(bans.filter(({ cause }) => cause === "manual").length, 30);
  smaller.book.expire();
  assert.equal(smaller.stored().length, 40);
});

Deno.test("a database that cannot be read is one clear error", () => {
  using bench = new BookBench();
  bench.store.close();
  assert.throws(() => bench.book.load(), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot read the bans: .*; try again/);
    return true;
  });
  assert.equal(new BanStore(bench.store).read(1, 1), undefined);
});

Deno.test("killed at any moment, every ban that was told of is in the database", async () => {
  for (let round = 0; round < 3; round++) {
    const directory = Deno.makeTempDirSync({ prefix: "pfw-bans-" });
    const [program, ...args] = [...DENO, CHILD, "ban", directory];
    const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
    let text = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text.length > 100 + 700 * round) break;
    }
    child.kill("SIGKILL");
    await child.status;
    const told = text.slice(0, text.lastIndexOf("\n")).split("\n").map(Number);
    using bench = new BookBench({}, directory);
    const stored = new Set(texts(bench.book.bans()));
    assert.ok(told.length > 10, text);
    for (const number of told) {
      // Each second of three is lifted after the third was banned and before that is told.
      const isLifted = number % 3 === 1 && told.includes(number + 1);
      if (number % 3 === 1 && !isLifted) continue;
      assert.equal(stored.has(formatV4(0x0a000000 + number)), !isLifted, String(number));
    }
    assert.equal(bench.query("PRAGMA integrity_check")[0].integrity_check, "ok");
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test({
  name: `a full disk: bans wait and are written once there is room${
    canMount ? "" : " (cannot mount)"
  }`,
  ignore: !canMount,
  fn: async () => {
    const directory = Deno.makeTempDirSync({ prefix: "pfw-bans-" });
    const [program, ...args] = inMount(directory, ...DENO, CHILD, "full", directory);
    const { stdout, stderr } = await new Deno.Command(program, { args }).output();
    Deno.removeSync(directory, { recursive: true });
    const text = new TextDecoder().decode(stdout);
    assert.ok(text, new TextDecoder().decode(stderr));
    const { number, unsaved, fault, stored, same } = JSON.parse(text);
    assert.ok(number > 200 && unsaved > 0, text);
    assert.match(fault, /no space left on the disk/);
    assert.deepEqual([stored, same], [number, true]);
  },
});

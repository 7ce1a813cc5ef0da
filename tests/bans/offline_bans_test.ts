/** Bans while no pfw runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { changeOfflineBans, offlineBans } from "../../engine/bans/offline_bans.ts";
import { PfwError } from "../../engine/errors.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { BookBench, prefix } from "./book_bench.ts";

const PARTS = {
  settings: { first: 600, longest: 604_800 },
  isProtected: () => PrefixList.parse(["192.0.2.1"]),
};

Deno.test("bans of a database are listed without writing to it; without a database there are none", () => {
  using bench = new BookBench();
  assert.deepEqual(offlineBans(join(bench.directory, "none.db")), []);
  bench.offend("203.0.113.7");
  bench.add("198.51.100.0/24", 60);
  const views = offlineBans(bench.path, bench.now + 1_000);
  assert.deepEqual(views.map(({ address, secondsLeft }) => [address, secondsLeft]), [
    ["198.51.100.0/24", 59],
    ["203.0.113.7", 599],
  ]);
  assert.deepEqual(offlineBans(bench.path, bench.now + 60_000).map(({ address }) => address), [
    "203.0.113.7",
  ]);
  assert.deepEqual(
    [...Deno.readDirSync(bench.directory)].map(({ name }) => name).includes("none.db"),
    false,
  );
});

Deno.test("a change is there at the next start, one that is refused leaves nothing", () => {
  using bench = new BookBench();
  bench.store.close();
  const added = changeOfflineBans(
    bench.path,
    PARTS,
    (book) => book.add([prefix("203.0.113.7"), prefix("203.0.113.8")], 3_600, "loud", false).added,
  );
  assert.equal(added.length, 2);
  changeOfflineBans(bench.path, PARTS, (book) => book.remove([prefix("203.0.113.8")]));
  assert.throws(
    () =>
      changeOfflineBans(
        bench.path,
        PARTS,
        (book) => book.add([prefix("192.0.2.0/24"), prefix("203.0.113.9")], 60, "", false),
      ),
    /cannot ban 192\.0\.2\.0\/24/,
  );
  assert.deepEqual(offlineBans(bench.path).map(({ address, reason }) => [address, reason]), [
    ["203.0.113.7", "loud"],
  ]);
});

Deno.test("a database that another program holds is an error, and nothing is said to be done", () => {
  using bench = new BookBench();
  bench.store.close();
  assert.throws(() =>
    changeOfflineBans(bench.path, PARTS, (book) => {
      const other = new DatabaseSync(bench.path);
      try {
        other.exec("BEGIN IMMEDIATE");
        return book.add([prefix("203.0.113.7")], 3_600, "", false);
      } finally {
        other.close();
      }
    }), (error) => {
    assert.ok(error instanceof PfwError);
    assert.match(error.message, /cannot write bans to .*: another program holds its lock/);
    assert.equal(error.exitCode, 1);
    return true;
  });
});

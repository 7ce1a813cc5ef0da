/** Bans while no pfw runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { offlineBans } from "../../engine/bans/offline_bans.ts";
import { BookBench } from "./book_bench.ts";

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

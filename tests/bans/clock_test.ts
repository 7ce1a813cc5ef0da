/** Bans are as long as was said, whatever is done to the clock. */
import assert from "node:assert/strict";
import { banned, BookBench, DAY, HOUR, MINUTE, NOON, prefix, SECOND } from "./book_bench.ts";

/** A second goes by, after the clock was set by so many milliseconds. */
function tick({ book }: BookBench): boolean {
  const isShifted = book.followClock();
  book.expire();
  return isShifted;
}

Deno.test("a clock that is set back makes no ban longer, nor shorter", () => {
  using bench = new BookBench();
  banned(bench.offend("203.0.113.7"));
  bench.book.add([prefix("192.0.2.0/24")], 3600, "", false);
  bench.now += 4 * MINUTE;
  assert.equal(tick(bench), false);
  bench.now -= DAY;
  assert.equal(tick(bench), true);
  const left = () => bench.book.views().map(({ address, secondsLeft }) => [address, secondsLeft]);
  assert.deepEqual(left(), [["192.0.2.0/24", 3360], ["203.0.113.7", 360]]);
  bench.now += SECOND;
  assert.equal(tick(bench), false, "once");
  bench.restart();
  assert.deepEqual(left(), [["192.0.2.0/24", 3359], ["203.0.113.7", 359]]);
  bench.now += 6 * MINUTE;
  tick(bench);
  assert.deepEqual(left(), [["192.0.2.0/24", 2999]]);
});

Deno.test("a clock that goes on by a leap is believed, and one that is corrected by little", () => {
  using bench = new BookBench();
  banned(bench.offend("203.0.113.7"));
  bench.now = NOON - 4 * SECOND;
  assert.equal(tick(bench), false);
  bench.now = NOON + HOUR;
  assert.equal(tick(bench), false);
  assert.deepEqual(bench.book.views(), []);
});

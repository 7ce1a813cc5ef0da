/** Those with whom this machine speaks are not banned for what anyone may send in their name. */
import assert from "node:assert/strict";
import { DETECTORS } from "../../engine/detect/detection.ts";
import { formatPrefix, type Prefix } from "../../engine/net/address.ts";
import { covers } from "../../engine/net/prefix_list.ts";
import { banned, BookBench, HOUR, NOON, prefix, refused, texts } from "./book_bench.ts";

const PEER = "203.0.113.7", STRANGER = "203.0.113.8";

/** A book of a machine that is in conversation with that address. */
function bench(peer: string, asked: string[] = []): BookBench {
  return new BookBench({
    isPeer: (candidate: Prefix, now: number) => {
      asked.push(`${formatPrefix(candidate)} at ${now}`);
      return covers(candidate, prefix(peer));
    },
  });
}

Deno.test("what may be forged bans strangers, and never a peer", () => {
  const asked: string[] = [];
  using book = bench(PEER, asked);
  for (const detector of DETECTORS) {
    const { cause, why } = refused(book.offend(PEER, { detector }));
    assert.equal(cause, "protected");
    assert.equal(why, "this machine speaks with it, and what was seen may be forged");
  }
  assert.equal(asked[0], `${PEER} at ${NOON / 1000}`);
  banned(book.offend(STRANGER));
  assert.deepEqual(texts(book.book.bans()), [STRANGER]);
});

Deno.test("it is said once of each peer", () => {
  using book = bench(PEER);
  assert.equal(refused(book.offend(PEER)).isWorthSaying, true);
  assert.equal(refused(book.offend(PEER)).isWorthSaying, false);
});

Deno.test("a ban that stands when a conversation begins is not lifted for it", () => {
  using book = bench(STRANGER);
  banned(book.offend(PEER));
  assert.deepEqual(book.book.releaseProtected(), []);
});

Deno.test("neighbours of a peer are banned one by one: no network that holds it is", () => {
  using book = bench("2001:db8:0:ff::1");
  for (const part of [1, 2, 3, 4]) banned(book.offend(`2001:db8:0:${part}::/64`));
  book.now += HOUR / 2;
  assert.equal(book.book.bans().length, 4);
  assert.equal(refused(book.offend("2001:db8:0:ff::/64")).cause, "protected");
});

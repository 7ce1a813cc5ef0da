import assert from "node:assert/strict";
import fc from "fast-check";
import { BlockFilter } from "../../engine/net/block_filter.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { PrefixTable } from "../../engine/net/prefix_table.ts";

/** Disjoint ascending ranges between the given bounds. */
function ranges(bounds: readonly number[]): [Uint32Array, Uint32Array] {
  const sorted = [...new Set(bounds)].sort((a, b) => a - b);
  const even = sorted.slice(0, sorted.length & ~1);
  return [
    Uint32Array.from(even.filter((_, at) => at % 2 === 0)),
    Uint32Array.from(even.filter((_, at) => at % 2 === 1)),
  ];
}

const address = fc.nat(0xffffffff);
/** Close together and far apart, so that blocks are shared, skipped and run into each other. */
const near = fc.nat(4096).map((offset) => 0xc6120000 + offset);

Deno.test("every address of a range may be held, by few ranges and by many", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(address, near), { minLength: 2, maxLength: 400 }),
      address,
      (bounds, anywhere) => {
        const [starts, ends] = ranges(bounds);
        const filter = new BlockFilter(starts, ends);
        for (let range = 0; range < starts.length; range++) {
          const width = ends[range] - starts[range] + 1;
          for (const word of [starts[range], ends[range], starts[range] + anywhere % width]) {
            assert.ok(filter.mayHold(word | 0), `${word} is in ${starts[range]}-${ends[range]}`);
          }
        }
      },
    ),
    { numRuns: 50 },
  );
});

/** Spread over all addresses by a full-period generator, so that all are different. */
function spread(count: number): Uint32Array {
  const words = new Uint32Array(count);
  for (let at = 1; at < count; at++) words[at] = Math.imul(words[at - 1], 1664525) + 1013904223;
  return words.sort();
}

Deno.test("few of the blocks that no range touches look as if they were", () => {
  const words = spread(50_000), filter = new BlockFilter(words, words);
  const touched = new Set(Array.from(words, (word) => word >>> 8));
  let wrong = 0, asked = 0;
  for (let block = 0; block < 1 << 24; block += 97) {
    if (touched.has(block)) continue;
    asked++;
    if (filter.mayHold(block << 8)) wrong++;
  }
  assert.ok(wrong < asked / 10, `${wrong} of ${asked}`);
});

Deno.test("with very many blocks each has its own bit", () => {
  const starts = Uint32Array.of(0x01000000, 0x80000000),
    ends = Uint32Array.of(0x7fffffff, 0x800000ff);
  const filter = new BlockFilter(starts, ends);
  for (const word of [0x01000000, 0x7fffffff, 0x80000000, 0x800000ff]) {
    assert.ok(filter.mayHold(word | 0), word.toString(16));
  }
  for (const word of [0, 0x00ffffff, 0x80000100, 0xffffffff]) {
    assert.ok(!filter.mayHold(word | 0), word.toString(16));
  }
});

Deno.test("a table of so many prefixes that it has a filter answers as a set does", () => {
  const words = spread(5_000);
  const texts = Array.from(
    words,
    (word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join("."),
  );
  const table = new PrefixTable([{ list: PrefixList.parse(texts), value: 7 }]);
  const listed = new Set(words);
  for (const word of words) {
    for (const probe of [word, word + 1, word - 1, word ^ 0x100]) {
      assert.equal(table.lookupV4(probe | 0), listed.has(probe >>> 0) ? 7 : 0);
    }
  }
});

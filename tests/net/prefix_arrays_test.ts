/** Lists from arrays: what a list holds makes the same list, anything else is refused. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { maskWord, type Prefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";

const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

const prefix: fc.Arbitrary<Prefix> = fc.tuple(
  fc.constantFrom(4 as const, 6 as const),
  fc.tuple(word, word, word, word),
  fc.integer({ min: 0, max: 128 }),
).map(([family, words, width]) => {
  const length = family === 4 ? width % 33 : width;
  const masked = words.map((one, at) => one & maskWord(length - 32 * at));
  if (family === 4) masked.fill(0, 1);
  return { family, words: masked as unknown as Prefix["words"], length };
});

function copyOf({ v4, v4Lengths, v6, v6Lengths }: PrefixList) {
  return [v4.slice(), v4Lengths.slice(), v6.slice(), v6Lengths.slice()] as const;
}

Deno.test("prefix arrays: what a list holds makes the same list", () => {
  fc.assert(fc.property(fc.array(prefix, { maxLength: 40 }), (prefixes) => {
    const list = PrefixList.from(prefixes);
    assert.deepEqual(PrefixList.fromArrays(...copyOf(list)), list);
  }));
});

Deno.test("prefix arrays: whatever is taken is a list that building it again does not change", () => {
  const words = fc.array(word, { maxLength: 4 });
  const lengths = fc.array(fc.integer({ min: 0, max: 140 }), { maxLength: 4 });
  fc.assert(fc.property(words, lengths, lengths, fc.array(word), (w4, l4, l6, w6) => {
    const arrays = [
      Int32Array.from(w4).sort(),
      Uint8Array.from(l4),
      Int32Array.from(w6),
      Uint8Array.from(l6),
    ] as const;
    let list: PrefixList;
    try {
      list = PrefixList.fromArrays(...arrays);
    } catch (error) {
      assert.ok(error instanceof RangeError);
      return;
    }
    assert.deepEqual(PrefixList.from([...list.prefixes(4), ...list.prefixes(6)]), list);
  }));
});

const REFUSED: Record<string, [number[], number[], number[], number[]]> = {
  "two of the same": [[1, 1], [32, 32], [], []],
  "a descending one": [[2, 1], [32, 32], [], []],
  "one within the one before": [[0x0a000000, 0x0a000001], [8, 32], [], []],
  "bits past the length": [[0x0a000001], [8], [], []],
  "a length past the address": [[1], [33], [], []],
  "more words than lengths": [[1, 2], [32], [], []],
  "half an IPv6 address": [[], [], [1, 2], [128]],
  "IPv6 bits past the length": [[], [], [0x20010db8, 0, 0, 1], [64]],
  "an IPv6 one within the one before": [[], [], [1, 0, 0, 0, 1, 0, 0, 5], [64, 128]],
};

for (const [what, [v4, l4, v6, l6]] of Object.entries(REFUSED)) {
  Deno.test(`prefix arrays: ${what}: refused`, () => {
    const arrays = [Int32Array.from(v4), Uint8Array.from(l4), Int32Array.from(v6)] as const;
    assert.throws(() => PrefixList.fromArrays(...arrays, Uint8Array.from(l6)), RangeError);
  });
}

Deno.test("prefix arrays: unsigned order, high addresses last", () => {
  const list = PrefixList.fromArrays(
    Int32Array.of(0x01000000, 0x80000000 | 0, -1),
    Uint8Array.of(8, 32, 32),
    new Int32Array(0),
    new Uint8Array(0),
  );
  assert.deepEqual([...list.texts(4)], ["1.0.0.0/8", "128.0.0.0", "255.255.255.255"]);
});

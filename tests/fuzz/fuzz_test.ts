import assert from "node:assert/strict";
import { fuzz, FuzzFailure } from "./campaign.ts";
import { FUZZ_TARGETS } from "./targets.ts";

const MILLISECONDS = 2000;

for (const target of FUZZ_TARGETS) {
  Deno.test(`fuzz: ${target.name} keeps its promises on mutated input`, () => {
    const seed = crypto.getRandomValues(new Int32Array(1))[0];
    assert.ok(fuzz(target, MILLISECONDS, seed) > 0);
  });
}

Deno.test("fuzz: a broken promise is found and can be seen again", () => {
  const broken = {
    name: "broken",
    seeds: () => [Uint8Array.of(1, 2, 3, 4)],
    check(input: Uint8Array) {
      if (input.length > 4 && input[0] === 0xff) throw new Error("met");
    },
  };
  assert.throws(() => fuzz(broken, 10_000, 7), (error) => {
    assert.ok(error instanceof FuzzFailure);
    assert.throws(() => broken.check(error.input), /met/);
    return true;
  });
});

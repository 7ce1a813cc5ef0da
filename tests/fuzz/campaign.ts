/** Runs a fuzz target for a time; some mutants become seeds themselves. */
import { mutate, Random } from "./mutate.ts";
import type { FuzzTarget } from "./targets.ts";

/** A broken promise, with what it takes to see it again. */
export class FuzzFailure extends Error {
  override readonly name = "FuzzFailure";
  constructor(target: string, seed: number, readonly input: Uint8Array, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${target}, seed ${seed}: ${why}; input (hex): ${hex(input)}`, { cause });
  }
}

/** One input may not take longer, in milliseconds: a reader that hangs is broken as well. */
const SLOW = 2000;
/** Mutants kept as seeds; they take turns with the good ones. */
const KEPT = 512;

/**
 * Feeds mutants of the target's seeds to it.
 *
 * @param milliseconds how long
 * @returns number of inputs tried
 * @throws FuzzFailure at the first broken promise
 */
export function fuzz(target: FuzzTarget, milliseconds: number, seed: number): number {
  const random = new Random(seed);
  const seeds = target.seeds();
  for (const input of seeds) run(target, seed, input);
  const kept: Uint8Array[] = [];
  const end = performance.now() + milliseconds;
  let inputs = 0;
  while (performance.now() < end) {
    const from = kept.length > 0 && random.below(3) === 0 ? random.pick(kept) : random.pick(seeds);
    const input = mutate(random, from, random.pick(seeds));
    run(target, seed, input);
    inputs++;
    // Without a view of the covered branches any mutant may be the way to the next.
    if (random.below(16) === 0) kept[random.below(KEPT) % (kept.length + 1)] = input;
  }
  return inputs;
}

function run(target: FuzzTarget, seed: number, input: Uint8Array): void {
  const started = performance.now();
  try {
    target.check(input);
  } catch (error) {
    throw new FuzzFailure(target.name, seed, input, error);
  }
  const took = performance.now() - started;
  if (took > SLOW) throw new FuzzFailure(target.name, seed, input, `took ${Math.round(took)} ms`);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 4096), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

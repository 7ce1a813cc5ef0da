/** What a benchmark is, and what it found. */
import type { Blacklist } from "./blacklist.ts";
import type { PfwUnderTest } from "./pfw_under_test.ts";

/** One figure, measured once in each round. */
export interface Series {
  readonly name: string;
  readonly unit: string;
  /** By round. */
  readonly values: readonly number[];
}

/** What a benchmark is about: a ratio, or a figure with a limit. */
export interface Verdict {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly target?: Target;
  /** What it is called in the summary, where `name` needs the benchmark's title beside it. */
  readonly row?: string;
  /** It stands in the README, too. */
  readonly isHeadline?: boolean;
}

/** What a figure should reach. */
export type Target = { readonly atLeast: number } | { readonly atMost: number };

/** Where the time of something goes; the parts add up to the whole. */
export interface Profile {
  readonly of: string;
  readonly unit: string;
  readonly parts: readonly { readonly name: string; readonly value: number }[];
}

/** What one benchmark found. */
export interface Findings {
  readonly verdicts: readonly Verdict[];
  readonly series: readonly Series[];
  /** What was measured, on what: sentences for the report. */
  readonly notes: readonly string[];
  readonly profiles?: readonly Profile[];
}

/** What every benchmark is given. */
export interface Settings {
  /** One short round, to see that everything works. */
  readonly quick: boolean;
  /** The ten-minute run of the memory benchmark. */
  readonly long: boolean;
  /** At least 5, unless quick. */
  readonly rounds: number;
  /** For captures, configurations and compiled programs. */
  readonly directory: string;
  readonly pfw: PfwUnderTest;
  readonly blacklist: Blacklist;
  /** Tells what is going on. */
  readonly say: (text: string) => void;
}

/** One benchmark. */
export interface Benchmark {
  readonly name: string;
  /** What it compares, in a few words. */
  readonly title: string;
  /** Why it cannot run here; `undefined` when it can. */
  obstacle(settings: Settings): Promise<string | undefined> | string | undefined;
  run(settings: Settings): Promise<Findings>;
}

/** Whether a figure reaches its target; `undefined` where it has none. */
export function isReached({ value, target }: Verdict): boolean | undefined {
  if (target === undefined) return undefined;
  return "atLeast" in target ? value >= target.atLeast : value <= target.atMost;
}

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest value that a share of all does not exceed (nearest rank). */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** The median over the rounds of how much greater one is than the other: noise hits both alike. */
export function medianRatio(of: Series, to: Series): number {
  return median(of.values.map((value, round) => value / to.values[round]));
}

/** A contestant of a comparison: gives its figures by name, the same names in every round. */
export type Contestant = (round: number) => Promise<Record<string, number>>;

/**
 * Lets the contestants take turns, so that what else the machine does meets all of them.
 *
 * @returns the values of each name, by round
 */
export async function interleave(
  rounds: number,
  contestants: readonly Contestant[],
): Promise<Record<string, number[]>> {
  const values: Record<string, number[]> = {};
  for (let round = 0; round < rounds; round++) {
    for (const contestant of contestants) {
      for (const [name, value] of Object.entries(await contestant(round))) {
        (values[name] ??= []).push(value);
      }
    }
  }
  return values;
}

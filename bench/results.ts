/** `bench/results.json`: what the page about performance is made of. */
import { join } from "node:path";
import { type Findings, isReached, median, type Series, type Verdict } from "./harness.ts";
import type { Machine, Occasion } from "./machine.ts";

/** One benchmark as it ended. */
export type BenchmarkResult =
  & { readonly name: string; readonly title: string; readonly occasion: Occasion }
  & (Findings | { readonly skipped: string } | { readonly failed: string });

/** A whole run. */
export interface Results {
  readonly machine: Machine;
  /** Programs that benchmarks compare with or work by, and what they say of themselves. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly benchmarks: readonly BenchmarkResult[];
}

/** Where results are kept. */
export const RESULTS_FILE = join(import.meta.dirname!, "results.json");

/** Writes the results; the medians stand beside the values that they are of. */
export function writeResults(results: Results, path = RESULTS_FILE): void {
  const benchmarks = results.benchmarks.map((result) =>
    "verdicts" in result
      ? {
        ...result,
        verdicts: result.verdicts.map((verdict) => ({
          ...verdict,
          value: rounded(verdict.value),
          reached: isReached(verdict),
        })),
        series: result.series.map(summarise),
        profiles: result.profiles?.map((profile) => ({
          ...profile,
          parts: profile.parts.map(({ name, value }) => ({ name, value: rounded(value) })),
        })),
      }
      : result
  );
  Deno.writeTextFileSync(path, JSON.stringify({ ...results, benchmarks }, null, 2) + "\n");
}

function summarise({ name, unit, values }: Series) {
  return {
    name,
    unit,
    median: rounded(median(values)),
    least: rounded(Math.min(...values)),
    most: rounded(Math.max(...values)),
    values: values.map(rounded),
  };
}

/** Five digits: more would pretend. */
function rounded(value: number): number {
  return Number(value.toPrecision(5));
}

/** Reads what `writeResults` wrote. */
export function readResults(path = RESULTS_FILE): Results {
  return JSON.parse(Deno.readTextFileSync(path));
}

/** A figure with its unit, as tables show it. */
export function formatFigure(value: number, unit: string): string {
  const digits = Math.abs(value) >= 100 || Number.isInteger(value)
    ? 0
    : Math.abs(value) >= 10
    ? 1
    : Math.abs(value) >= 1
    ? 2
    : 3;
  const number = value.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return unit === "×" ? `${number} ×` : `${number} ${unit}`;
}

/** `≥ 500 ×`, or an empty text where there is no target. */
export function formatWanted({ target, unit }: Verdict): string {
  if (target === undefined) return "";
  return "atLeast" in target
    ? `≥ ${formatFigure(target.atLeast, unit)}`
    : `≤ ${formatFigure(target.atMost, unit)}`;
}

/** `≥ 500 ×, reached`, or an empty text where there is no target. */
export function formatTarget(verdict: Verdict): string {
  if (verdict.target === undefined) return "";
  return `${formatWanted(verdict)}, ${isReached(verdict) ? "reached" : "MISSED"}`;
}

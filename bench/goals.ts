/** What is to be measured, and what of it the summaries show. */
import { isReached, type Verdict } from "./harness.ts";
import type { BenchmarkResult, Results } from "./results.ts";

/** A benchmark that the summary tells of whether or not there is a result. */
interface Goal {
  readonly benchmark: string;
  readonly what: string;
}

/** In the order of the summary. */
const GOALS: readonly Goal[] = [
  { benchmark: "replay", what: "judging a capture" },
  { benchmark: "live", what: "watching an interface at top speed" },
  { benchmark: "growth", what: "rules and addresses growing in number" },
  { benchmark: "enforcement", what: "what enforcing costs each packet" },
  { benchmark: "flood", what: "what is left under a flood" },
  { benchmark: "loading", what: "loading a long list" },
  { benchmark: "feeds", what: "a threat feed from its publisher to the kernel" },
  { benchmark: "change", what: "a command until the kernel enforces it" },
  { benchmark: "store", what: "blocked events to rows that stay" },
  { benchmark: "queries", what: "questions to 10 million rows" },
  { benchmark: "memory", what: "resident memory" },
  { benchmark: "start", what: "short commands" },
  { benchmark: "dashboard", what: "the web page under a flood" },
];

/** One line of a summary. */
export interface SummaryLine {
  readonly benchmark: string;
  readonly what: string;
  /** Absent where nothing was measured. */
  readonly verdict?: Verdict;
  /** Why nothing was measured. */
  readonly open?: string;
}

/**
 * A line for every figure that its benchmark names for the summary, or that has a target, and one
 * for each goal that nothing was measured for. Ratios come first: noise hits both of their sides.
 */
export function summaryLines(results: Results): SummaryLine[] {
  const others = results.benchmarks.map(({ name, title }) => ({ benchmark: name, what: title }))
    .filter(({ benchmark }) => GOALS.every((goal) => goal.benchmark !== benchmark));
  return [
    ...GOALS.flatMap((goal) => linesOf(goal, results)),
    ...others.flatMap((goal) => linesOf(goal, results).filter(({ verdict }) => verdict?.target)),
  ];
}

/**
 * Of the lines those that stand in the README: what a benchmark calls so, else its first one, and
 * what missed its target.
 */
export function headlines(lines: readonly SummaryLine[]): SummaryLine[] {
  return lines.filter((line) => {
    const own = lines.filter(({ benchmark }) => benchmark === line.benchmark);
    const chosen = own.filter(({ verdict }) => verdict?.isHeadline);
    return (chosen.length > 0 ? chosen : own.slice(0, 1)).includes(line) ||
      outcome(line) === "MISSED";
  });
}

/** `reached`, `MISSED`, `open`, or an empty text where there is no target. */
export function outcome({ verdict }: SummaryLine): string {
  if (!verdict) return "open";
  const reached = isReached(verdict);
  return reached === undefined ? "" : reached ? "reached" : "MISSED";
}

function linesOf({ benchmark, what }: Goal, { benchmarks }: Results): SummaryLine[] {
  const result = benchmarks.find(({ name }) => name === benchmark);
  const open = whyOpen(result);
  if (open !== undefined) return [{ benchmark, what, open }];
  const { verdicts } = result as BenchmarkResult & { verdicts: readonly Verdict[] };
  const chosen = chosenOf(verdicts);
  const [ratios, figures] = [true, false].map((isRatio) =>
    chosen.filter(({ unit }) => (unit === "×") === isRatio)
  );
  return [...ratios, ...figures].map((verdict) => ({
    benchmark,
    what: verdict.row ?? `${what}: ${verdict.name}`,
    verdict,
  }));
}

/** Those that the benchmark names for it, else those with a target; a missed target always. */
function chosenOf(verdicts: readonly Verdict[]): readonly Verdict[] {
  const isNamed = ({ row, isHeadline }: Verdict) => row !== undefined || isHeadline === true;
  const isMissed = (verdict: Verdict) => isReached(verdict) === false;
  const chosen = verdicts.some(isNamed)
    ? verdicts.filter((verdict) => isNamed(verdict) || isMissed(verdict))
    : verdicts.filter(({ target }) => target !== undefined);
  return chosen.length > 0 ? chosen : verdicts.slice(0, 1);
}

function whyOpen(result: BenchmarkResult | undefined): string | undefined {
  if (!result) return "not measured yet";
  if ("skipped" in result) return `left out: ${result.skipped}`;
  if ("failed" in result) return `failed: ${result.failed.split("\n", 1)[0]}`;
  return result.verdicts.length === 0 ? "nothing was found" : undefined;
}

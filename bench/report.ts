/** Results as people read them: a table on the terminal, and docs/performance.md. */
import { join } from "node:path";
import { renderTable } from "../cli/output.ts";
import { median, type Series, type Verdict } from "./harness.ts";
import { type BenchmarkResult, formatFigure, formatTarget, type Results } from "./results.ts";

/** The page about performance. */
export const PAGE_FILE = join(import.meta.dirname!, "../docs/performance.md");

/** One benchmark for the terminal: what it is about first, then what it was made of. */
export function resultTable(result: BenchmarkResult): string {
  const head = `\n${result.name}: ${result.title}`;
  if ("skipped" in result) return `${head}\n  skipped: ${result.skipped}`;
  if ("failed" in result) return `${head}\n  FAILED: ${result.failed}`;
  const verdicts = renderTable(
    [{ title: "figure" }, { title: "value", align: "right" }, { title: "target" }],
    result.verdicts.map(verdictRow),
  );
  const series = renderTable(
    [
      { title: "measured" },
      { title: "median", align: "right" },
      { title: "least", align: "right" },
      { title: "most", align: "right" },
    ],
    result.series.map(seriesRow),
  );
  return [head, verdicts, "", series].join("\n");
}

function verdictRow(verdict: Verdict): string[] {
  const { name, value, unit } = verdict;
  return [name, formatFigure(value, unit), formatTarget(verdict)];
}

function seriesRow({ name, unit, values }: Series): string[] {
  const figures = [median(values), Math.min(...values), Math.max(...values)];
  return [name, ...figures.map((value) => formatFigure(value, unit))];
}

/** docs/performance.md. */
export function performancePage({ machine, benchmarks }: Results): string {
  const { processor, processors, memory, kernel, distribution } = machine;
  const page = [
    "# Performance",
    "",
    "Made from `bench/results.json` by `./build.sh bench`; no figure here is typed by hand.",
    "What is compared ran side by side, the contestants taking turns; figures are medians of the",
    "rounds, ratios medians of each round's ratio.",
    "",
    `Measured on ${distribution}, Linux ${kernel}, ${processor}, ${processors} processors, ` +
    `${formatFigure(memory / 1e9, "GB")} of memory.`,
    "",
    "To repeat it: `./build.sh && ./build.sh bench` as root; `./build.sh bench --quick` only shows",
    "that everything works, `--only NAME` runs one benchmark, `--long` lets the memory benchmark run",
    "for ten minutes.",
    ...benchmarks.flatMap(section),
  ];
  return page.join("\n") + "\n";
}

function section(result: BenchmarkResult): string[] {
  const { name, title, occasion } = result;
  const head = ["", `## ${name}: ${title}`, ""];
  if ("skipped" in result) return [...head, `Left out: ${result.skipped}.`];
  if ("failed" in result) return [...head, `Failed: ${result.failed}`];
  const { date, commit, pfw, rounds, loadBefore } = occasion;
  return [
    ...head,
    ...result.notes.flatMap((note) => [note, ""]),
    ...markdownTable(["figure", "value", "target"], result.verdicts.map(verdictRow)),
    "",
    ...markdownTable(["measured", "median", "least", "most"], result.series.map(seriesRow)),
    "",
    `${pfw}, commit ${commit}, ${
      date.slice(0, 10)
    }, ${rounds} rounds; load of the machine before ` +
    `it: ${loadBefore.toFixed(1)}.`,
  ];
}

function markdownTable(titles: readonly string[], rows: readonly string[][]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = titles.map((_, at) => at > 0 ? "---:" : "---");
  return [line(titles), line(rule), ...rows.map(line)];
}

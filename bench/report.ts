/** Results as people read them: a table on the terminal, docs/performance.md, the README's figures. */
import { join } from "node:path";
import { renderTable } from "../cli/output.ts";
import { headlines, outcome, type SummaryLine, summaryLines } from "./goals.ts";
import { median, type Profile, type Series, type Verdict } from "./harness.ts";
import type { Machine } from "./machine.ts";
import {
  type BenchmarkResult,
  formatFigure,
  formatTarget,
  formatWanted,
  type Results,
} from "./results.ts";

/** The page about performance. */
export const PAGE_FILE = join(import.meta.dirname!, "../docs/performance.md");

/** The page that a reader sees first. */
export const README_FILE = join(import.meta.dirname!, "../README.md");

/** What stands in the README between these two is made here. */
const README_BEGIN = "<!-- figures: made by ./build.sh bench -->";
const README_END = "<!-- /figures -->";

/** The benchmark whose figures are a profile. */
const STAGES = "stages";

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
export function performancePage(results: Results): string {
  const { machine, benchmarks } = results;
  const page = [
    "# Performance",
    "",
    "Made from `bench/results.json` by `./build.sh bench`; no figure here is typed by hand.",
    "What is compared ran side by side, the contestants taking turns; figures are medians of the",
    "rounds, ratios medians of each round's ratio.",
    "",
    "## In short",
    "",
    `On ${machineText(machine)}.`,
    "",
    ...markdownTable(
      ["benchmark", "what", "figure", "target", ""],
      summaryLines(results).map((line) => [`\`${line.benchmark}\``, ...summaryRow(line)]),
    ),
    ...benchmarks.filter(({ name }) => name !== STAGES).flatMap(section),
    ...profileSection(benchmarks),
    ...surroundings(results),
    ...REPEATING,
  ];
  return page.join("\n") + "\n";
}

/** The README with the headline figures of these results between its two marks. */
export function readmeWithFigures(readme: string, results: Results): string {
  const begin = readme.indexOf(README_BEGIN), end = readme.indexOf(README_END);
  if (begin < 0 || end < begin) throw new Error(`the README lacks ${README_BEGIN} … ${README_END}`);
  const rows = headlines(summaryLines(results)).map((line) => [
    ...summaryRow(line),
    `\`./build.sh bench --only ${line.benchmark}\``,
  ]);
  const table = markdownTable(["what", "figure", "target", "", "to repeat it"], rows);
  const text = [README_BEGIN, "", `On ${machineText(results.machine)}:`, "", ...table, ""];
  return readme.slice(0, begin) + text.join("\n") + "\n" + readme.slice(end);
}

function machineText({ processor, processors, memory, kernel, distribution }: Machine): string {
  return `${distribution}, Linux ${kernel}, ${processor}, ${processors} processors, ` +
    `${formatFigure(memory / 1e9, "GB")} of memory`;
}

/** What, figure, target, and whether it is reached. */
function summaryRow(line: SummaryLine): string[] {
  const { what, verdict, open } = line;
  if (!verdict) return [what, open ?? "", "", outcome(line)];
  return [what, formatFigure(verdict.value, verdict.unit), formatWanted(verdict), outcome(line)];
}

function section(result: BenchmarkResult): string[] {
  const { name, title } = result;
  const head = ["", `## ${name}: ${title}`, ""];
  if ("skipped" in result) return [...head, `Left out: ${result.skipped}.`];
  if ("failed" in result) return [...head, `Failed: ${result.failed}`];
  return [
    ...head,
    ...result.notes.flatMap((note) => [note, ""]),
    ...markdownTable(["figure", "value", "target"], result.verdicts.map(verdictRow)),
    "",
    ...markdownTable(["measured", "median", "least", "most"], result.series.map(seriesRow)),
    "",
    occasionText(result),
  ];
}

function occasionText({ occasion }: BenchmarkResult): string {
  const { date, commit, pfw, rounds, loadBefore } = occasion;
  const day = date.slice(0, 10);
  return `${pfw}, commit ${commit}, ${day}, ${rounds} rounds; load of the machine before it: ` +
    `${loadBefore.toFixed(1)}.`;
}

/** The stages of a packet, and whatever other profile a benchmark took. */
function profileSection(benchmarks: readonly BenchmarkResult[]): string[] {
  const stages = benchmarks.filter(({ name }) => name === STAGES).flatMap(stagesText);
  const profiles = benchmarks.flatMap((result) =>
    "profiles" in result ? (result.profiles ?? []).flatMap(profileText) : []
  );
  const text = [...stages, ...profiles];
  return ["", "## Where time goes", ...(text.length > 0 ? text : ["", "Not measured yet."])];
}

function stagesText(result: BenchmarkResult): string[] {
  if (!("verdicts" in result)) return section(result).slice(3);
  const { title, verdicts, notes } = result;
  // The last one is the sum of the others.
  const [sum, ...parts] = [...verdicts].reverse();
  const profile = { of: title, unit: sum.unit, parts: parts.reverse() };
  return [...profileText(profile), "", ...notes, "", occasionText(result)];
}

function profileText({ of, unit, parts }: Profile): string[] {
  const whole = parts.reduce((sum, { value }) => sum + value, 0);
  const rows = parts.map(({ name, value }) => [
    name,
    formatFigure(value, unit),
    formatFigure(100 * value / whole, "%"),
  ]);
  const sum = ["together", formatFigure(whole, unit), ""];
  return ["", `### ${of}`, "", ...markdownTable(["", "time", "share"], [...rows, sum])];
}

function surroundings({ versions }: Results): string[] {
  const rows = Object.entries(versions ?? {});
  const head = ["", "## What was on the machine", ""];
  if (rows.length === 0) return [...head, "Not noted yet."];
  return [...head, ...markdownTable(["program", "version"], rows)];
}

const REPEATING = [
  "",
  "## To repeat it",
  "",
  "`./build.sh && ./build.sh bench` as root, on a machine with nothing else to do. What a benchmark",
  "needs and does not find it names, and is left out. `--only NAME` runs one benchmark, the results",
  "of the others stay; `--long` floods pfw for ten minutes, not one, in the memory benchmark;",
  "`--quick` only shows that everything works and keeps no result; `--page` makes this page and the",
  "README's table anew from the results that are there.",
];

function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  // Figures are right of what they are of, and commands left again.
  const rule = titles.map((title, at) => at > 0 && isFigure(title) ? "---:" : "---");
  return [line(titles), line(rule), ...rows.map(line)];
}

function isFigure(title: string): boolean {
  return ["figure", "value", "target", "median", "least", "most", "time", "share"].includes(title);
}

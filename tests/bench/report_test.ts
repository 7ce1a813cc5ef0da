import assert from "node:assert/strict";
import { headlines, outcome, summaryLines } from "../../bench/goals.ts";
import type { Verdict } from "../../bench/harness.ts";
import {
  PAGE_FILE,
  performancePage,
  README_FILE,
  readmeWithFigures,
  resultTable,
} from "../../bench/report.ts";
import { type BenchmarkResult, readResults, type Results } from "../../bench/results.ts";

const TO_MAKE = "make them with ./build.sh bench --page";

Deno.test("bench: README and page are what the results say", () => {
  const results = readResults();
  assert.equal(Deno.readTextFileSync(PAGE_FILE), performancePage(results), TO_MAKE);
  const readme = Deno.readTextFileSync(README_FILE);
  assert.equal(readme, readmeWithFigures(readme, results), TO_MAKE);
});

const MACHINE = { processor: "P", processors: 2, memory: 8e9, kernel: "6.1", distribution: "D" };
const OCCASION = {
  date: "2026-11-29T00:00:00Z",
  commit: "c",
  pfw: "pfw",
  rounds: 5,
  loadBefore: 0,
};

function measured(name: string, verdicts: readonly Verdict[]): BenchmarkResult {
  return { name, title: `title of ${name}`, occasion: OCCASION, verdicts, series: [], notes: [] };
}

function results(...benchmarks: BenchmarkResult[]): Results {
  return { machine: MACHINE, versions: { iptables: "1.8.9 (nf_tables)" }, benchmarks };
}

/** What of a benchmark the summary says. */
function said(of: Results, benchmark: string): string[] {
  return summaryLines(of).filter((line) => line.benchmark === benchmark)
    .map((line) => `${line.what} ${line.verdict?.value ?? line.open} ${outcome(line)}`.trim());
}

Deno.test("bench: the summary has the ratios first, and what has neither name nor target not at all", () => {
  const all = results(measured("replay", [
    { name: "a", value: 2, unit: "s", target: { atMost: 3 } },
    { name: "b", value: 7, unit: "s" },
    { name: "c", value: 5, unit: "×", target: { atLeast: 6 } },
  ]));
  assert.deepEqual(said(all, "replay"), [
    "judging a capture: c 5 MISSED",
    "judging a capture: a 2 reached",
  ]);
});

Deno.test("bench: a benchmark may name its lines of the summary; a missed target is there all the same", () => {
  const all = results(measured("store", [
    { name: "a", value: 2, unit: "s", target: { atMost: 3 } },
    { name: "b", value: 7, unit: "s", target: { atMost: 3 } },
    { name: "c", row: "events", value: 5, unit: "s", isHeadline: true },
    { name: "d", row: "bytes", value: 5, unit: "bytes" },
  ]));
  assert.deepEqual(said(all, "store"), [
    "blocked events to rows that stay: b 7 MISSED",
    "events 5",
    "bytes 5",
  ]);
  const readme = headlines(summaryLines(all)).filter(({ benchmark }) => benchmark === "store");
  const missed = "blocked events to rows that stay: b";
  assert.deepEqual(readme.map(({ what }) => what), [missed, "events"]);
});

Deno.test("bench: what is absent, left out or failed is open, and said", () => {
  const head = { title: "t", occasion: OCCASION };
  const all = results(
    { ...head, name: "live", skipped: "needs tcpreplay" },
    { ...head, name: "memory", failed: "no pfw: ready\nat line 5" },
    measured("start", []),
  );
  assert.deepEqual(said(all, "store"), ["blocked events to rows that stay not measured yet open"]);
  assert.match(said(all, "live")[0], /left out: needs tcpreplay open$/);
  assert.match(said(all, "memory")[0], /failed: no pfw: ready open$/);
  assert.match(said(all, "start")[0], /nothing was found open$/);
  const page = performancePage(all);
  assert.match(page, /Left out: needs tcpreplay\./);
  assert.match(page, /Failed: no pfw: ready/);
  assert.match(page, /\| iptables \| 1\.8\.9 \(nf_tables\) \|/);
  assert.match(page, /## Where time goes\n\nNot measured yet\./);
  assert.match(resultTable(all.benchmarks[1]), /FAILED: no pfw: ready/);
});

Deno.test("bench: a result that no goal names stands behind the others where it has a target", () => {
  const verdict = { name: "a", value: 2, unit: "s", target: { atMost: 3 } };
  assert.deepEqual(said(results(measured("new", [verdict])), "new"), ["title of new: a 2 reached"]);
  assert.deepEqual(said(results(measured("new", [{ ...verdict, target: undefined }])), "new"), []);
});

Deno.test("bench: profiles say which share each part has", () => {
  const parts = [{ name: "reading", value: 1 }, { name: "writing", value: 3 }];
  const result = { ...measured("store", []), profiles: [{ of: "an event", unit: "ns", parts }] };
  const page = performancePage(results(result));
  assert.match(
    page,
    /### an event\n\n.*\n.*\n\| reading \| 1 ns \| 25 % \|\n\| writing \| 3 ns \| 75 % \|/,
  );
});

Deno.test("bench: only what stands between the README's marks is replaced", () => {
  const readme = "a\n<!-- figures: made by ./build.sh bench -->\nold\n<!-- /figures -->\nb\n";
  const made = readmeWithFigures(readme, results());
  assert.match(made, /^a\n<!-- figures: made by .\/build.sh bench -->\n\nOn D, Linux 6\.1, P,/);
  assert.match(made, /\| `.\/build.sh bench --only replay` \|\n[^]*\n<!-- \/figures -->\nb\n$/);
  assert.ok(!made.includes("old"));
  assert.equal(readmeWithFigures(made, results()), made);
  assert.throws(() => readmeWithFigures("no marks", results()), /lacks/);
});

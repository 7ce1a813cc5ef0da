/**
 * `deno task bench`: pfw beside its peers and its limits. Prints a table, writes
 * `bench/results.json`, and from that docs/performance.md.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readBlacklist } from "./blacklist.ts";
import { dashboardBenchmark } from "./dashboard.ts";
import { feedsBenchmark } from "./feeds.ts";
import type { Benchmark, Settings } from "./harness.ts";
import { liveBenchmark } from "./live.ts";
import { loadBenchmark } from "./load.ts";
import { type ResultHead, runIsolated } from "./isolated.ts";
import { thisMachine, thisOccasion } from "./machine.ts";
import { memoryBenchmark } from "./memory.ts";
import { findPfw } from "./pfw_under_test.ts";
import { runToEnd } from "./process.ts";
import { queriesBenchmark } from "./queries.ts";
import { replayBenchmark } from "./replay.ts";
import {
  PAGE_FILE,
  performancePage,
  README_FILE,
  readmeWithFigures,
  resultTable,
} from "./report.ts";
import { type BenchmarkResult, readResults, RESULTS_FILE, writeResults } from "./results.ts";
import { stagesBenchmark } from "./stages.ts";
import { startBenchmark } from "./start.ts";
import { storeBenchmark } from "./store.ts";
import { programVersions } from "./versions.ts";

const BENCHMARKS: readonly Benchmark[] = [
  replayBenchmark,
  stagesBenchmark,
  liveBenchmark,
  loadBenchmark,
  feedsBenchmark,
  memoryBenchmark,
  storeBenchmark,
  queriesBenchmark,
  startBenchmark,
  dashboardBenchmark,
];

const USAGE = `usage: deno task bench [--quick] [--long] [--only NAME]… [--rounds N] [--pfw FILE]

  --quick      one short round of each, to see that they work; results are not kept
  --long       ten minutes of load in the memory benchmark, not one
  --only NAME  one of: ${BENCHMARKS.map(({ name }) => name).join(", ")}; other results stay
  --rounds N   5 or more
  --pfw FILE   a built pfw; without it ./pfw, or the sources where that does not exist
  --page       only write docs/performance.md and the README's table from the results there are`;

const FEWEST_ROUNDS = 5;

/** The settings, and the benchmarks to run. */
async function readArguments(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      long: { type: "boolean", default: false },
      only: { type: "string", multiple: true, default: [] },
      rounds: { type: "string", default: `${FEWEST_ROUNDS}` },
      pfw: { type: "string" },
      page: { type: "boolean", default: false },
      // Not for people: runs one benchmark in this process and writes its result there.
      into: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const unknown = values.only.filter((name) => !BENCHMARKS.some((one) => one.name === name));
  if (unknown.length > 0) throw new TypeError(`no such benchmark: ${unknown.join(", ")}`);
  const rounds = values.quick ? 1 : Number(values.rounds);
  if (!values.quick && !(Number.isInteger(rounds) && rounds >= FEWEST_ROUNDS)) {
    throw new TypeError(`--rounds takes a number from ${FEWEST_ROUNDS} on`);
  }
  if (values.help || values.page) return { ...values, settings: undefined };
  const directory = join(import.meta.dirname!, "work");
  Deno.mkdirSync(directory, { recursive: true });
  const settings: Settings = {
    quick: values.quick,
    long: values.long,
    rounds,
    directory,
    pfw: await findPfw(values.pfw),
    blacklist: readBlacklist(),
    say: (text) => console.error(`bench: ${text}`),
  };
  return { ...values, settings };
}

/** Runs one benchmark in this process. */
async function runHere(benchmark: Benchmark, settings: Settings): Promise<BenchmarkResult> {
  const head = headOf(benchmark, settings);
  try {
    const obstacle = await benchmark.obstacle(settings);
    if (obstacle !== undefined) return { ...head, skipped: obstacle };
    return { ...head, ...await benchmark.run(settings) };
  } catch (error) {
    return { ...head, failed: (error as Error).message };
  }
}

function headOf({ name, title }: Benchmark, { pfw, rounds }: Settings): ResultHead {
  return { name, title, occasion: thisOccasion(pfw.version, rounds) };
}

/** Runs benchmarks one after another, each in a process of its own, and keeps what each finds. */
async function runAll(
  chosen: readonly Benchmark[],
  settings: Settings,
  args: readonly string[],
): Promise<number> {
  const versions = programVersions();
  let failures = 0;
  for (const [at, benchmark] of chosen.entries()) {
    const { name, title } = benchmark, started = performance.now();
    settings.say(`${at + 1} of ${chosen.length}, ${name}: ${title}`);
    const result = await runIsolated(headOf(benchmark, settings), settings.directory, args);
    settings.say(`${name} took ${Math.round((performance.now() - started) / 1000)} s`);
    console.log(resultTable(result));
    if ("failed" in result) failures++;
    if (!settings.quick) await keep(result, versions);
  }
  return failures > 0 ? 1 : 0;
}

/** Puts a result in the place of the earlier one; those of other benchmarks stay. */
async function keep(fresh: BenchmarkResult, versions: Record<string, string>): Promise<void> {
  const all = [fresh, ...earlierResults()];
  const benchmarks = BENCHMARKS.flatMap((one) => all.find(({ name }) => name === one.name) ?? []);
  writeResults({ machine: thisMachine(), versions, benchmarks });
  await runToEnd([Deno.execPath(), "fmt", "--quiet", RESULTS_FILE]);
  writePages();
}

function earlierResults(): readonly BenchmarkResult[] {
  try {
    return readResults().benchmarks;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function writePages(): void {
  const results = readResults();
  Deno.writeTextFileSync(PAGE_FILE, performancePage(results));
  const readme = Deno.readTextFileSync(README_FILE);
  Deno.writeTextFileSync(README_FILE, readmeWithFigures(readme, results));
}

async function main(args: string[]): Promise<number> {
  const { settings, only, into, help } = await readArguments(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  if (!settings) {
    writePages();
    return 0;
  }
  const chosen = BENCHMARKS.filter(({ name }) => only.length === 0 || only.includes(name));
  if (into === undefined) return await runAll(chosen, settings, args);
  Deno.writeTextFileSync(into, JSON.stringify(await runHere(chosen[0], settings)));
  return 0;
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  // What `parseArgs` throws on wrong usage is a TypeError too.
  if (!(error instanceof TypeError)) throw error;
  console.error(`bench: ${error.message}\n${USAGE}`);
  Deno.exit(2);
}

/**
 * `deno task bench`: pfw beside its peers and its limits. Prints a table, writes
 * `bench/results.json`, and from that docs/performance.md.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readBlacklist } from "./blacklist.ts";
import { enforcementBenchmark } from "./enforcement.ts";
import { feedsBenchmark } from "./feeds.ts";
import { floodBenchmark } from "./flood.ts";
import type { Benchmark, Settings } from "./harness.ts";
import { liveBenchmark } from "./live.ts";
import { loadBenchmark } from "./load.ts";
import { loadingBenchmark } from "./loading.ts";
import { thisMachine, thisOccasion } from "./machine.ts";
import { memoryBenchmark } from "./memory.ts";
import { findPfw } from "./pfw_under_test.ts";
import { runToEnd } from "./process.ts";
import { queriesBenchmark } from "./queries.ts";
import { replayBenchmark } from "./replay.ts";
import { PAGE_FILE, performancePage, resultTable } from "./report.ts";
import { type BenchmarkResult, readResults, RESULTS_FILE, writeResults } from "./results.ts";
import { stagesBenchmark } from "./stages.ts";
import { startBenchmark } from "./start.ts";

const BENCHMARKS: readonly Benchmark[] = [
  replayBenchmark,
  stagesBenchmark,
  liveBenchmark,
  loadBenchmark,
  feedsBenchmark,
  loadingBenchmark,
  enforcementBenchmark,
  floodBenchmark,
  memoryBenchmark,
  queriesBenchmark,
  startBenchmark,
];

const USAGE = `usage: deno task bench [--quick] [--long] [--only NAME]… [--rounds N] [--pfw FILE]

  --quick      one short round of each, to see that they work; results are not kept
  --long       ten minutes of load in the memory benchmark, not one
  --only NAME  one of: ${BENCHMARKS.map(({ name }) => name).join(", ")}; other results stay
  --rounds N   5 or more
  --pfw FILE   a built pfw; without it ./pfw, or the sources where that does not exist
  --page       only write docs/performance.md from the results that are there`;

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

async function runOne(benchmark: Benchmark, settings: Settings): Promise<BenchmarkResult> {
  const { name, title } = benchmark;
  const occasion = thisOccasion(settings.pfw.version, settings.rounds);
  const head = { name, title, occasion };
  const obstacle = await benchmark.obstacle(settings);
  if (obstacle !== undefined) return { ...head, skipped: obstacle };
  settings.say(title);
  try {
    return { ...head, ...await benchmark.run(settings) };
  } catch (error) {
    return { ...head, failed: (error as Error).message };
  }
}

/** What was measured before stays for the benchmarks that do not run now. */
function keptResults(names: readonly string[]): readonly BenchmarkResult[] {
  try {
    return readResults().benchmarks.filter(({ name }) => !names.includes(name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function main(args: string[]): Promise<number> {
  const { settings, only, help } = await readArguments(args);
  if (help) {
    console.log(USAGE);
    return 0;
  }
  if (!settings) {
    await writePage();
    return 0;
  }
  const chosen = BENCHMARKS.filter(({ name }) => only.length === 0 || only.includes(name));
  const fresh: BenchmarkResult[] = [];
  for (const benchmark of chosen) {
    const result = await runOne(benchmark, settings);
    fresh.push(result);
    console.log(resultTable(result));
  }
  if (!settings.quick) await keep(fresh);
  return fresh.some((result) => "failed" in result) ? 1 : 0;
}

async function keep(fresh: readonly BenchmarkResult[]): Promise<void> {
  const all = [...fresh, ...keptResults(fresh.map(({ name }) => name))];
  const benchmarks = BENCHMARKS.flatMap(({ name }) => all.filter((one) => one.name === name));
  writeResults({ machine: thisMachine(), benchmarks });
  await format(RESULTS_FILE);
  await writePage();
}

async function writePage(): Promise<void> {
  Deno.writeTextFileSync(PAGE_FILE, performancePage(readResults()));
  await format(PAGE_FILE);
}

async function format(path: string): Promise<void> {
  await runToEnd([Deno.execPath(), "fmt", "--quiet", "--permit-no-files", path]);
}

try {
  Deno.exit(await main(Deno.args));
} catch (error) {
  // What `parseArgs` throws on wrong usage is a TypeError too.
  if (!(error instanceof TypeError)) throw error;
  console.error(`bench: ${error.message}\n${USAGE}`);
  Deno.exit(2);
}

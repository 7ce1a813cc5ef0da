/**
 * What a change made slower: a few short rounds, each figure as a ratio to the C program that takes the
 * same decisions in the same round, since machines differ, and held against the ratios that were kept
 * before. By processor time, so that what else the machine does counts little.
 */
import { join } from "node:path";
import { buildPolicy } from "../engine/policy/build_policy.ts";
import { configSchema } from "../engine/policy/schema.ts";
import { PrefixList } from "../engine/net/prefix_list.ts";
import { renderTable } from "../cli/output.ts";
import { compile, compileObstacle, Decider } from "./c_programs.ts";
import { capture } from "./captures.ts";
import { median, type Settings } from "./harness.ts";
import { nanosecondsEach, pipelineStage, type Stage } from "./in_process.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { TWENTY_RULES } from "./rules.ts";
import { readUpTo } from "./stages.ts";

/** Where the ratios are kept. */
export const BASELINE_FILE = join(import.meta.dirname!, "baseline.json");

/** By how much a figure may grow before it counts as slower. */
export const TOLERANCE = 0.1;

const PACKETS = 500_000, ROUNDS = 9;

/** Cost in units of what the C program costs, by the name of what is measured. */
export type Ratios = Readonly<Record<string, number>>;

/** A figure beside the one that was kept. */
export interface Comparison {
  readonly name: string;
  readonly ratio: number;
  /** `undefined` where none was kept. */
  readonly kept: number | undefined;
  readonly isSlower: boolean;
}

/** Compares what was measured with what was kept. */
export function compare(now: Ratios, kept: Ratios): readonly Comparison[] {
  return Object.entries(now).map(([name, ratio]) => ({
    name,
    ratio,
    kept: kept[name],
    isSlower: kept[name] !== undefined && ratio > kept[name] * (1 + TOLERANCE),
  }));
}

/** The middle of each figure's ratios: one round that something disturbed moves nothing. */
export function medians(rounds: readonly Ratios[]): Ratios {
  return Object.fromEntries(
    Object.keys(rounds[0]).map((name) => [name, median(rounds.map((round) => round[name]))]),
  );
}

/**
 * Measures, compares and prints.
 *
 * @param save keeps what was measured instead of comparing it
 * @returns whether nothing became slower
 */
export async function checkBaseline(settings: Settings, save: boolean): Promise<boolean> {
  const obstacle = compileObstacle();
  if (obstacle !== undefined) {
    console.log(`\nbaseline: skipped: ${obstacle}`);
    return true;
  }
  settings.say("what became slower, as ratios to C");
  const now = await measure(settings);
  if (save) {
    const rounded = Object.entries(now).map((
      [name, ratio],
    ) => [name, Number(ratio.toPrecision(3))]);
    Deno.writeTextFileSync(
      BASELINE_FILE,
      JSON.stringify(Object.fromEntries(rounded), null, 2) + "\n",
    );
    console.log(`\nbaseline: kept in ${BASELINE_FILE}`);
    return true;
  }
  const comparisons = compare(now, JSON.parse(Deno.readTextFileSync(BASELINE_FILE)));
  console.log(comparisonTable(comparisons));
  return !comparisons.some(({ isSlower }) => isSlower);
}

function comparisonTable(comparisons: readonly Comparison[]): string {
  const percent = ({ ratio, kept }: Comparison) => {
    if (kept === undefined) return "new";
    const change = Math.round(100 * (ratio / kept - 1));
    return `${change > 0 ? "+" : ""}${change} %`;
  };
  const table = renderTable(
    [
      { title: "cost in units of C's" },
      { title: "now", align: "right" },
      { title: "kept", align: "right" },
      { title: "change", align: "right" },
      { title: "" },
    ],
    comparisons.map((one) => [
      one.name,
      one.ratio.toFixed(2),
      one.kept?.toFixed(2) ?? "",
      percent(one),
      one.isSlower ? "SLOWER" : "",
    ]),
  );
  return `\nbaseline: at most ${
    100 * TOLERANCE
  } % slower than what bench/baseline.json keeps\n${table}`;
}

async function measure(settings: Settings): Promise<Ratios> {
  const file = capture(settings, PACKETS);
  const { addresses } = settings.blacklist;
  using home = new PfwHome(settings.directory, []);
  const threats = join(home.directory, "feed.txt");
  Deno.writeTextFileSync(threats, addresses.join("\n") + "\n");
  const program = await compile(settings, "decide");
  const decider = new Decider(program, { home, threats }, TWENTY_RULES);
  const policy = buildPolicy(configSchema.parse({ rules: TWENTY_RULES }), {
    threats: PrefixList.parse(addresses),
  });
  const stages: readonly [string, () => Stage][] = [
    ["decoding", () => readUpTo("decoding", [])],
    ["decoding, counters and lists", () => readUpTo("lists", addresses)],
    ["the whole decision", () => pipelineStage(policy)],
  ];
  const cost = (make: () => Stage) => nanosecondsEach(file.path, PACKETS, make()) / 1e9;
  // What is compiled while it runs would count in the first round alone.
  for (const [, make] of stages) cost(make);
  const rounds: Ratios[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { packets, processorInside } = await decider.run(file);
    const each = processorInside / packets;
    rounds.push(Object.fromEntries(stages.map(([name, make]) => [name, cost(make) / each])));
  }
  return medians(rounds);
}

/** What a packet costs as lists and rules grow: replays of the same packets, taking turns. */
import { formatPrefix } from "../engine/net/address.ts";
import { PrefixList } from "../engine/net/prefix_list.ts";
import { buildPolicy } from "../engine/policy/build_policy.ts";
import { configSchema } from "../engine/policy/schema.ts";
import { specialCause4 } from "../intel/special_ranges.ts";
import { capture } from "./captures.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { nanosecondsEach, pipelineStage } from "./in_process.ts";
import { Random } from "./random.ts";
import { manyRules } from "./rules.ts";
import { stagesBenchmark } from "./stages.ts";

const PACKETS = 1_000_000;
const PREFIXES = [10, 1_000, 100_000, 1_000_000], RULES = [10, 100, 1_000];
/** What does not grow while the other does. */
const FIXED_PREFIXES = 1_000, FIXED_RULES = 10;

/** V8's collector: the task that runs the benchmarks exposes it. */
const collect = (globalThis as { gc?: () => void }).gc;

/** The benchmark. */
export const growthBenchmark: Benchmark = {
  name: "growth",
  title: "what a packet costs as lists and rules grow",
  obstacle: stagesBenchmark.obstacle,
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const { path, packets } = capture(settings, settings.quick ? PACKETS / 10 : PACKETS);
  const prefixes = madeUpPrefixes(PREFIXES[PREFIXES.length - 1]);
  const policies = [
    ...PREFIXES.map((count) => ({ name: `${format(count)} prefixes`, count, rules: FIXED_RULES })),
    ...RULES.map((rules) => ({ name: `${format(rules)} rules`, count: FIXED_PREFIXES, rules })),
  ].map(({ name, count, rules }) => {
    const config = configSchema.parse({ rules: manyRules(rules) });
    const threats = PrefixList.parse(prefixes.slice(0, count));
    return { name, policy: buildPolicy(config, { threats }) };
  });
  const contest = policies.map(({ name, policy }) => () => {
    // What the one before left would be collected meanwhile, in threads that count as well. It also
    // takes compiled code with it, of all alike.
    collect?.();
    // Flows and buckets begin anew each time, as with every replay.
    const stage = pipelineStage(policy);
    return Promise.resolve({ [name]: nanosecondsEach(path, packets, stage) });
  });
  // What is compiled while it runs would count for the first ones alone.
  await interleave(1, contest);
  const values = await interleave(settings.rounds, contest);
  const growth = (kind: string, from: number, to: number) => {
    const few = values[`${format(from)} ${kind}`], many = values[`${format(to)} ${kind}`];
    return {
      name: `cost with ${format(to)} ${kind} / with ${format(from)}`,
      value: median(many.map((value, round) => value / few[round])),
      unit: "×",
    };
  };
  return {
    verdicts: [
      ...PREFIXES.slice(1, -1).map((count) => growth("prefixes", PREFIXES[0], count)),
      { ...growth("prefixes", PREFIXES[0], PREFIXES.at(-1)!), target: { atMost: 1.5 } },
      ...RULES.slice(1).map((count) => growth("rules", RULES[0], count)),
    ],
    series: policies.map(({ name }) => ({ name, unit: "ns/packet", values: values[name] })),
    notes: [
      `Processor time for each of ${packets.toLocaleString("en-US")} packets of the replay, ` +
      "reading, flow state, rate limit and counters included. Nine prefixes in ten are single " +
      `addresses, the rest networks of 256; ${FIXED_RULES} rules beside them. The rules that are ` +
      `added match nothing and come first; ${format(FIXED_PREFIXES)} prefixes beside them.`,
    ],
  };
}

/** Different prefixes that feeds may list: the shorter list is the beginning of the longer one. */
function madeUpPrefixes(count: number): string[] {
  const random = new Random(20_261_129), found = new Set<string>();
  while (found.size < count) {
    const length = random.share() < 0.9 ? 32 : 24;
    const word = length === 32 ? random.word() : random.word() & ~255;
    if (specialCause4(word, length) !== undefined) continue;
    found.add(formatPrefix({ family: 4, words: [word, 0, 0, 0], length }));
  }
  return [...found];
}

function format(count: number): string {
  return count.toLocaleString("en-US");
}

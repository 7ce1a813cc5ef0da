/** Memory of the running, enforcing firewall with a feed: at rest, under a flood, and over time. */
import { join } from "node:path";
import { RING_BYTES } from "../engine/capture.ts";
import { ringLength } from "../ffi/interface_tap.ts";
import { createPair, type Link } from "../tests/support/netns.ts";
import { floodCapture } from "./flood_capture.ts";
import { asInTheCapture, sendFlood } from "./flooded_link.ts";
import { type Benchmark, type Findings, median, type Settings } from "./harness.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess, type Memory, sleep } from "./process.ts";

const FILE_PACKETS = 400_000;
const MEGABYTE = 1e6;
/** Milliseconds between two looks at the kernel's set, and until it is given up. */
const POLL = 100, PATIENCE = 60_000;

/** The benchmark. */
export const memoryBenchmark: Benchmark = {
  name: "memory",
  title: "resident memory while enforcing, with a feed",
  obstacle: trafficObstacle,
  run,
};

/** Seconds until it is at rest, how long that is watched, and of the flood. */
interface Durations {
  readonly settle: number;
  readonly rest: number;
  readonly flood: number;
}

function durations({ quick, long }: Settings): Durations {
  // What starting leaves behind is given back after some ten seconds, once the database has the feed.
  return quick ? { settle: 1, rest: 2, flood: 5 } : { settle: 20, rest: 5, flood: long ? 600 : 60 };
}

/** What was seen of one process. */
interface Observations {
  /** Samples a second apart. */
  readonly atRest: readonly Memory[];
  readonly underFlood: readonly Memory[];
  readonly afterwards: readonly Memory[];
  readonly peak: number;
  /** Share of one processor under the flood. */
  readonly cpu: number;
  /** What pfw said at its end. */
  readonly json: string;
}

async function run(settings: Settings): Promise<Findings> {
  const lasting = durations(settings);
  using home = feedHome(settings);
  await fetchFeed(settings, home);
  const rests: Memory[] = [];
  for (let round = 1; round < settings.rounds; round++) {
    await using link = await createPair();
    await using pfw = startPfw(settings, home, link);
    rests.push(middleOf(await watchRest(pfw, lasting)));
    await pfw.end();
  }
  const seen = await watchFlood(settings, home, lasting);
  rests.push(middleOf(seen.atRest));
  return findings(rests, seen, settings.blacklist.addresses.length, lasting.flood);
}

function feedHome({ directory, blacklist }: Settings): PfwHome {
  const file = join(directory, "memory-feed.txt");
  Deno.writeTextFileSync(file, `${blacklist.addresses.join("\n")}\n`);
  return new PfwHome(directory, [], {
    threat_feeds: [{ name: "feed", url: `file://${file}`, interval: "1d" }],
  });
}

/** What is measured afterwards has it from the cache, as a firewall that has run before. */
async function fetchFeed(settings: Settings, home: PfwHome): Promise<void> {
  await using link = await createPair();
  await using pfw = startPfw(settings, home, link);
  await pfw.printed(/pfw: ready/);
  for (const end = Date.now() + PATIENCE; Date.now() < end; await sleep(POLL)) {
    const header = await link.local.run(["ipset", "list", "-t", "pfw-threat4"]);
    const entries = Number(/^Number of entries: (\d+)$/m.exec(header)?.[1] ?? 0);
    // A feed may hold addresses that are never applied, such as private ones: few of them.
    if (entries < 0.99 * settings.blacklist.addresses.length) continue;
    await pfw.end();
    return;
  }
  throw new Error("the feed is not in force after a minute");
}

function startPfw({ pfw }: Settings, home: PfwHome, { local }: Link): MeasuredProcess {
  const inside = ["ip", "netns", "exec", local.name];
  return new MeasuredProcess([...inside, ...pfw.argv, "start", "--json", ...home.options]);
}

async function watchRest(pfw: MeasuredProcess, { settle, rest }: Durations): Promise<Memory[]> {
  await pfw.printed(/pfw: ready/);
  await sleep(1000 * settle);
  return await watch(pfw, rest);
}

async function watchFlood(
  settings: Settings,
  home: PfwHome,
  lasting: Durations,
): Promise<Observations> {
  const file = floodCapture(settings, FILE_PACKETS);
  await using link = await createPair();
  await asInTheCapture(link);
  await using pfw = startPfw(settings, home, link);
  const atRest = await watchRest(pfw, lasting);
  await using sender = sendFlood(link, file, lasting.flood);
  const before = pfw.processorSeconds();
  const underFlood = await watch(pfw, lasting.flood);
  const cpu = (pfw.processorSeconds() - before) / lasting.flood;
  await sender.result();
  const afterwards = await watch(pfw, lasting.rest);
  const { peak } = pfw.memory();
  const [json] = await pfw.end();
  return { atRest, underFlood, afterwards, peak, cpu, json };
}

/** A second apart. */
async function watch(pfw: MeasuredProcess, seconds: number): Promise<Memory[]> {
  const samples: Memory[] = [];
  for (let second = 0; second < seconds; second++) {
    await sleep(1000);
    samples.push(pfw.memory());
  }
  return samples;
}

function middleOf(samples: readonly Memory[]): Memory {
  const of = (part: keyof Memory) => median(samples.map((memory) => memory[part]));
  return {
    resident: of("resident"),
    peak: of("peak"),
    anonymous: of("anonymous"),
    file: of("file"),
    shared: of("shared"),
  };
}

function findings(
  rests: readonly Memory[],
  seen: Observations,
  addresses: number,
  seconds: number,
): Findings {
  const of = (samples: readonly Memory[], part: keyof Memory) =>
    samples.map((memory) => memory[part] / MEGABYTE);
  const flood = of(seen.underFlood, "resident"), rest = median(of(rests, "resident"));
  const more = median(flood) - median(of(seen.atRest, "resident"));
  const lasting = seconds < 120 ? `${seconds} s` : `${seconds / 60} minutes`;
  const megabytes = (name: string, value: number) => ({ name, value, unit: "MB" });
  return {
    verdicts: [
      {
        ...megabytes("resident at rest with the feed", rest),
        row: `resident memory at rest, a feed of ${addresses.toLocaleString("en-US")} addresses`,
        target: { atMost: 120 },
        isHeadline: true,
      },
      {
        ...megabytes("more under a flood", more),
        row: "resident memory, how much more under a flood",
        target: { atMost: 40 },
        isHeadline: true,
      },
      {
        ...megabytes(`growth over ${lasting} of it, last fifth against second`, growth(flood)),
        row: `resident memory, growth over a flood of ${lasting}`,
        target: { atMost: 5 },
        isHeadline: true,
      },
      { name: "slope under the flood", value: slope(flood) * 60, unit: "MB/min" },
      megabytes("resident under the flood", median(flood)),
      megabytes("highest ever", seen.peak / MEGABYTE),
      megabytes("at rest, anonymous", median(of(rests, "anonymous"))),
      megabytes("at rest, of files: the program and the ring", median(of(rests, "file"))),
      { name: "processor under the flood", value: seen.cpu, unit: "cores" },
    ],
    series: [
      { name: "resident at rest, by start", unit: "MB", values: of(rests, "resident") },
      { name: "resident under the flood", unit: "MB", values: flood },
      { name: "anonymous under the flood", unit: "MB", values: of(seen.underFlood, "anonymous") },
      { name: "resident after it", unit: "MB", values: of(seen.afterwards, "resident") },
    ],
    notes: notesOf(seen, addresses, lasting),
  };
}

function notesOf({ json }: Observations, addresses: number, lasting: string): string[] {
  const { totals, losses } = JSON.parse(json);
  const text = (count: number) => count.toLocaleString("en-US");
  const mebibytes = (bytes: number) => `${bytes / 2 ** 20} MiB`;
  return [
    `Enforcing, a feed of ${
      text(addresses)
    } addresses from its cache, samples a second apart. The ` +
    "figure at rest is the median of several starts, 20 seconds after each; the ring that the " +
    `kernel fills with packets counts in it: ${mebibytes(ringLength(RING_BYTES))}, or ` +
    `${mebibytes(RING_BYTES)} where its programs cannot be at interfaces.`,
    "The flood are connection attempts, every second one from a listed address, the others each " +
    `from a forged one, for ${lasting} as fast as tcpreplay sends: ${
      text(totals.packets)
    } packets ` +
    `seen, ${text(totals.blocked)} blocked by the kernel, ${
      text(losses.ringDrops)
    } dropped by the ` +
    `ring, ${text(losses.nflogLost)} drops without a report (counted all the same).`,
  ];
}

/** The first fifth is warming up. */
function growth(values: readonly number[]): number {
  const fifth = Math.max(1, Math.floor(values.length / 5));
  return median(values.slice(-fifth)) - median(values.slice(fifth, 2 * fifth));
}

/** Least squares, per sample, warming up left out. */
function slope(all: readonly number[]): number {
  const values = all.slice(Math.floor(all.length / 5));
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((total, value) => total + value, 0) / values.length;
  let above = 0, below = 0;
  values.forEach((value, at) => {
    above += (at - middle) * (value - mean);
    below += (at - middle) ** 2;
  });
  return below === 0 ? 0 : above / below;
}

/** Memory of the running, enforcing firewall: at rest, under load, and over time. */
import { createPair, type Link } from "../tests/support/netns.ts";
import { type Capture, capture, HOST_V4, HOST_V6 } from "./captures.ts";
import { type Benchmark, type Findings, median, type Settings } from "./harness.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess, type Memory, sleep } from "./process.ts";
import { HOST_HARDWARE_ADDRESS } from "./traffic.ts";

const FILE_PACKETS = 200_000;
const MEGABYTE = 1e6;

/** The benchmark. */
export const memoryBenchmark: Benchmark = {
  name: "memory",
  title: "resident memory while enforcing",
  obstacle: trafficObstacle,
  run,
};

/** Seconds at rest and under load. */
function durations({ quick, long }: Settings): { rest: number; load: number } {
  return quick ? { rest: 3, load: 5 } : { rest: 10, load: long ? 600 : 60 };
}

async function run(settings: Settings): Promise<Findings> {
  const file = capture(settings, FILE_PACKETS, { isIncomingOnly: true });
  const { rest, load } = durations(settings);
  await using link = await createPair();
  await asInTheCapture(link);
  using home = new PfwHome(settings.directory, settings.blacklist.addresses);
  const inside = ["ip", "netns", "exec", link.local.name];
  const words = ["start", "--json", ...home.options];
  await using pfw = new MeasuredProcess([...inside, ...settings.pfw.argv, ...words]);
  await pfw.printed(/pfw: ready/);
  const atRest = await watch(pfw, rest);
  await using sender = send(link, file, load);
  const cpuBefore = pfw.processorSeconds();
  const underLoad = await watch(pfw, load);
  const cpu = (pfw.processorSeconds() - cpuBefore) / load;
  await sender.result();
  const afterwards = await watch(pfw, Math.min(rest, 5));
  const peak = pfw.memory().peak;
  const [json] = await pfw.end();
  return findings({ atRest, underLoad, afterwards, peak, cpu, load, json });
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

/** This end has the addresses that the capture's packets are sent to. */
async function asInTheCapture({ local }: Link): Promise<void> {
  await local.run(["ip", "link", "set", "veth-0", "address", HOST_HARDWARE_ADDRESS]);
  await local.run(["ip", "address", "replace", `${HOST_V4}/24`, "dev", "veth-0"]);
  await local.run(["ip", "address", "replace", `${HOST_V6}/64`, "dev", "veth-0", "nodad"]);
  // Answers go nowhere, as if to the router that the capture's packets came through.
  await local.run(["ip", "route", "add", "default", "via", "10.9.0.2"]);
}

function send({ remote }: Link, file: Capture, seconds: number): MeasuredProcess {
  const inside = ["ip", "netns", "exec", remote.name, "tcpreplay", "-i", "veth-0", "--topspeed"];
  // Loops until the time is over.
  const words = ["-K", "--loop=0", `--duration=${seconds}`, file.path];
  return new MeasuredProcess([...inside, ...words]);
}

interface Observations {
  readonly atRest: readonly Memory[];
  readonly underLoad: readonly Memory[];
  readonly afterwards: readonly Memory[];
  readonly peak: number;
  /** Share of one processor under load. */
  readonly cpu: number;
  /** Seconds of load. */
  readonly load: number;
  /** What pfw said at its end. */
  readonly json: string;
}

function findings(seen: Observations): Findings {
  const { totals, losses } = JSON.parse(seen.json);
  const of = (samples: readonly Memory[], part: keyof Memory) =>
    samples.map((memory) => memory[part] / MEGABYTE);
  const rest = of(seen.atRest, "resident"), load = of(seen.underLoad, "resident");
  const megabytes = (name: string, value: number, atMost?: number) => ({
    name,
    value,
    unit: "MB",
    target: atMost === undefined ? undefined : { atMost },
  });
  return {
    verdicts: [
      megabytes("resident at rest", median(rest), 150),
      megabytes("resident under load", median(load), 150),
      megabytes("highest ever", seen.peak / MEGABYTE),
      megabytes("growth over the load, last fifth against second", growth(load), 5),
      { name: "slope under load", value: slope(load) * 60, unit: "MB/min" },
      megabytes("at rest, anonymous", median(of(seen.atRest, "anonymous"))),
      megabytes("at rest, of files", median(of(seen.atRest, "file"))),
      megabytes("at rest, shared", median(of(seen.atRest, "shared"))),
      { name: "processor under load", value: seen.cpu, unit: "cores" },
    ],
    series: [
      { name: "resident at rest", unit: "MB", values: rest },
      { name: "resident under load", unit: "MB", values: load },
      { name: "anonymous under load", unit: "MB", values: of(seen.underLoad, "anonymous") },
      { name: "resident after it", unit: "MB", values: of(seen.afterwards, "resident") },
    ],
    notes: [
      "Enforcing, the blacklist of the replay loaded, samples a second apart; under load " +
      `tcpreplay sends to it as fast as it can for ${seen.load} s: ` +
      `${totals.packets.toLocaleString("en-US")} packets seen, ` +
      `${totals.blocked.toLocaleString("en-US")} blocked by the kernel, ` +
      `${losses.ringDrops.toLocaleString("en-US")} dropped by the ring, ` +
      `${losses.nflogLost.toLocaleString("en-US")} drops without a report (counted all the same).`,
    ],
  };
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

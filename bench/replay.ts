/**
 * Judging a capture: pfw beside a C program that takes the same decisions, one that only counts, the
 * limit of what libpcap gives, and scapy, what scripts use.
 */
import { join } from "node:path";
import {
  compile,
  compileObstacle,
  Decider,
  type ReasonCounts,
  runWithTimes,
} from "./c_programs.ts";
import { type Capture, capture, HOST_V4, HOST_V6 } from "./captures.ts";
import {
  type Benchmark,
  type Findings,
  interleave,
  medianRatio,
  type Settings,
  type Target,
} from "./harness.ts";
import { canRun, runToEnd } from "./process.ts";
import { TWENTY_RULES } from "./rules.ts";
import { makeThreatHome, type ThreatHome } from "./threat_home.ts";
import { PYTHON } from "./versions.ts";

const PACKETS = 2_000_000, SCAPY_PACKETS = 20_000;

/** The benchmark. */
export const replayBenchmark: Benchmark = {
  name: "replay",
  title: "judging a capture, beside a C program that decides the same, one that counts, and scapy",
  obstacle() {
    if (!canRun([PYTHON, "-c", "import scapy"])) return "needs scapy (Debian: python3-scapy)";
    return compileObstacle();
  },
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const whole = capture(settings, settings.quick ? PACKETS / 10 : PACKETS);
  const slice = capture(settings, settings.quick ? SCAPY_PACKETS / 10 : SCAPY_PACKETS);
  const { addresses, source } = settings.blacklist;
  using threats = await makeThreatHome(settings, addresses, TWENTY_RULES);
  const count = await compile(settings, "count");
  const decider = new Decider(await compile(settings, "decide"), threats, TWENTY_RULES);
  const values = await interleave(settings.rounds, [
    () => countOnce(count, whole),
    () => besideC(settings, threats, decider, whole),
    () => storeOnce(settings, threats, whole),
    () => scapyOnce(threats, slice),
  ]);
  const series = Object.entries(values).map(([name, values]) => ({
    name,
    unit: name.includes("processor time") ? "s" : "packets/s",
    values,
  }));
  const of = (name: string) => series.find((one) => one.name === name)!;
  const ratio = (name: string, one: string, to: string, target?: Target) => {
    return { name, value: medianRatio(of(one), of(to)), unit: "×", target };
  };
  return {
    verdicts: [
      ratio("pfw / scapy", "pfw", "scapy"),
      ratio("pfw / C that decides the same", "pfw", "C, decides"),
      ratio("pfw / C that only counts", "pfw", "C, counts"),
      ratio("pfw that stores rows in its database / scapy", "pfw, stores", "scapy", {
        atLeast: 1000,
      }),
      ratio("the same / C that appends them to a file", "pfw, stores", "C, decides", {
        atLeast: 0.5,
      }),
      ratio("C that decides the same / scapy", "C, decides", "scapy"),
      ratio("pfw / scapy, pfw's start included", "pfw, whole process", "scapy"),
      ratio("pfw / C that decides, both starts included", "pfw, whole process", "C, whole process"),
    ],
    series,
    notes: [
      `${whole.packets.toLocaleString("en-US")} packets of ${whole.meanLength.toFixed(0)} bytes ` +
      "on average, 50,000 pairs of machines, TCP, UDP and ICMP, a twentieth IPv6; " +
      `${addresses.length.toLocaleString("en-US")} threats (${source}), ` +
      `${TWENTY_RULES.length} rules, rate limit, flow state, counters.`,
      "The C program that decides calls `pcap_loop`, has tables of the same sizes, and appends what " +
      "is blocked and one allowed packet in a hundred to a file. A round in which its packets of " +
      "any reason are not those of pfw fails. The other one adds up packets and bytes.",
      "`pfw` judges; `pfw, stores` (`--record`) writes the rows that the C program appends to a " +
      "file into its database, with indexes, in a second thread, and ends with the last commit.",
      `scapy reads the first ${slice.packets.toLocaleString("en-US")} of these packets with ` +
      "`sniff(offline=…, prn=…, store=False)` and a callback that asks sets and rules and " +
      "writes a line to a log that leads nowhere.",
    ],
  };
}

async function countOnce(program: string, { path }: Capture): Promise<Record<string, number>> {
  const [packets, , inside] = (await runToEnd([program, path])).out.split(" ").map(Number);
  return { "C, counts": packets / inside };
}

/** pfw and the C program, one after the other: each packet must fare alike. */
async function besideC(
  settings: Settings,
  threats: ThreatHome,
  decider: Decider,
  file: Capture,
): Promise<Record<string, number>> {
  const c = await decider.run(file);
  const pfw = await replayOnce(settings, threats, file);
  requireAll("the C program", c.packets, file.packets);
  requireEqual(pfw.byReason, c.byReason);
  return {
    "pfw": pfw.packetsPerSecond,
    "pfw, whole process": file.packets / pfw.seconds,
    "C, decides": c.packets / c.inside,
    "C, whole process": file.packets / c.seconds,
    "pfw, processor time of the whole process": pfw.processor,
    "C, processor time of the whole process": c.processor,
  };
}

function requireEqual(pfw: ReasonCounts, c: ReasonCounts): void {
  for (const reason of new Set([...Object.keys(pfw), ...Object.keys(c)])) {
    if (pfw[reason] === c[reason]) continue;
    const counts = `${pfw[reason] ?? 0} packets by pfw, ${c[reason] ?? 0} by the C program`;
    throw new Error(`the verdicts differ: ${reason}: ${counts}`);
  }
}

async function storeOnce(settings: Settings, threats: ThreatHome, file: Capture) {
  const stored = await replayOnce(settings, threats, file, ["--record"]);
  Deno.removeSync(join(threats.home.directory, "data", "firewall.db"));
  return {
    "pfw, stores": stored.packetsPerSecond,
    "pfw, stores, processor time of the whole process": stored.processor,
  };
}

/** One run of pfw. */
export async function replayOnce(
  { pfw }: Pick<Settings, "pfw">,
  { home }: ThreatHome,
  { path, packets }: Capture,
  more: readonly string[] = [],
) {
  const words = ["start", "--read", path, "--local", HOST_V4, HOST_V6, "--json", ...more];
  const { out, ...times } = await runWithTimes([...pfw.argv, ...words, ...home.options]);
  const result = JSON.parse(out);
  requireAll("pfw", result.packets, packets);
  const { packetsPerSecond, byReason } = result;
  return { ...times, packetsPerSecond, byReason } as typeof times & {
    packetsPerSecond: number;
    byReason: ReasonCounts;
  };
}

async function scapyOnce(
  { home, threats }: ThreatHome,
  { path, packets }: Capture,
): Promise<Record<string, number>> {
  const script = join(import.meta.dirname!, "scapy_replay.py");
  const { out } = await runToEnd([PYTHON, script, path, home.config, threats]);
  const result = JSON.parse(out);
  requireAll("scapy", result.packets, packets);
  return { "scapy": packets / result.seconds };
}

function requireAll(who: string, seen: number, packets: number): void {
  if (seen !== packets) throw new Error(`${who} saw ${seen} of ${packets} packets`);
}

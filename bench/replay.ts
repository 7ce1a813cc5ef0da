/**
 * Judging a capture: pfw beside a C program that only counts, the limit of what libpcap gives, and
 * beside scapy, what scripts use.
 */
import { join } from "node:path";
import { capture, HOST_V4, HOST_V6 } from "./captures.ts";
import {
  type Benchmark,
  type Findings,
  interleave,
  medianRatio,
  type Settings,
} from "./harness.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { canRun, runToEnd } from "./process.ts";

const PACKETS = 2_000_000, SCAPY_PACKETS = 20_000;
/** The distribution's Python: another one on PATH does not see its packages. */
const PYTHON = "/usr/bin/python3";

/** The benchmark. */
export const replayBenchmark: Benchmark = {
  name: "replay",
  title: "judging a capture, beside a C program that only counts and scapy",
  obstacle() {
    if (!canRun(["cc", "--version"])) return "needs a C compiler (cc)";
    if (!hasHeaders()) return "needs libpcap's headers (Debian: libpcap-dev)";
    if (!canRun([PYTHON, "-c", "import scapy"])) return "needs scapy (Debian: python3-scapy)";
  },
  run,
};

function hasHeaders(): boolean {
  return canRun(["sh", "-c", "echo '#include <pcap/pcap.h>' | cc -E -x c -"]);
}

async function run(settings: Settings): Promise<Findings> {
  const whole = capture(settings, settings.quick ? PACKETS / 10 : PACKETS);
  const slice = capture(settings, settings.quick ? SCAPY_PACKETS / 10 : SCAPY_PACKETS);
  const count = await compileCount(settings);
  using home = new PfwHome(settings.directory, settings.blacklist.addresses);
  const values = await interleave(settings.rounds, [
    () => countOnce(count, whole.path),
    () => replayOnce(settings, home, whole.path, whole.packets),
    () => scapyOnce(home, slice.path, slice.packets),
  ]);
  const series = (name: string, unit = "packets/s") => ({ name, unit, values: values[name] });
  const pfw = series("pfw"), pfwWhole = series("pfw, whole process");
  const c = series("C"), scapy = series("scapy");
  return {
    verdicts: [
      ratio("pfw / scapy", medianRatio(pfw, scapy), 500),
      ratio("pfw / C that only counts", medianRatio(pfw, c), 0.3),
      ratio("pfw / scapy, pfw's start included", medianRatio(pfwWhole, scapy)),
      ratio(
        "pfw / C, start of both included",
        medianRatio(pfwWhole, series("C, whole process")),
      ),
    ],
    series: [
      pfw,
      pfwWhole,
      c,
      series("C, whole process"),
      scapy,
      series("pfw, processor time of the whole process", "s"),
      series("C, processor time of the whole process", "s"),
    ],
    notes: [
      `${whole.packets.toLocaleString("en-US")} packets of ${whole.meanLength.toFixed(0)} bytes ` +
      "on average, 50,000 pairs of machines, TCP, UDP and ICMP, a twentieth IPv6; " +
      `${settings.blacklist.addresses.length.toLocaleString("en-US")} blacklisted addresses ` +
      `(${settings.blacklist.source}), default rules and rate limit, flow state, counters.`,
      `scapy reads the first ${slice.packets.toLocaleString("en-US")} of these packets with ` +
      "`sniff(offline=…, prn=…, store=False)` and a callback that asks sets and rules and " +
      "writes a line to a log that leads nowhere.",
      "The C program calls `pcap_loop` with a callback that adds up packets and bytes.",
    ],
  };
}

function ratio(name: string, value: number, atLeast?: number) {
  return { name, value, unit: "×", target: atLeast === undefined ? undefined : { atLeast } };
}

async function compileCount({ directory }: Settings): Promise<string> {
  const source = join(import.meta.dirname!, "count.c"), program = join(directory, "count");
  await runToEnd(["cc", "-O2", "-Wall", "-o", program, source, "-lpcap"]);
  return program;
}

/** Runs a program to its end; also returns its processor seconds, which `times` of the shell says. */
async function runWithTimes(argv: readonly string[]) {
  const ended = await runToEnd(["bash", "-c", 'TIMEFORMAT="%U %S"; time "$@"', "bash", ...argv]);
  const times = ended.err.trim().split("\n").at(-1)!.split(" ").map(Number);
  return { ...ended, processor: times[0] + times[1] };
}

async function countOnce(program: string, file: string): Promise<Record<string, number>> {
  const { out, seconds, processor } = await runWithTimes([program, file]);
  const [packets, , inside] = out.split(" ").map(Number);
  return {
    "C": packets / inside,
    "C, whole process": packets / seconds,
    "C, processor time of the whole process": processor,
  };
}

async function replayOnce(
  { pfw }: Settings,
  home: PfwHome,
  file: string,
  packets: number,
): Promise<Record<string, number>> {
  const words = ["start", "--read", file, "--local", HOST_V4, HOST_V6, "--json"];
  const { out, seconds, processor } = await runWithTimes([...pfw.argv, ...words, ...home.options]);
  const result = JSON.parse(out);
  requireAll("pfw", result.packets, packets);
  if (!(result.byReason.blacklist > 0)) throw new Error("pfw found no listed address");
  return {
    "pfw": result.packetsPerSecond,
    "pfw, whole process": packets / seconds,
    "pfw, processor time of the whole process": processor,
  };
}

async function scapyOnce(
  home: PfwHome,
  file: string,
  packets: number,
): Promise<Record<string, number>> {
  const script = join(import.meta.dirname!, "scapy_replay.py");
  const { out } = await runToEnd([PYTHON, script, file, home.config]);
  const result = JSON.parse(out);
  requireAll("scapy", result.packets, packets);
  return { "scapy": packets / result.seconds };
}

function requireAll(who: string, seen: number, packets: number): void {
  if (seen !== packets) throw new Error(`${who} saw ${seen} of ${packets} packets`);
}

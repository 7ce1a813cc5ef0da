/** What a firewall costs the traffic that it lets through: pfw beside none, others and the old way. */
import { join } from "node:path";
import {
  type Firewall,
  unpackFirewalls,
  withCrowdsec,
  withLinearRules,
  withoutFirewall,
  withPfw,
  withTracking,
  withUfw,
} from "./firewalls.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import type { Target, Verdict } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { canRun, runToEnd, UNDISTURBED } from "./process.ts";
import { IPERF_PORT, SMALL_PACKETS_PORT } from "./twenty_rules.ts";

/** Seconds of each measurement, and how many there are in a round: what else the machine does comes in waves. */
const DURATION = 2, TURNS = 3, FLOWS = 64, LINEAR_RULES = 1_000;
/** More would take the bouncer minutes to load, and fewer are in its favour. */
const DECISIONS = 20_000;

const NONE = "none", PFW = "pfw", UFW = "ufw", CROWDSEC = "CrowdSec's bouncer and ufw";
const TRACKING = "connection tracking and one rule";
const LINEAR = `${LINEAR_RULES.toLocaleString("en-US")} linear rules`;

/** The benchmark. */
export const enforcementBenchmark: Benchmark = {
  name: "enforcement",
  title: "what a firewall costs the traffic that it lets through",
  obstacle: () =>
    namespaceObstacle() ??
      (canRun(["iperf3", "--version"]) ? undefined : "needs iperf3") ??
      (canRun(["cc", "--version"]) ? undefined : "needs a C compiler (cc)"),
  run,
};

async function run(settings: Settings): Promise<Findings> {
  await using parts = new AsyncDisposableStack();
  const program = await compileSmallPackets(settings);
  const { ufw, crowdsec } = await unpackFirewalls();
  const firewalls: [string, Firewall][] = [];
  const add = async (name: string, made: Promise<Firewall>) =>
    firewalls.push([name, parts.use(await made)]);
  await add(NONE, withoutFirewall());
  await add(TRACKING, withTracking());
  await add(PFW, withPfw(settings));
  if (!(ufw instanceof Error)) await add(UFW, withUfw(settings, ufw));
  if (!(ufw instanceof Error) && !(crowdsec instanceof Error)) {
    const decisions = settings.quick ? DECISIONS / 20 : DECISIONS;
    await add(CROWDSEC, withCrowdsec(settings, { ufw, crowdsec }, decisions));
  }
  await add(LINEAR, withLinearRules(settings, LINEAR_RULES));
  const values = await interleave(
    settings.quick ? settings.rounds : settings.rounds * TURNS,
    firewalls.map(([name, firewall]) => () => measure(settings, name, firewall, program)),
  );
  const leftOut = [ufw, crowdsec].flatMap((one) => one instanceof Error ? [`${one.message}.`] : []);
  return findings(settings, values, firewalls.map(([name]) => name), leftOut);
}

async function compileSmallPackets({ directory }: Settings): Promise<string> {
  const program = join(directory, "small_packets");
  const source = join(import.meta.dirname!, "small_packets.c");
  await runToEnd(["cc", "-O2", "-o", program, source]);
  return program;
}

async function measure(
  settings: Settings,
  name: string,
  firewall: Firewall,
  program: string,
): Promise<Record<string, number>> {
  const seconds = settings.quick ? 1 : DURATION;
  const bits = await throughput(firewall, seconds);
  const before = firewall.process?.processorSeconds() ?? 0;
  const { delivered, efficiency } = await smallPackets(firewall, program, seconds);
  const used = (firewall.process?.processorSeconds() ?? 0) - before;
  return {
    [`${name}, throughput`]: bits / 1e9,
    [`${name}, small packets`]: delivered,
    [`${name}, small packets for each second of the processor`]: efficiency,
    ...(firewall.process &&
      { [`${name}, its processor time under small packets`]: used / seconds }),
  };
}

/** Bits a second of one TCP connection that comes in. */
async function throughput({ link }: Firewall, seconds: number): Promise<number> {
  const port = ["--port", `${IPERF_PORT}`];
  await using server = link.local.spawn([
    "iperf3",
    "--server",
    "--one-off",
    "--forceflush",
    ...port,
  ]);
  // Its first lines say that it listens.
  for (let line = await server.line(); !/listening/.test(line ?? "listening");) {
    line = await server.line();
  }
  const client = ["iperf3", "--client", "10.9.0.1", ...port, "--time", `${seconds}`, "--json"];
  const { end } = JSON.parse(await link.remote.run(client));
  return end.sum_received.bits_per_second;
}

/** Packets a second that arrive, and that are sent with a second of the sender's processor. */
async function smallPackets({ link }: Firewall, program: string, seconds: number) {
  await using receiver = link.local.spawn([program, "receive", `${SMALL_PACKETS_PORT}`]);
  await receiver.line();
  const words = ["send", "10.9.0.1", `${SMALL_PACKETS_PORT}`, `${FLOWS}`, `${seconds}`];
  const sent = (await link.remote.run([...UNDISTURBED, program, ...words])).trim().split(" ").map(
    Number,
  );
  const received = (await receiver.line() ?? "").split(" ").map(Number);
  return { delivered: received[0] / received[1], efficiency: sent[0] / sent[2] };
}

function findings(
  settings: Settings,
  values: Record<string, number[]>,
  names: readonly string[],
  leftOut: readonly string[],
): Findings {
  const ratio = (name: string, to: string, what: string, target?: Target): Verdict => ({
    name: `${what}: ${name} / ${to}`,
    value: median(
      values[`${name}, ${what}`].map((value, at) => value / values[`${to}, ${what}`][at]),
    ),
    unit: "×",
    target,
  });
  const peers = names.filter((name) => name === UFW || name === CROWDSEC);
  const both = ["throughput", "small packets"];
  const list = settings.blacklist;
  return {
    verdicts: [
      ratio(PFW, NONE, "throughput", { atLeast: 0.95 }),
      ratio(PFW, NONE, "small packets", { atLeast: 0.8 }),
      ...peers.map((peer) => ratio(PFW, peer, "small packets", { atLeast: 1 })),
      ...peers.map((peer) => ratio(PFW, peer, "throughput")),
      ...both.map((what) => ratio(PFW, TRACKING, what)),
      ...both.flatMap((what) =>
        names.filter((name) => name !== NONE && name !== PFW).map((name) => ratio(name, NONE, what))
      ),
      ratio(PFW, NONE, "small packets for each second of the processor"),
    ],
    series: Object.entries(values).map(([name, values]) => ({ name, unit: unitOf(name), values })),
    notes: [
      `Two namespaces and a veth pair for each. pfw and ufw: ${
        list.addresses.length.toLocaleString("en-US")
      } addresses (${list.source}) and the same 20 rules, default block; ufw's list is an ipset ` +
      "in its before.rules, ahead of established connections, since a block shall cut these. " +
      `CrowdSec's bouncer blocks ${DECISIONS.toLocaleString("en-US")} sources, only what comes ` +
      "in, and stands beside ufw with the 20 rules. The linear rules are one for each address in " +
      "INPUT and OUTPUT, and nothing else. pfw also watches the interface, as always. Connection " +
      "tracking and one rule (`--ctstate ESTABLISHED -j ACCEPT`) is the least that a firewall with " +
      "connections needs.",
      `Throughput: one TCP connection of iperf3, ${DURATION} s. Small packets: ${FLOWS} ` +
      `established UDP flows, ${DURATION} s of 18-byte datagrams as fast as one sender can, a ` +
      "system call each; what the firewall does is part of the sender's time. The sender has " +
      `priority over everything else on its processor. All of it ${TURNS} times in each round.`,
      ...leftOut,
    ],
  };
}

function unitOf(name: string): string {
  if (name.endsWith("throughput")) return "Gbit/s";
  return /its processor time/.test(name) ? "cores" : "packets/s";
}

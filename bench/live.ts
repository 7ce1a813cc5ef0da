/** Watching an interface under the highest rate that tcpreplay makes, beside tcpdump. */
import { RING_BYTES, SNAPLEN } from "../engine/capture.ts";
import { createPair, type Link } from "../tests/support/netns.ts";
import { compile, compileObstacle, Decider } from "./c_programs.ts";
import { capture } from "./captures.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { canRun, MeasuredProcess, sleep } from "./process.ts";
import { TWENTY_RULES } from "./rules.ts";
import { makeThreatHome } from "./threat_home.ts";

/** Few enough for tcpreplay to hold in memory, sent often enough to make the total. */
const FILE_PACKETS = 200_000, TOTAL_PACKETS = 4_000_000;

/** tcpdump gets the ring that pfw takes by default. */
const RING_KIBIBYTES = RING_BYTES / 1024;

/** What leaves no row of any packet, but for those of no connection. */
const NOTHING_TO_STORE = {
  rules: [],
  rate_limit: { enabled: false },
  detection: { enabled: false },
  logging: { allowed_sample: 0 },
};

const DEVICE = "veth-0";
const PFW = "pfw", CALM = "pfw with nothing to store", C = "C that decides the same";

/** What comes after the first tenth, when pfw's code is compiled. */
const LATER = "after the first tenth";

/** Time in which what was sent has surely been read, in milliseconds. */
const SETTLE = 1500;

/** The benchmark. */
export const liveBenchmark: Benchmark = {
  name: "live",
  title: "watching a veth pair at top speed, beside tcpdump",
  obstacle: () =>
    trafficObstacle() ?? (canRun(["tcpdump", "--version"]) ? undefined : "needs tcpdump"),
  run,
};

/** What watches an interface beside tcpdump. */
interface Watcher {
  readonly name: string;
  readonly argv: readonly string[];
  readonly ready: RegExp;
  readonly signal: Deno.Signal;
  /** Reads what it prints at its end. */
  readonly report: (out: string) => { readonly seen: number; readonly dropped: number };
}

async function run(settings: Settings): Promise<Findings> {
  const file = capture(settings, FILE_PACKETS);
  const loops = (settings.quick ? TOTAL_PACKETS / 10 : TOTAL_PACKETS) / FILE_PACKETS;
  using threats = await makeThreatHome(settings, settings.blacklist.addresses, TWENTY_RULES);
  using calm = new PfwHome(settings.directory, [], NOTHING_TO_STORE);
  const watchers = [pfw(settings, PFW, threats.home), pfw(settings, CALM, calm)];
  const obstacle = compileObstacle();
  if (obstacle === undefined) {
    watchers.push(decides(new Decider(await compile(settings, "decide"), threats, TWENTY_RULES)));
  }
  const traffic = { path: file.path, loops };
  const values = await interleave(
    settings.rounds,
    watchers.map((watcher) => () => watchOnce(watcher, traffic)),
  );
  return findings(values, watchers.map(({ name }) => name), [
    `tcpreplay sends ${(loops * file.packets).toLocaleString("en-US")} packets of ` +
    `${file.meanLength.toFixed(0)} bytes on average in each round, as fast as it can, from one ` +
    "namespace to the other, where pfw (`start --monitor`, full verdicts, the policy of the " +
    "replay) and `tcpdump -w /dev/null` watch the same interface, each with a ring of " +
    `${RING_KIBIBYTES / 1024} MiB and ${SNAPLEN} bytes of each packet. What pfw would block, and ` +
    "one allowed packet in a hundred, becomes rows of its database, some 20,000 a second at most. " +
    "Where nothing is to be stored, there are no lists, rules, rate limit, detectors or sample: " +
    "packets are decoded, counted, and followed as connections.",
    obstacle ?? "The C program that decides is that of the replay, in pfw's place, its rows " +
        "appended to a file: what looking at each packet costs outside of the kernel at least.",
  ]);
}

function pfw({ pfw }: Settings, name: string, { options }: PfwHome): Watcher {
  return {
    name,
    argv: [...pfw.argv, "start", "--monitor", DEVICE, "--json", ...options],
    ready: /pfw: ready/,
    signal: "SIGTERM",
    report: (out) => {
      const { totals, losses } = JSON.parse(out);
      return { seen: totals.packets, dropped: losses.ringDrops };
    },
  };
}

function decides(decider: Decider): Watcher {
  return {
    name: C,
    argv: decider.watching(DEVICE, { snaplen: SNAPLEN, kibibytes: RING_KIBIBYTES }),
    ready: /watching/,
    signal: "SIGINT",
    report: (out) => {
      const figures = out.trim().split("\n").at(-1)!.split(" ").map(Number);
      return { seen: figures[0], dropped: figures[figures.length - 1] };
    },
  };
}

function findings(
  values: Record<string, number[]>,
  names: readonly string[],
  notes: readonly string[],
): Findings {
  const sum = (name: string) => values[name].reduce((total, value) => total + value, 0);
  const share = (who: string) => sum(`seen by ${who}`) / sum(`sent to ${who}`);
  const cost = (name: string, when: string) => {
    const own = values[`${name}, processor time${when}`];
    const beside = values[`tcpdump beside ${name}, processor time${when}`];
    return median(own.map((value, round) => value / beside[round]));
  };
  return {
    verdicts: [
      { name: "seen by pfw / sent", value: share(PFW), unit: "×", target: { atLeast: 1 } },
      {
        name: "packets that pfw's ring dropped, all rounds",
        value: sum(`dropped by the ring of ${PFW}`),
        unit: "packets",
        target: { atMost: 0 },
      },
      ...names.flatMap((name) =>
        ["", ` ${LATER}`].map((when) => ({
          name: `processor time of ${name} / tcpdump${when && `,${when}`}`,
          value: cost(name, when),
          unit: "×",
          target: name === PFW && when === "" ? { atMost: 2 } : undefined,
        }))
      ),
      ...names.slice(1).map((name) => ({
        name: `seen by ${name} / sent`,
        value: share(name),
        unit: "×",
      })),
    ],
    series: Object.entries(values).map(([name, values]) => ({
      name,
      unit: name.includes("processor time")
        ? "s"
        : name.startsWith("rate")
        ? "packets/s"
        : "packets",
      values,
    })),
    notes,
  };
}

async function watchOnce(
  { name, argv, ready, signal, report }: Watcher,
  { path, loops }: { readonly path: string; readonly loops: number },
): Promise<Record<string, number>> {
  await using link = await createPair();
  await silence(link);
  const inside = (argv: readonly string[]) =>
    new MeasuredProcess(["ip", "netns", "exec", link.local.name, ...argv]);
  await using watcher = inside(argv);
  await watcher.printed(ready);
  await watcher.calm();
  await using tcpdump = inside(
    ["tcpdump", "-i", DEVICE, "-n", "-s", `${SNAPLEN}`, "-B", `${RING_KIBIBYTES}`, "-w"].concat(
      "/dev/null",
    ),
  );
  await tcpdump.printed(/listening on/);
  const times = () => [watcher.processorSeconds(), tcpdump.processorSeconds()];
  const send = async (loops: number) => {
    const words = ["-i", DEVICE, "--topspeed", "-K", `--loop=${loops}`, path];
    const report = await link.remote.run(["tcpreplay", ...words]);
    await sleep(SETTLE);
    return report;
  };
  const warmUp = Math.max(1, Math.round(loops / 10));
  const before = times(), first = await send(warmUp);
  const between = times(), rest = await send(loops - warmUp);
  const after = times();
  const [out] = await watcher.end(signal);
  const [, dumped] = await tcpdump.end("SIGINT");
  const { seen, dropped } = report(out);
  const used = (who: string, at: number) => ({
    [`${who}, processor time`]: after[at] - before[at],
    [`${who}, processor time ${LATER}`]: after[at] - between[at],
  });
  return {
    [`sent to ${name}`]: numberIn(first, SENT) + numberIn(rest, SENT),
    [`rate to ${name}`]: numberIn(rest, /, ([\d.]+) pps/),
    [`seen by ${name}`]: seen,
    [`dropped by the ring of ${name}`]: dropped,
    [`seen by tcpdump beside ${name}`]: numberIn(dumped, /(\d+) packets captured/),
    ...used(name, 0),
    ...used(`tcpdump beside ${name}`, 1),
  };
}

/** What tcpreplay says at its end. */
const SENT = /Actual: (\d+) packets/;

/** Nothing but tcpreplay shall send: no neighbour discovery, no ARP. */
async function silence({ local, remote }: Link): Promise<void> {
  for (const end of [local, remote]) {
    await end.run(["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1"]);
    await end.run(["ip", "link", "set", "veth-0", "arp", "off"]);
  }
}

function numberIn(text: string, pattern: RegExp): number {
  const match = pattern.exec(text);
  if (!match) throw new Error(`no ${pattern} in: ${text.slice(-500)}`);
  return Number(match[1]);
}

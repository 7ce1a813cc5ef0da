/** Watching an interface under the highest rate that tcpreplay makes, beside tcpdump. */
import { RING_BYTES, SNAPLEN } from "../engine/capture.ts";
import { createPair, type Link } from "../tests/support/netns.ts";
import { capture } from "./captures.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { canRun, MeasuredProcess, sleep } from "./process.ts";

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

/** Names of series: the processor time of nine packets in ten, with rows to store and without. */
const LATER = "pfw, processor time after the first tenth";
const LATER_TCPDUMP = "tcpdump, processor time after the first tenth";
const CALM = "pfw, processor time after the first tenth, nothing to store";
const BESIDE_CALM = "tcpdump, processor time beside that";

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

/** Packets and processor seconds of one round. */
interface Round extends Record<string, number> {
  "sent": number;
  "seen by pfw": number;
  "seen by tcpdump": number;
  "dropped by pfw's ring": number;
  "dropped by tcpdump's ring": number;
}

async function run(settings: Settings): Promise<Findings> {
  const file = capture(settings, FILE_PACKETS);
  const loops = (settings.quick ? TOTAL_PACKETS / 10 : TOTAL_PACKETS) / FILE_PACKETS;
  using home = new PfwHome(settings.directory, settings.blacklist.addresses);
  using calm = new PfwHome(settings.directory, [], NOTHING_TO_STORE);
  const traffic = { path: file.path, loops };
  const values = await interleave(settings.rounds, [
    () => watchOnce(settings, home, traffic),
    async () => {
      const round = await watchOnce(settings, calm, traffic);
      return { [CALM]: round[LATER], [BESIDE_CALM]: round[LATER_TCPDUMP] };
    },
  ]);
  const sum = (name: keyof Round) => values[name].reduce((total, value) => total + value, 0);
  const share = (who: "pfw" | "tcpdump") => sum(`seen by ${who}`) / sum("sent");
  const cost = (pfw: string, tcpdump: string) =>
    median(values[pfw].map((value, round) => value / values[tcpdump][round]));
  return {
    verdicts: [
      { name: "seen by pfw / sent", value: share("pfw"), unit: "×", target: { atLeast: 1 } },
      { name: "seen by tcpdump / sent", value: share("tcpdump"), unit: "×" },
      {
        name: "packets that pfw's ring dropped, all rounds",
        value: sum("dropped by pfw's ring"),
        unit: "packets",
        target: { atMost: 0 },
      },
      {
        name: "processor time of pfw / tcpdump",
        value: cost("pfw, processor time", "tcpdump, processor time"),
        unit: "×",
        target: { atMost: 2 },
      },
      {
        name: "the same after the first tenth, when its code is compiled",
        value: cost(LATER, LATER_TCPDUMP),
        unit: "×",
      },
      {
        name: "the same where nothing is to be stored either",
        value: cost(CALM, BESIDE_CALM),
        unit: "×",
      },
    ],
    series: Object.entries(values).map(([name, values]) => ({
      name,
      unit: name.includes("processor time") ? "s" : name === "rate" ? "packets/s" : "packets",
      values,
    })),
    notes: [
      `tcpreplay sends ${(loops * file.packets).toLocaleString("en-US")} packets of ` +
      `${file.meanLength.toFixed(0)} bytes on average in each round, as fast as it can, from one ` +
      "namespace to the other, where pfw (`start --monitor`, full verdicts, the blacklist of the " +
      "replay) and `tcpdump -w /dev/null` watch the same interface, each with a ring of " +
      `${
        RING_KIBIBYTES / 1024
      } MiB and ${SNAPLEN} bytes of each packet. What pfw would block, and ` +
      "one allowed packet in a hundred, becomes rows of its database, some 20,000 a second at most. " +
      "Where nothing is to be stored, there are no lists, rules, rate limit, detectors or sample: " +
      "packets are decoded, counted, and followed as connections.",
    ],
  };
}

async function watchOnce(
  { pfw }: Settings,
  home: PfwHome,
  { path, loops }: { readonly path: string; readonly loops: number },
): Promise<Round> {
  await using link = await createPair();
  await silence(link);
  const inside = (argv: readonly string[]) =>
    new MeasuredProcess(["ip", "netns", "exec", link.local.name, ...argv]);
  const words = ["start", "--monitor", "veth-0", "--json"];
  await using watcher = inside([...pfw.argv, ...words, ...home.options]);
  await watcher.printed(/pfw: ready/);
  await using tcpdump = inside(
    ["tcpdump", "-i", "veth-0", "-n", "-s", `${SNAPLEN}`, "-B", `${RING_KIBIBYTES}`, "-w"].concat(
      "/dev/null",
    ),
  );
  await tcpdump.printed(/listening on/);
  const times = () => [watcher.processorSeconds(), tcpdump.processorSeconds()];
  const send = async (loops: number) => {
    const words = ["-i", "veth-0", "--topspeed", "-K", `--loop=${loops}`, path];
    const report = await link.remote.run(["tcpreplay", ...words]);
    await sleep(SETTLE);
    return report;
  };
  const warmUp = Math.max(1, Math.round(loops / 10));
  const before = times(), first = await send(warmUp);
  const between = times(), rest = await send(loops - warmUp);
  const after = times();
  const [json] = await watcher.end();
  const [, dumped] = await tcpdump.end("SIGINT");
  const { totals, losses } = JSON.parse(json);
  return {
    "sent": numberIn(first, SENT) + numberIn(rest, SENT),
    "rate": numberIn(rest, /, ([\d.]+) pps/),
    "seen by pfw": totals.packets,
    "seen by tcpdump": numberIn(dumped, /(\d+) packets captured/),
    "dropped by pfw's ring": losses.ringDrops,
    "dropped by tcpdump's ring": numberIn(dumped, /(\d+) packets dropped by kernel/),
    "pfw, processor time": after[0] - before[0],
    "tcpdump, processor time": after[1] - before[1],
    [LATER]: after[0] - between[0],
    [LATER_TCPDUMP]: after[1] - between[1],
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

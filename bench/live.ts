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
  const values = await interleave(settings.rounds, [
    () => watchOnce(settings, home, ["tcpreplay", "-K", `--loop=${loops}`, file.path]),
  ]);
  const sum = (name: keyof Round) => values[name].reduce((total, value) => total + value, 0);
  const share = (who: "pfw" | "tcpdump") => sum(`seen by ${who}`) / sum("sent");
  const cost = values["pfw, processor time"].map((value, round) =>
    value / values["tcpdump, processor time"][round]
  );
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
      { name: "processor time of pfw / tcpdump", value: median(cost), unit: "×" },
    ],
    series: Object.entries(values).map(([name, values]) => ({
      name,
      unit: name.endsWith("time") ? "s" : name === "rate" ? "packets/s" : "packets",
      values,
    })),
    notes: [
      `tcpreplay sends ${(loops * file.packets).toLocaleString("en-US")} packets of ` +
      `${file.meanLength.toFixed(0)} bytes on average in each round, as fast as it can, from one ` +
      "namespace to the other, where pfw (`start --monitor`, full verdicts, the blacklist of the " +
      "replay) and `tcpdump -w /dev/null` watch the same interface, each with a ring of " +
      `${RING_KIBIBYTES / 1024} MiB and ${SNAPLEN} bytes of each packet.`,
    ],
  };
}

async function watchOnce(
  { pfw }: Settings,
  home: PfwHome,
  tcpreplay: readonly string[],
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
  const before = watcher.processorSeconds();
  const report = await link.remote.run([...tcpreplay.slice(0, 1), "-i", "veth-0", "--topspeed"]
    .concat(tcpreplay.slice(1)));
  await sleep(SETTLE);
  const pfwSeconds = watcher.processorSeconds() - before;
  const tcpdumpSeconds = tcpdump.processorSeconds();
  const [json] = await watcher.end();
  const [, dumped] = await tcpdump.end("SIGINT");
  const { totals, losses } = JSON.parse(json);
  return {
    "sent": numberIn(report, /Actual: (\d+) packets/),
    "rate": numberIn(report, /, ([\d.]+) pps/),
    "seen by pfw": totals.packets,
    "seen by tcpdump": numberIn(dumped, /(\d+) packets captured/),
    "dropped by pfw's ring": losses.ringDrops,
    "dropped by tcpdump's ring": numberIn(dumped, /(\d+) packets dropped by kernel/),
    "pfw, processor time": pfwSeconds,
    "tcpdump, processor time": tcpdumpSeconds,
  };
}

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

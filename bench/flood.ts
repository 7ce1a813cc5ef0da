/** A flood from every listed source in turn: what pfw drops, beside one bare rule that drops all. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createPair, type Link } from "../tests/support/netns.ts";
import { addressWords } from "./blacklist.ts";
import { Subscriber } from "./feeds.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { canRun, runToEnd, sleep, UNDISTURBED } from "./process.ts";

const DURATION = 5;
/** Milliseconds in which reports have surely arrived and the counters were compared once more. */
const SETTLE = 7_000;

const BARE = "bare DROP, dropped", PFW = "pfw, dropped";
const CORES = "pfw, processor time", UNACCOUNTED = "dropped, and neither a row nor a known loss";

/** The benchmark. */
export const floodBenchmark: Benchmark = {
  name: "flood",
  title: "dropping a flood from all listed sources, beside one bare rule",
  obstacle: () =>
    namespaceObstacle() ??
      (canRun(["cc", "--version"]) ? undefined : "needs a C compiler (cc)"),
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const flood = await prepare(settings);
  const values = await interleave(settings.rounds, [
    () => bareOnce(flood),
    () => pfwOnce(settings, flood),
  ]);
  const perPacket = (name: string) => values[`${name}, by the sender's processor`];
  const ratio = (a: readonly number[], b: readonly number[]) =>
    median(a.map((value, round) => value / b[round]));
  return {
    verdicts: [
      {
        name: "dropped by pfw / by a bare rule in raw",
        value: ratio(values[PFW], values[BARE]),
        unit: "×",
        target: { atLeast: 0.6 },
      },
      {
        name: "the same for each second of the sender's processor",
        value: ratio(perPacket(PFW), perPacket(BARE)),
        unit: "×",
      },
      {
        name: "processor time of pfw during the flood",
        value: median(values[CORES]),
        unit: "cores",
        target: { atMost: 0.5 },
      },
      {
        name: UNACCOUNTED,
        value: values[UNACCOUNTED].reduce((sum, value) => sum + Math.abs(value), 0),
        unit: "packets",
        target: { atMost: 0 },
      },
    ],
    series: Object.entries(values).map(([name, values]) => ({ name, unit: unitOf(name), values })),
    notes: [
      `A program of ours writes frames of 60 bytes to its end of a veth pair, as fast as it can, ` +
      `for ${flood.seconds} s, from ${flood.sources.toLocaleString("en-US")} sources in turn ` +
      `(${settings.blacklist.source}), every one of them in pfw's list of threats. The bare rule ` +
      "is `iptables -t raw -A PREROUTING -j DROP` and nothing else. Dropping is part of the " +
      "sender's time, which has priority over everything else on its processor. pfw watches and " +
      "records as always; its rows and the losses that it names are compared with the kernel's " +
      "counter.",
    ],
  };
}

function unitOf(name: string): string {
  if (name === CORES) return "cores";
  return name.startsWith(PFW) || name.startsWith(BARE) ? "packets/s" : "packets";
}

interface Flood {
  readonly program: string;
  /** Where the sources lie. */
  readonly file: string;
  readonly sources: number;
  readonly seconds: number;
}

async function prepare({ directory, blacklist, quick }: Settings): Promise<Flood> {
  const program = join(directory, "flood"), file = join(directory, "flood-sources");
  await runToEnd(["cc", "-O2", "-o", program, join(import.meta.dirname!, "flood.c")]);
  const words = addressWords(blacklist.addresses),
    bytes = new DataView(new ArrayBuffer(4 * words.length));
  words.forEach((word, at) => bytes.setInt32(4 * at, word));
  Deno.writeFileSync(file, new Uint8Array(bytes.buffer));
  return { program, file, sources: words.length, seconds: quick ? 1 : DURATION };
}

/** Packets a second, by the clock and by the sender's processor. */
async function send({ program, file, seconds }: Flood, { local, remote }: Link) {
  const [mac] = /[0-9a-f]{2}(:[0-9a-f]{2}){5}/.exec(
    await local.run(["cat", "/sys/class/net/veth-0/address"]),
  )!;
  const words = [...UNDISTURBED, program, "veth-0", mac, "10.9.0.1", file, `${seconds}`];
  const [sent, elapsed, processor] = (await remote.run(words)).trim().split(" ").map(Number);
  return { sent, elapsed, processor };
}

async function bareOnce(flood: Flood): Promise<Record<string, number>> {
  await using link = await createPair();
  await link.local.run(["iptables", "-t", "raw", "-A", "PREROUTING", "-j", "DROP"]);
  const { elapsed, processor } = await send(flood, link);
  const dropped = await counted(link, /\[(\d+):\d+\] -A PREROUTING -j DROP/g);
  return rates(BARE, dropped, elapsed, processor);
}

async function pfwOnce(settings: Settings, flood: Flood): Promise<Record<string, number>> {
  await using link = await createPair();
  await using subscriber = await Subscriber.create(settings, link.local);
  await using pfw = subscriber.start("--json");
  await subscriber.fetched();
  const before = pfw.processorSeconds();
  const { elapsed, processor } = await send(flood, link);
  const used = pfw.processorSeconds() - before;
  await sleep(SETTLE);
  const dropped = await counted(link, /\[(\d+):\d+\] -A PFW-D-threat -j DROP/g);
  const [json] = await pfw.end();
  const { nflogLost: unreported, hitsLost: lost } = JSON.parse(json).losses;
  const rows = threatHits(subscriber.database);
  return {
    ...rates(PFW, dropped, elapsed, processor),
    [CORES]: used / elapsed,
    "hits of all rows": rows,
    "of these in rows without addresses, for want of a report": unreported,
    "hits of rows that were lost, counted": lost,
    [UNACCOUNTED]: dropped - rows - lost,
  };
}

function rates(name: string, dropped: number, elapsed: number, processor: number) {
  return {
    [name]: dropped / elapsed,
    [`${name}, by the sender's processor`]: dropped / processor,
  };
}

/** What all rules of that kind counted. */
async function counted({ local }: Link, pattern: RegExp): Promise<number> {
  const counts = [...(await local.run(["iptables-save", "-c"])).matchAll(pattern)];
  if (counts.length === 0) throw new Error(`no rule ${pattern.source}`);
  return counts.reduce((sum, [, packets]) => sum + Number(packets), 0);
}

function threatHits(path: string): number {
  using database = new DatabaseSync(path, { readOnly: true });
  const query = "SELECT sum(hits) AS hits FROM blocked_packets WHERE reason_code = 'threat'";
  return Number(database.prepare(query).get()?.hits ?? 0);
}

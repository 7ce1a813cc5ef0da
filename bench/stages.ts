/**
 * Where the time of a replay goes: the same packets again and again, each time with one stage
 * more. In this process, so that no program's start counts, and by processor time.
 */
import { PrefixList } from "../engine/net/prefix_list.ts";
import { PrefixTable } from "../engine/net/prefix_table.ts";
import { Totals } from "../engine/observe/totals.ts";
import { decode } from "../engine/packet/decode.ts";
import { setDirection } from "../engine/packet/direction.ts";
import { ParsedPacket } from "../engine/packet/packet.ts";
import { buildPolicy } from "../engine/policy/build_policy.ts";
import { DEFAULT_CONFIG } from "../engine/policy/default_config.ts";
import { configSchema } from "../engine/policy/schema.ts";
import { LinkType } from "../engine/packet/link_layer.ts";
import { pcapVersion } from "../ffi/pcap.ts";
import { RECORD_HEADER } from "../ffi/record_buffer.ts";
import { capture } from "./captures.ts";
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { nanosecondsEach, ownAddresses, pipelineStage, type Stage } from "./in_process.ts";

const PACKETS = 2_000_000;

/** The benchmark. */
export const stagesBenchmark: Benchmark = {
  name: "stages",
  title: "where the time of a replay goes",
  obstacle() {
    try {
      pcapVersion();
    } catch (error) {
      return (error as Error).message;
    }
  },
  run,
};

async function run(settings: Settings): Promise<Findings> {
  const { path, packets } = capture(settings, settings.quick ? PACKETS / 10 : PACKETS);
  const makers: [string, () => Stage][] = [
    ["reading", () => () => {}],
    ["decoding", () => readUpTo("decoding", settings.blacklist.addresses)],
    ["direction and counters", () => readUpTo("counters", settings.blacklist.addresses)],
    ["lists", () => readUpTo("lists", settings.blacklist.addresses)],
    ["connections, rate limit, rules, events", () => wholePipeline(settings.blacklist.addresses)],
  ];
  const names = makers.map(([name]) => name);
  const contest = makers.map(([name, make]) => () => {
    const stage = make();
    return Promise.resolve({ [name]: nanosecondsEach(path, packets, stage) });
  });
  // What is compiled while it runs would count for the first ones alone.
  await interleave(1, contest);
  const values = await interleave(settings.rounds, contest);
  const until = names.map((name) => median(values[name]));
  const whole = until[until.length - 1];
  return {
    verdicts: names.flatMap((name, at) => {
      const cost = until[at] - (at > 0 ? until[at - 1] : 0);
      return [{ name, value: cost, unit: "ns/packet" }];
    }).concat([{ name: "together", value: whole, unit: "ns/packet" }]),
    series: names.map((name) => ({ name: `up to ${name}`, unit: "ns", values: values[name] })),
    notes: [
      "Processor time of the whole process. `reading` is what it costs until the packets lie in " +
      "its own buffer.",
    ],
  };
}

/** The first stages of the pipeline, by hand. */
export function readUpTo(
  last: "decoding" | "counters" | "lists",
  blacklist: readonly string[],
): Stage {
  const packet = new ParsedPacket(), totals = new Totals(), own = ownAddresses();
  const lists = new PrefixTable([{ list: PrefixList.parse(blacklist), value: 1 }]);
  return ({ view }, length) => {
    for (let at = 0; at + RECORD_HEADER <= length;) {
      const start = at + RECORD_HEADER;
      at = start + view.getUint32(at + 8, true);
      packet.seconds = view.getUint32(start - RECORD_HEADER, true);
      packet.wireLength = view.getUint32(start - 4, true);
      decode(packet, view, start, at, LinkType.ethernet);
      if (last === "decoding") continue;
      setDirection(packet, own);
      totals.seen(packet);
      if (last === "counters") continue;
      const { family, source0, source1, source2, source3 } = packet;
      // Counted, so that nothing can be left out as unused.
      if (lists.lookup(family, source0, source1, source2, source3) !== 0) {
        totals.wouldBlock(packet, 0);
      }
    }
  };
}

function wholePipeline(blacklist: readonly string[]): Stage {
  const config = configSchema.parse({ ...DEFAULT_CONFIG, blacklist_ips: [...blacklist] });
  return pipelineStage(buildPolicy(config));
}

/** The web page under a flood, and what it costs the firewall to show it to many. */
import { join } from "node:path";
import { createPair, type Link } from "../tests/support/netns.ts";
import { floodCapture } from "./flood_capture.ts";
import { asInTheCapture, sendFlood } from "./flooded_link.ts";
import { type Benchmark, type Findings, median, percentile, type Settings } from "./harness.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { type PageSecond, PageUnderTest } from "./page_under_test.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { canRun, MeasuredProcess, sleep } from "./process.ts";

const RATE = 200_000, FILE_PACKETS = 400_000, PAGES = 20, MEGABYTE = 1e6;
const ADDRESS = "127.0.0.1:8787", URL = `http://${ADDRESS}/`;

/** The benchmark. */
export const dashboardBenchmark: Benchmark = {
  name: "dashboard",
  title: "the web page under a flood, and twenty of them",
  obstacle: () =>
    trafficObstacle() ?? (canRun(["chromium", "--version"]) ? undefined : "needs chromium"),
  run,
};

/** What the firewall was like under the flood. */
interface Flooded {
  readonly packets: number;
  /** Drops of the rings, and of reports. */
  readonly lost: number;
  /** Share of one processor. */
  readonly cpu: number;
}

/** What twenty pages were like. */
interface Many {
  /** Resident memory, a second apart. */
  readonly memory: readonly number[];
  readonly ticks: number;
  readonly answers: number;
  readonly failed: number;
}

async function run(settings: Settings): Promise<Findings> {
  const seconds = settings.quick ? 5 : 60;
  const seen: PageSecond[] = [];
  const alone = await flooded(settings, seconds);
  const watched = await flooded(settings, seconds, seen);
  const many = await manyPages(settings, settings.quick ? 5 : settings.long ? 600 : 60);
  return findings({ seconds, seen, alone, watched, many });
}

/** A pfw with its page, in a namespace; `await using` ends it. */
class Shown implements AsyncDisposable {
  readonly #made = new AsyncDisposableStack();

  private constructor(
    readonly link: Link,
    readonly pfw: MeasuredProcess,
    readonly token: string,
  ) {}

  static async start({ pfw, directory, blacklist }: Settings): Promise<Shown> {
    await using made = new AsyncDisposableStack();
    const home = made.use(new PfwHome(directory, blacklist.addresses));
    const link = made.use(await createPair());
    await asInTheCapture(link);
    const inside = ["ip", "netns", "exec", link.local.name];
    const words = ["start", "--json", "--dashboard", ...home.options];
    const process = made.use(new MeasuredProcess([...inside, ...pfw.argv, ...words]));
    await process.printed(/dashboard at http/);
    const token = await Deno.readTextFile(join(home.directory, "data/dashboard.token"));
    const shown = new Shown(link, process, token.trim());
    shown.#made.use(made.move());
    return shown;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#made.disposeAsync();
  }
}

/** @param seen filled with what a page was like meanwhile, where one is to be open */
async function flooded(
  settings: Settings,
  seconds: number,
  seen?: PageSecond[],
): Promise<Flooded> {
  const file = floodCapture(settings, FILE_PACKETS);
  await using shown = await Shown.start(settings);
  const { link, pfw, token } = shown;
  await using open = seen && await PageUnderTest.open(link.local, `${URL}#token=${token}`);
  const before = pfw.processorSeconds();
  await using sender = sendFlood(link, file, seconds, RATE);
  if (open) seen.push(...await open.watch(seconds));
  await sender.result();
  const cpu = (pfw.processorSeconds() - before) / seconds;
  const [json] = await pfw.end();
  const { totals, losses } = JSON.parse(json);
  return { packets: totals.packets, lost: losses.ringDrops + losses.hitsLost, cpu };
}

async function manyPages(settings: Settings, seconds: number): Promise<Many> {
  await using shown = await Shown.start(settings);
  const { link, pfw, token } = shown;
  const script = join(import.meta.dirname!, "many_pages.py");
  const inside = ["ip", "netns", "exec", link.local.name, "python3", script];
  const words = [ADDRESS, token, String(PAGES), String(seconds)];
  await using pages = new MeasuredProcess([...inside, ...words]);
  const memory: number[] = [];
  for (let second = 0; second < seconds; second++) {
    await sleep(1000);
    memory.push(pfw.memory().resident);
  }
  const [out] = await pages.result();
  const [ticks, answers, failed] = out.split(" ").map(Number);
  await pfw.end();
  return { memory, ticks, answers, failed };
}

/** Everything that was seen. */
interface Seen {
  readonly seconds: number;
  readonly seen: readonly PageSecond[];
  readonly alone: Flooded;
  readonly watched: Flooded;
  readonly many: Many;
}

function findings({ seconds, seen, alone, watched, many }: Seen): Findings {
  const frames = seen.map((second) => second.frames);
  const memory = seen.map((second) => second.memory / MEGABYTE);
  const server = many.memory.map((bytes) => bytes / MEGABYTE);
  const third = Math.max(1, Math.floor(server.length / 3));
  const growth = median(server.slice(-third)) - median(server.slice(third, 2 * third));
  const lasting = `${many.memory.length} s`;
  return {
    verdicts: [
      {
        name: "frames a second under the flood, nine of ten seconds have more",
        value: percentile(frames, 0.1),
        unit: "frames/s",
        row: "the web page under 200,000 packets a second, frames",
        target: { atLeast: 30 },
        isHeadline: true,
      },
      {
        name: "memory of the page's process under the flood",
        value: median(memory),
        unit: "MB",
        row: "the web page under 200,000 packets a second, memory",
        target: { atMost: 150 },
      },
      {
        name: "packets that pfw lost with the page open",
        value: watched.lost,
        unit: "packets",
        target: { atMost: alone.lost },
      },
      { name: "the same without a page", value: alone.lost, unit: "packets" },
      {
        name: `growth of pfw's memory with twenty pages, last third of ${lasting} against second`,
        value: growth,
        unit: "MB",
        row: `twenty pages open for ${lasting}, growth of pfw's memory`,
        target: { atMost: 5 },
      },
      { name: "processor time of pfw under the flood", value: alone.cpu, unit: "cores" },
      { name: "the same with the page open", value: watched.cpu, unit: "cores" },
      { name: "questions of the twenty pages that failed", value: many.failed, unit: "questions" },
    ],
    series: [
      { name: "frames, by second", unit: "frames/s", values: frames },
      { name: "private memory of the page's process", unit: "MB", values: memory },
      { name: "resident memory of pfw with twenty pages", unit: "MB", values: server },
    ],
    notes: [
      `tcpreplay sends ${RATE.toLocaleString("en-US")} connection attempts a second for ` +
      `${seconds} s, every second one from a listed address; pfw saw ` +
      `${watched.packets.toLocaleString("en-US")} packets with the page open and ` +
      `${alone.packets.toLocaleString("en-US")} without. The page runs in headless Chromium on ` +
      "the same processors, drawn by software, 1440 by 900.",
      `Twenty pages are ${PAGES} streams of events and as many that ask for everything every five ` +
      `seconds: ${many.ticks.toLocaleString("en-US")} ticks and ` +
      `${many.answers.toLocaleString("en-US")} answers. \`--long\` lets them run for ten minutes.`,
    ],
  };
}

/** A feed of 120,430 addresses: from its publisher to the kernel, beside a rule for each address. */
import { join } from "node:path";
import { ask } from "../engine/control/client.ts";
import type { ThreatsAnswer } from "../engine/control/intel_control.ts";
import { resolvePaths } from "../engine/paths.ts";
import { createPair, type NetworkNamespace } from "../tests/support/netns.ts";
import { type Benchmark, type Findings, median, type Settings } from "./harness.ts";
import { namespaceObstacle } from "./kernel_needs.ts";
import { ruleForEachAddress } from "./one_rule_each.ts";
import { PfwHome } from "./pfw_under_test.ts";
import { MeasuredProcess, sleep } from "./process.ts";

const MEGABYTE = 1e6;
/** Milliseconds between two questions to the running pfw, and until it is given up. */
const POLL = 10, PATIENCE = 60_000;
/** Seconds after which memory counts as at rest. */
const REST = 5;

/** The benchmark. */
export const feedsBenchmark: Benchmark = {
  name: "feeds",
  title: "a threat feed from its publisher to the kernel",
  obstacle: namespaceObstacle,
  run,
};

interface Round {
  /** Seconds from the request for the feed until the kernel enforces it. */
  readonly fetched: number;
  /** Seconds from the start of the process to ready, with the feed in the cache. */
  readonly restarted: number;
  /** Bytes resident, at rest and at most. */
  readonly resident: number;
  readonly peak: number;
}

async function run(settings: Settings): Promise<Findings> {
  const rounds: Round[] = [];
  for (let round = 0; round < settings.rounds; round++) rounds.push(await oneRound(settings));
  const size = settings.blacklist.addresses.length;
  const old = await ruleForEachAddress(settings.blacklist.addresses, settings.quick);
  const of = (pick: (round: Round) => number) => rounds.map(pick);
  const fetched = of(({ fetched }) => fetched);
  return {
    verdicts: [
      {
        name: "from the request for the feed to its enforcement",
        value: median(fetched),
        unit: "s",
        target: { atMost: 1 },
      },
      {
        name: "start to `pfw: ready` with the cached copy",
        value: median(of(({ restarted }) => restarted)),
        unit: "s",
        target: { atMost: 1.5 },
      },
      {
        name: "resident memory afterwards",
        value: median(of(({ resident }) => resident)) / MEGABYTE,
        unit: "MB",
        target: { atMost: 150 },
      },
      {
        name: "one `iptables -C` and `-A` for each address and chain, against that",
        value: old.seconds / median(fetched),
        unit: "×",
        target: { atLeast: 1000 },
      },
    ],
    series: [
      { name: "request to enforced", unit: "s", values: fetched },
      { name: "start to ready", unit: "s", values: of(({ restarted }) => restarted) },
      { name: "resident at rest", unit: "MB", values: of((one) => one.resident / MEGABYTE) },
      { name: "highest resident", unit: "MB", values: of((one) => one.peak / MEGABYTE) },
      ...old.series,
    ],
    notes: [
      `${
        size.toLocaleString("en-US")
      } addresses (${settings.blacklist.source}), served over HTTP ` +
      "from loopback. The time runs from the server's sight of the request until the running pfw " +
      "says that the list is in force, and the kernel's set is then found to hold it.",
      old.note,
    ],
  };
}

async function oneRound(settings: Settings): Promise<Round> {
  await using link = await createPair();
  await using subscriber = await Subscriber.create(settings, link.local);
  let fetched: number;
  {
    await using pfw = subscriber.start();
    fetched = await subscriber.fetched();
    await pfw.end();
  }
  await using again = subscriber.start();
  const restarted = await again.printed(/pfw: ready/) / 1000;
  await requireEntries(link.local, settings.blacklist.addresses.length);
  await sleep((settings.quick ? 1 : REST) * 1000);
  const { resident, peak } = again.memory();
  await again.end();
  return { fetched, restarted, resident, peak };
}

function serverCommand({ directory, blacklist }: Settings): string[] {
  const file = join(directory, "feed.txt");
  const lines = blacklist.addresses.map((address, at) => `${address}\t${1 + at % 8}`);
  Deno.writeTextFileSync(file, `# addresses and on how many lists\n${lines.join("\n")}\n`);
  const script = join(import.meta.dirname!, "feed_server.ts");
  return [Deno.execPath(), "run", "--quiet", "--allow-net", "--allow-read", script, file];
}

/** Seconds from the request for the feed until the kernel enforces it, in namespaces of its own. */
export async function fetchOnce(settings: Settings): Promise<number> {
  await using link = await createPair();
  await using subscriber = await Subscriber.create(settings, link.local);
  await using pfw = subscriber.start();
  const seconds = await subscriber.fetched();
  await pfw.end();
  return seconds;
}

/** A pfw that is to follow the feed of a publisher beside it. */
export class Subscriber implements AsyncDisposable {
  private constructor(
    private readonly settings: Settings,
    private readonly namespace: NetworkNamespace,
    private readonly server: MeasuredProcess,
    private readonly home: PfwHome,
  ) {}

  /** @param changes keys of the configuration that are not as in the defaults */
  static async create(
    settings: Settings,
    namespace: NetworkNamespace,
    changes: Readonly<Record<string, unknown>> = {},
  ): Promise<Subscriber> {
    const inside = ["ip", "netns", "exec", namespace.name];
    const server = new MeasuredProcess([...inside, ...serverCommand(settings)]);
    await server.printed(/port \d+/);
    const url = `http://127.0.0.1:${/port (\d+)/.exec(server.seen)![1]}/ipsum.txt`;
    const home = new PfwHome(settings.directory, [], {
      threat_feeds: [{ name: "feed", url, interval: "1d", allow_insecure: true }],
      ...changes,
    });
    return new Subscriber(settings, namespace, server, home);
  }

  /** Path of the database. */
  get database(): string {
    return join(this.home.directory, "data", "firewall.db");
  }

  /** Starts pfw; it has the feed already where it fetched it once. */
  start(...words: string[]): MeasuredProcess {
    const { settings: { pfw }, namespace, home } = this;
    const inside = ["ip", "netns", "exec", namespace.name];
    return new MeasuredProcess([...inside, ...pfw.argv, "start", ...words, ...home.options]);
  }

  /** Seconds from the first request for the feed until it is in force. */
  async fetched(): Promise<number> {
    await this.server.printed(/request \d+/);
    const requested = Number(/request (\d+)/.exec(this.server.seen)![1]);
    return (await inForce(this.home, this.namespace) - requested) / 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.end("SIGKILL");
    this.home[Symbol.dispose]();
  }
}

/** Waits until pfw says that the feed is in force; returns when, in milliseconds since 1970. */
async function inForce(home: PfwHome, namespace: NetworkNamespace): Promise<number> {
  const paths = resolvePaths({ runDir: join(home.directory, "run") });
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const answer = await ask<ThreatsAnswer>(paths, "GET", "/threats");
    const now = Date.now(), { entries = 0, updating, fault } = answer?.body ?? {};
    if (fault) throw new Error(`the feed is not in force: ${fault}`);
    if (entries > 0 && !updating) {
      await requireEntries(namespace, entries);
      return now;
    }
    await sleep(POLL);
  }
  throw new Error("the feed is not in force after a minute");
}

async function requireEntries(namespace: NetworkNamespace, atLeast: number): Promise<void> {
  const header = await namespace.run(["ipset", "list", "-t", "pfw-threat4"]);
  const entries = Number(/^Number of entries: (\d+)$/m.exec(header)?.[1] ?? 0);
  // A feed may hold addresses that are never applied, such as private ones: few of them.
  if (entries < 0.99 * atLeast) throw new Error(`the kernel holds ${entries} of ${atLeast}`);
}

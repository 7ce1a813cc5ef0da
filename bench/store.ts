/**
 * Blocked events on their way into the database: handed to the buffers and written as the running
 * firewall does it, ten times a second, with the events of a flood between two writes; and once
 * through the whole of it, from the kernel's drops on.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openLog } from "../engine/observe/application_log.ts";
import { EventDetails } from "../engine/observe/event_details.ts";
import { Losses } from "../engine/observe/losses.ts";
import { Totals } from "../engine/observe/totals.ts";
import { resolvePaths } from "../engine/paths.ts";
import { Reason } from "../engine/policy/verdict.ts";
import { Recorder } from "../engine/recorder.ts";
import {
  type Benchmark,
  type Findings,
  interleave,
  median,
  type Profile,
  type Series,
  type Settings,
  type Verdict,
} from "./harness.ts";
import { insertOneByOne } from "./insert_one_by_one.ts";
import { trafficObstacle } from "./kernel_needs.ts";
import { type FloodPackets, floodPackets } from "./store_events.ts";
import { type Flooded, floodOnce } from "./store_flood.ts";

/** Events between two writes, 100 ms apart, of the rate that is to be reached. */
const RATE = 100_000, WRITES_PER_SECOND = 10;
/** So many that none of them shares a row. */
const UNSHARED = 1_000;
/** Of one round; quick and not. */
const EVENTS = 1_000_000, QUICK_EVENTS = 50_000;
/** Events that the program beside it inserts, and addresses that come again and again. */
const INSERTED = 2_000, REPEATING_SOURCES = 1_000;
const MOST_BYTES = 110;
/** Seconds of a flood from end to end; quick and not. */
const FLOOD = 5, QUICK_FLOOD = 1;

/** The benchmark. */
export const storeBenchmark: Benchmark = {
  name: "store",
  title: "blocked events to rows that stay, beside a program that inserts each event",
  obstacle: () => undefined,
  run,
};

/** What one run of events came to. */
interface Written {
  readonly rate: number;
  readonly rows: number;
  readonly blurred: number;
  readonly bytesPerRow: number;
  /** Nanoseconds an event: counting and buffering, writing, and what is left. */
  readonly taking: number;
  readonly writing: number;
  readonly closing: number;
}

async function run(settings: Settings): Promise<Findings> {
  const events = settings.quick ? QUICK_EVENTS : EVENTS, each = RATE / WRITES_PER_SECOND;
  const distinct = floodPackets(events, Infinity);
  const repeating = floodPackets(events, REPEATING_SOURCES);
  const values = await interleave(settings.rounds, [
    async () => named("distinct", await write(settings, distinct, each)),
    async () => named("repeating", await write(settings, repeating, each)),
    async () => named("unshared", await write(settings, distinct, UNSHARED)),
    () => Promise.resolve({ "one by one": insertOneByOne(settings.directory, INSERTED) }),
  ]);
  const floods: Flooded[] = [];
  const obstacle = trafficObstacle();
  for (let round = 0; round < settings.rounds && obstacle === undefined; round++) {
    floods.push(await floodOnce(settings, settings.quick ? QUICK_FLOOD : FLOOD));
  }
  return findings(values, events, {
    floods,
    obstacle,
    addresses: settings.blacklist.addresses.length,
  });
}

function named(kind: string, written: Written): Record<string, number> {
  return Object.fromEntries(
    Object.entries(written).map(([name, value]) => [`${kind} ${name}`, value]),
  );
}

/**
 * Writes the events, so many between two writes, and waits until all are in the one file.
 *
 * @throws where the database does not tell of each event exactly once
 */
async function write(
  { directory }: Settings,
  { count, packet, bytes, set }: FloodPackets,
  between: number,
): Promise<Written> {
  const home = Deno.makeTempDirSync({ dir: directory, prefix: "store-" });
  try {
    const { recorder, totals } = openRecorder(home);
    const started = performance.now();
    let writing = 0, waiting = 0;
    for (let event = 0; event < count; event++) {
      set(event);
      totals.blocked(packet, Reason.threat);
      recorder.blocked.add(packet, bytes, Reason.threat);
      if ((event + 1) % between !== 0) continue;
      const full = performance.now();
      recorder.flush();
      if ((event + 1) % (between * WRITES_PER_SECOND) === 0) recorder.checkpoint();
      const written = performance.now();
      // Between two writes the running firewall looks after other things, too.
      await new Promise((resolve) => setTimeout(resolve));
      writing += written - full;
      waiting += performance.now() - written;
    }
    const { blurred } = recorder.blocked, taken = performance.now();
    recorder[Symbol.dispose]();
    const ended = performance.now(), rows = requireExact(recorder.path, count);
    const each = 1e6 / count;
    return {
      rate: count / ((ended - started) / 1000),
      rows,
      blurred,
      bytesPerRow: Deno.statSync(recorder.path).size / rows,
      taking: each * (taken - started - writing - waiting),
      writing: each * writing,
      closing: each * (ended - taken + waiting),
    };
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
}

function openRecorder(home: string): { recorder: Recorder; totals: Totals } {
  const totals = new Totals();
  const recorder = new Recorder({
    database: join(home, "firewall.db"),
    retention: { seconds: 30 * 86_400, bytes: 1e9 },
    isEnforced: true,
    details: new EventDetails(),
    totals,
    losses: new Losses(),
    log: openLog(resolvePaths({ logDir: home })),
  });
  return { recorder, totals };
}

/** The rows, the totals and the addresses must each add up to the events; returns the rows. */
function requireExact(path: string, events: number): number {
  using db = new DatabaseSync(path, { readOnly: true });
  const { rows, ...sums } = db.prepare(
    `SELECT (SELECT count(*) FROM blocked_rows) AS rows,
       (SELECT sum(hits) FROM blocked_rows) AS "the rows",
       (SELECT sum(packets) FROM totals WHERE action = 'blocked') AS "the totals",
       (SELECT sum(blocked) FROM blocked_addresses) AS "the addresses"`,
  ).get()!;
  for (const [what, sum] of Object.entries(sums)) {
    if (Number(sum) !== events) throw new Error(`${what} tell of ${sum} of ${events} events`);
  }
  return Number(rows);
}

/** Floods, or why there are none. */
interface EndToEnd {
  readonly floods: readonly Flooded[];
  readonly obstacle: string | undefined;
  readonly addresses: number;
}

function findings(
  values: Record<string, number[]>,
  events: number,
  endToEnd: EndToEnd,
): Findings {
  const figures = (name: string) => values[name], rate = (name: string) => figures(`${name} rate`);
  const ratios = rate("unshared").map((value, round) => value / figures("one by one")[round]);
  const bytes = figures("unshared bytesPerRow");
  const atLeast = (name: string, kind: string) => ({
    name: `events to durable rows, ${name}, none lost`,
    value: median(rate(kind)),
    unit: "events/s",
    target: { atLeast: RATE },
  });
  return {
    verdicts: [
      {
        name: "rows/s / those of a program that inserts and commits each event",
        row: "rows written, beside a program that inserts and commits each event",
        value: median(ratios),
        unit: "×",
      },
      {
        ...atLeast("each from another address", "distinct"),
        row: "blocked events to durable rows, none lost",
        isHeadline: true,
      },
      atLeast("1,000 addresses again and again", "repeating"),
      { ...atLeast("a row for each", "unshared"), target: undefined },
      {
        name: "a row on the disk, indexes included",
        row: "a blocked event on the disk, indexes included",
        value: median(bytes),
        unit: "bytes",
        target: { atMost: MOST_BYTES },
        isHeadline: true,
      },
      {
        name: "events whose row tells no address, each from another",
        value: 100 * median(figures("distinct blurred")) / events,
        unit: "%",
      },
      ...verdictsOf(endToEnd.floods),
    ],
    series: [
      { name: "each from another address", unit: "events/s", values: rate("distinct") },
      { name: "1,000 addresses again and again", unit: "events/s", values: rate("repeating") },
      { name: "a row for each", unit: "events/s", values: rate("unshared") },
      { name: "inserted one by one", unit: "events/s", values: figures("one by one") },
      { name: "rows, each from another address", unit: "rows", values: figures("distinct rows") },
      { name: "rows, 1,000 addresses", unit: "rows", values: figures("repeating rows") },
      { name: "a row on the disk", unit: "bytes", values: bytes },
      ...seriesOf(endToEnd.floods),
    ],
    notes: notesOf(events, endToEnd),
    profiles: [
      profileOf(values, "distinct", "a blocked event of a flood, each from another address"),
      profileOf(values, "unshared", "a blocked event that has a row of its own"),
    ],
  };
}

/** The rows must tell of each drop once, reported or not. */
function verdictsOf(floods: readonly Flooded[]): Verdict[] {
  if (floods.length === 0) return [];
  const sum = (part: keyof Flooded) => floods.reduce((total, flood) => total + flood[part], 0);
  return [
    {
      name: "end to end: drops that rows tell of / drops of the kernel",
      row: "under a flood: drops that rows tell of, of those that the kernel made",
      value: sum("told") / sum("dropped"),
      unit: "×",
      target: { atLeast: 1 },
    },
    {
      name: "end to end: drops of the kernel",
      value: median(floods.map((flood) => flood.rate)),
      unit: "packets/s",
    },
    {
      name: "end to end: drops that the kernel did not report, all rounds, counted all the same",
      value: sum("unreported"),
      unit: "packets",
    },
  ];
}

function seriesOf(floods: readonly Flooded[]): Series[] {
  if (floods.length === 0) return [];
  const of = (name: string, unit: string, part: keyof Flooded) => ({
    name: `end to end: ${name}`,
    unit,
    values: floods.map((flood) => flood[part]),
  });
  return [
    of("drops of the kernel", "packets/s", "rate"),
    of("drops that rows tell of", "packets", "told"),
    of("rows", "rows", "rows"),
  ];
}

function profileOf(values: Record<string, number[]>, kind: string, of: string): Profile {
  const part = (name: string, key: keyof Written) => ({
    name,
    value: median(values[`${kind} ${key}`]),
  });
  return {
    of,
    unit: "ns/event",
    parts: [
      part("counting, hashing, buffering", "taking"),
      part("writing rows, indexes, sums by address", "writing"),
      part("other work between, and closing the file", "closing"),
    ],
  };
}

function notesOf(events: number, { obstacle, addresses }: EndToEnd): string[] {
  const text = (count: number) => count.toLocaleString("en-US");
  return [
    `${text(events)} events a round, ${text(RATE / WRITES_PER_SECOND)} between two writes, which ` +
    `is what a flood of ${text(RATE)} a second brings; for a row each, ${text(UNSHARED)} between ` +
    "two. The time runs from the first event until the closed file holds all of them. Afterwards " +
    "rows, totals and addresses must each add up to the events exactly, or the benchmark fails.",
    "The program beside it inserts text into one table with two indexes and commits each event, " +
    "with the same settings of SQLite.",
    obstacle === undefined
      ? `End to end: tcpreplay floods an enforcing pfw, ${text(addresses)} addresses on its ` +
        "blacklist, with attempts of which more than half are dropped; after its end the database is added up."
      : `End to end was left out: ${obstacle}.`,
  ];
}

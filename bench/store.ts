/**
 * Blocked events on their way into the database: handed to the buffers and written as the running
 * firewall does it, ten times a second, with the events of a flood between two writes.
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
import { type Benchmark, type Findings, interleave, median, type Settings } from "./harness.ts";
import { insertOneByOne } from "./insert_one_by_one.ts";
import { type FloodPackets, floodPackets } from "./store_events.ts";

/** Events between two writes, 100 ms apart, of the rate that is to be reached. */
const RATE = 100_000, WRITES_PER_SECOND = 10;
/** So many that none of them shares a row. */
const UNSHARED = 2_000;
/** Of one round; quick and not. */
const EVENTS = 1_000_000, QUICK_EVENTS = 50_000;
/** Events that the program beside it inserts, and addresses that come again and again. */
const INSERTED = 2_000, REPEATING_SOURCES = 1_000;
const MOST_BYTES = 110;

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
  return findings(values, events);
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
    for (let event = 0; event < count; event++) {
      set(event);
      totals.blocked(packet, Reason.threat);
      recorder.blocked.add(packet, bytes, Reason.threat);
      if ((event + 1) % between !== 0) continue;
      recorder.flush();
      if ((event + 1) % (between * WRITES_PER_SECOND) === 0) recorder.checkpoint();
      // Between two writes the running firewall looks after other things, too.
      await new Promise((resolve) => setTimeout(resolve));
    }
    const { blurred } = recorder.blocked;
    recorder[Symbol.dispose]();
    const seconds = (performance.now() - started) / 1000;
    const rows = requireExact(recorder.path, count);
    const bytesPerRow = Deno.statSync(recorder.path).size / rows;
    return { rate: count / seconds, rows, blurred, bytesPerRow };
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

function findings(values: Record<string, number[]>, events: number): Findings {
  const figures = (name: string) => values[name], rate = (name: string) => figures(`${name} rate`);
  const least = { atLeast: RATE };
  const ratios = rate("unshared").map((value, round) => value / figures("one by one")[round]);
  const blurred = 100 * median(figures("distinct blurred")) / events;
  return {
    verdicts: [
      {
        name: "rows/s / those of a program that inserts and commits each event",
        row: "rows written, beside a program that inserts and commits each event",
        value: median(ratios),
        unit: "×",
      },
      {
        name: "events to durable rows, each from another address, none lost",
        row: "blocked events to durable rows, none lost",
        value: median(rate("distinct")),
        unit: "events/s",
        target: least,
        isHeadline: true,
      },
      {
        name: "events to durable rows, 1,000 addresses again and again, none lost",
        value: median(rate("repeating")),
        unit: "events/s",
        target: least,
      },
      {
        name: "events to durable rows, a row for each",
        value: median(rate("unshared")),
        unit: "events/s",
      },
      {
        name: "a row on the disk, indexes included",
        row: "a blocked event on the disk, indexes included",
        value: median(figures("unshared bytesPerRow")),
        unit: "bytes",
        target: { atMost: MOST_BYTES },
        isHeadline: true,
      },
      { name: "events whose row tells no address, each from another", value: blurred, unit: "%" },
    ],
    series: [
      { name: "each from another address", unit: "events/s", values: rate("distinct") },
      { name: "1,000 addresses again and again", unit: "events/s", values: rate("repeating") },
      { name: "a row for each", unit: "events/s", values: rate("unshared") },
      { name: "inserted one by one", unit: "events/s", values: figures("one by one") },
      {
        name: "rows, each from another address",
        unit: "rows",
        values: figures("distinct rows"),
      },
      {
        name: "rows, 1,000 addresses again and again",
        unit: "rows",
        values: figures("repeating rows"),
      },
      {
        name: "a row on the disk, a row for each",
        unit: "bytes",
        values: figures("unshared bytesPerRow"),
      },
    ],
    notes: [
      `${events.toLocaleString("en-US")} events a round, ${
        (RATE / WRITES_PER_SECOND)
          .toLocaleString("en-US")
      } between two writes, which is what a flood of ` +
      `${RATE.toLocaleString("en-US")} a second brings; for a row each, ` +
      `${UNSHARED.toLocaleString("en-US")} between two. The time runs from the first event until ` +
      "the closed file holds all of them. Afterwards rows, totals and addresses must each add up " +
      "to the events exactly, or the benchmark fails.",
      "The program beside it inserts text into one table with two indexes and commits each event, " +
      "with the same settings of SQLite.",
    ],
  };
}

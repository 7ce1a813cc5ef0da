/** What goes on in the firewall, summed up for pages: four messages a second, whatever the traffic. */
import type { Changed as ChangedName } from "../../engine/daemon_listeners.ts";
import type { DaemonView } from "../../engine/daemon_view.ts";
import type { StoredStats } from "../../engine/observe/stats_query.ts";
import { REASONS } from "../../engine/policy/verdict.ts";
import type {
  Bye,
  Changed,
  Counts,
  Hello,
  LiveTotals,
  ReasonCode,
  Series,
  Span,
  Tick,
} from "../contract.ts";
import { EventStream } from "./event_stream.ts";
import { LiveRows } from "./live_rows.ts";
import { Timeline } from "./timeline.ts";

const TICK_INTERVAL = 250;
/** Without a page the charts are still to be filled, once a second. */
const QUIET_TICKS = 4;
/** Notices that are told between two ticks; beyond them it is only said how many there are. */
const MOST_NOTICES = 3;

/** What it shows. */
export interface FeedParts {
  readonly version: string;
  /** When pfw started. */
  readonly since: Date;
  readonly view: DaemonView;
  readonly interfaceName: (index: number) => string;
}

/** By reason, in their order; allowed in front. */
type Sums = number[];

/** Listens to the firewall and speaks to the pages. */
export class LiveFeed {
  readonly #parts: FeedParts;
  readonly #instance = crypto.randomUUID();
  readonly #timeline = new Timeline();
  readonly #rows: LiveRows;
  readonly #changed = new Set<ChangedName>();
  readonly #notices = new Set<string>();
  #unsaidNotices = 0;
  #sums: Sums;
  #last = performance.now();
  #ticks = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly stream: EventStream;

  constructor(parts: FeedParts) {
    this.#parts = parts;
    this.#rows = new LiveRows(parts);
    this.#sums = this.#readSums();
    this.stream = new EventStream((after) => ({
      event: "hello",
      data: this.#hello(after),
      id: this.#rows.seq,
    }));
    this.#timer = setInterval(() => this.#tick(), TICK_INTERVAL);
  }

  /** What the database knows of the hours before this start. */
  recall({ hours, byReason }: StoredStats): void {
    const start = this.#parts.since.getTime(), now = Date.now();
    for (const { hour, allowed, blocked, wouldBlock } of hours) {
      const from = Date.parse(hour), to = Math.min(from + 3_600_000, start);
      if (to <= from) continue;
      const counts = { allowed, blocked: shareOut(blocked + wouldBlock, byReason) };
      this.#timeline.addPast(from, to, now, counts);
    }
  }

  /** To be called while the buffers can be looked at. */
  collect(): void {
    const { blocked, allowed } = this.#parts.view;
    this.#rows.collect(blocked, allowed);
  }

  /** Something is different; said with the next tick, once however often it comes. */
  change(what: ChangedName, notice?: string): void {
    this.#changed.add(what);
    if (notice !== undefined) this.notice(notice);
  }

  /** A line for people. */
  notice(text: string): void {
    if (this.#notices.size < MOST_NOTICES) this.#notices.add(text);
    else if (!this.#notices.has(text)) this.#unsaidNotices++;
  }

  series(span: Span): Series {
    return this.#timeline.series(span, Date.now());
  }

  /** Says good-bye to all pages. */
  end(bye: Bye): void {
    clearInterval(this.#timer);
    this.stream.end({ event: "bye", data: bye });
  }

  #tick(): void {
    const isQuiet = this.stream.size === 0;
    if (++this.#ticks % QUIET_TICKS !== 0 && isQuiet) return;
    const now = Date.now();
    const counts = this.#count();
    this.#timeline.add(now, counts);
    const { rows, unshown } = this.#rows.take();
    const time = performance.now(), seconds = (time - this.#last) / 1000;
    this.#last = time;
    // Who comes later asks for everything: to them it would be news of long ago.
    if (isQuiet) return this.#forgetChanges();
    const tick: Tick = { now, seconds, counts, totals: this.#totals(), rows, unshown };
    this.stream.send({ event: "tick", data: tick, id: this.#rows.seq });
    this.#sendChanges();
  }

  #sendChanges(): void {
    if (this.#changed.size === 0 && this.#notices.size === 0) return;
    const changed: Changed = { what: [...this.#changed], notice: this.#noticeText() };
    this.stream.send({ event: "changed", data: changed });
    this.#forgetChanges();
  }

  #forgetChanges(): void {
    this.#changed.clear();
    this.#notices.clear();
    this.#unsaidNotices = 0;
  }

  #noticeText(): string | undefined {
    if (this.#notices.size === 0) return undefined;
    const rest = this.#unsaidNotices > 0 ? [`and ${this.#unsaidNotices} more`] : [];
    return [...this.#notices, ...rest].join("; ");
  }

  #hello(after: number): Hello {
    const { version, since, view } = this.#parts;
    return {
      now: Date.now(),
      version,
      instance: this.#instance,
      mode: view.enforcement.mode,
      since: since.getTime(),
      totals: this.#totals(),
      ...this.#rows.after(after),
    };
  }

  #totals(): LiveTotals {
    const { totals, losses } = this.#parts.view;
    const { packets, allowed, blocked, wouldBlock } = totals.toJSON();
    const { ringDrops, interfaceDrops, captureRecordsLost, rowsLost } = losses;
    const lost = ringDrops + interfaceDrops + captureRecordsLost + rowsLost;
    return { packets, allowed, blocked, wouldBlock, lost };
  }

  /** Packets since the last call. */
  #count(): Counts {
    const before = this.#sums, sums = this.#readSums();
    this.#sums = sums;
    const blocked: Partial<Record<ReasonCode, number>> = {};
    REASONS.forEach((code, at) => {
      const count = sums[at + 1] - before[at + 1];
      if (count > 0) blocked[code] = count;
    });
    return { allowed: sums[0] - before[0], blocked };
  }

  #readSums(): Sums {
    const { allowed, byReason } = this.#parts.view.totals.toJSON();
    return [
      allowed,
      ...REASONS.map((code) => (byReason[code]?.blocked ?? 0) + (byReason[code]?.wouldBlock ?? 0)),
    ];
  }
}

/** The database has hours without reasons: they are shared out as the reasons are in all. */
function shareOut(
  count: number,
  byReason: StoredStats["byReason"],
): Partial<Record<ReasonCode, number>> {
  const all = REASONS.map((code) => {
    const { blocked = 0, wouldBlock = 0 } = byReason[code] ?? {};
    return [code, blocked + wouldBlock] as const;
  });
  const sum = all.reduce((total, [, value]) => total + value, 0);
  if (sum === 0) return {};
  return Object.fromEntries(all.map(([code, value]) => [code, count * value / sum]));
}

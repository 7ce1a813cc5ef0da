/**
 * Drops that the kernel counts and does not report: it sends so many reports a second, and one that
 * nobody takes in time is lost. Comparing its counters with what came shows their number, which
 * then counts and gets a row without addresses, so that totals and rows stay exact.
 */
import type { DropPrefixes } from "./drop_prefixes.ts";
import type { DropCount, KernelCounters } from "./kernel/counters.ts";
import type { EventBuffer } from "./observe/event_buffer.ts";
import type { Losses } from "./observe/losses.ts";
import type { Totals } from "./observe/totals.ts";
import { REASONS } from "./policy/verdict.ts";

/** What it compares, and where the difference goes. */
export interface UnreportedParts {
  readonly prefixes: DropPrefixes;
  readonly totals: Totals;
  readonly losses: Losses;
  /** Rows of blocked packets. */
  readonly blocked: EventBuffer;
}

/** Reports, by reason and rule. */
export type Reports = ReadonlyMap<string, number>;

/** Of one reason and rule. */
interface Unreported {
  /** Taken for unreported now, and when it was compared before. */
  packets: number;
  before: number;
  /** Of those, what has a row. A report may still come for what has none. */
  written: number;
}

/** Keeps account since the first policy. */
export class UnreportedDrops {
  readonly #parts: UnreportedParts;
  /** Reports that came before this began. */
  readonly #earlier: Reports;
  readonly #unreported = new Map<string, Unreported>();

  constructor(parts: UnreportedParts) {
    this.#parts = parts;
    this.#earlier = this.reports();
  }

  /** Reports so far. */
  reports(): Reports {
    const reports = new Map<string, number>();
    for (const drop of this.#parts.prefixes.drops()) {
      const key = keyOf(REASONS[drop.reason], drop.ruleId);
      reports.set(key, (reports.get(key) ?? 0) + drop.packets);
    }
    return reports;
  }

  /**
   * Counts the drops that the kernel made and whose reports did not arrive in time, and no longer
   * those whose reports came late.
   *
   * @param counters a reading older than the time that a report may take
   * @param before the reports that had come when it was begun; at the end, all that ever came
   * @returns whether there were more than the last time
   */
  compare(counters: KernelCounters, before?: Reports): boolean {
    const reported = this.reports();
    let hasMore = false;
    for (const drop of counters.drops) {
      const key = keyOf(drop.reason, drop.ruleId ?? "");
      const one = this.#of(key);
      const known = (reports: Reports) =>
        (reports.get(key) ?? 0) - (this.#earlier.get(key) ?? 0) + one.packets;
      const lost = Math.max(0, drop.packets - known(reported));
      // What was reported before the reading is in it: anything beyond it was no loss.
      const late = Math.min(one.packets, Math.max(0, known(before ?? reported) - drop.packets));
      if (lost !== late) this.#count(drop, one, lost - late);
      this.#write(drop, one, before ? Math.min(one.before, one.packets) : one.packets);
      one.before = one.packets;
      hasMore ||= lost > late;
    }
    return hasMore;
  }

  #of(key: string): Unreported {
    let one = this.#unreported.get(key);
    if (!one) this.#unreported.set(key, one = { packets: 0, before: 0, written: 0 });
    return one;
  }

  #count(drop: DropCount, one: Unreported, packets: number): void {
    const { totals, losses } = this.#parts;
    one.packets += packets;
    losses.nflogLost += packets;
    const bytes = drop.packets === 0 ? 0 : Math.round(packets * drop.bytes / drop.packets);
    totals.blockedUnseen(Date.now() / 1000, REASONS.indexOf(drop.reason), packets, bytes);
  }

  #write({ reason, ruleId }: DropCount, one: Unreported, upTo: number): void {
    const packets = upTo - one.written;
    if (packets <= 0) return;
    one.written = upTo;
    const detail = this.#parts.prefixes.detailOf(ruleId ?? "");
    this.#parts.blocked.addUnknown(Date.now() / 1000, REASONS.indexOf(reason), detail, packets);
  }
}

function keyOf(reason: string, ruleId: string): string {
  return `${reason}:${ruleId}`;
}

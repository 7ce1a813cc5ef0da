/** What the kernel counted, exact and never falling while this process runs. */
import type { Family } from "../net/address.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import { chainVerdict } from "./names.ts";
import type { SavedTables } from "./saved_state.ts";

/** What was dropped, for one reason and rule. */
export interface DropCount {
  readonly reason: ReasonCode;
  /** With reason `rule` only. */
  readonly ruleId: string | undefined;
  readonly packets: number;
  readonly bytes: number;
}

/** What an allow rule let through, counted in the direction that opened the connection. */
export interface AllowCount {
  readonly ruleId: string;
  readonly packets: number;
  readonly bytes: number;
}

/** Sums over both families, all tables, and chains that are gone by now. */
export interface KernelCounters {
  readonly drops: readonly DropCount[];
  readonly allows: readonly AllowCount[];
}

interface Count {
  packets: number;
  bytes: number;
}

/** One chain of one table and family. */
interface Row {
  readonly chain: string;
  /** The kernel's counter when it was last read. */
  last: Count;
  /** What belongs to this chain besides `last`: earlier lives minus what was there at the start. */
  carried: Count;
}

/**
 * Turns readings of counters that come, go and start again into totals.
 *
 * The first reading is the zero: a chain found then is a crashed run's. A chain that is missing
 * from a reading has counted for the last time, so whoever deletes one reads it right before.
 */
export class CounterLedger {
  readonly #rows = new Map<string, Row>();
  #started = false;

  /** Takes in one reading of both families. */
  observe(reading: ReadonlyMap<Family, SavedTables>): void {
    const present = new Set<string>();
    for (const [key, chain, count] of verdictChains(reading)) {
      present.add(key);
      this.#take(key, chain, count);
    }
    for (const [key, row] of this.#rows) {
      if (!present.has(key)) this.#restart(row);
    }
    this.#started = true;
  }

  #take(key: string, chain: string, count: Count): void {
    let row = this.#rows.get(key);
    if (!row) {
      row = { chain, last: { packets: 0, bytes: 0 }, carried: { packets: 0, bytes: 0 } };
      this.#rows.set(key, row);
      if (!this.#started) row.carried = { packets: -count.packets, bytes: -count.bytes };
    }
    if (count.packets < row.last.packets || count.bytes < row.last.bytes) this.#restart(row);
    row.last = count;
  }

  #restart(row: Row): void {
    row.carried.packets += row.last.packets;
    row.carried.bytes += row.last.bytes;
    row.last = { packets: 0, bytes: 0 };
  }

  /** The totals at the last reading, in no particular order. */
  totals(): KernelCounters {
    const sums = new Map<string, Count>();
    for (const { chain, last, carried } of this.#rows.values()) {
      const sum = sums.get(chain) ?? { packets: 0, bytes: 0 };
      sum.packets += carried.packets + last.packets;
      sum.bytes += carried.bytes + last.bytes;
      sums.set(chain, sum);
    }
    const drops: DropCount[] = [], allows: AllowCount[] = [];
    for (const [chain, count] of sums) {
      const verdict = chainVerdict(chain)!;
      if (verdict.action === "allow") allows.push({ ruleId: verdict.ruleId, ...count });
      else drops.push({ reason: verdict.reason, ruleId: verdict.ruleId, ...count });
    }
    return { drops, allows };
  }
}

/** The last rule of a `PFW-D-…` chain drops and that of a `PFW-A-…` chain returns: that counts. */
function* verdictChains(
  reading: ReadonlyMap<Family, SavedTables>,
): Generator<[key: string, chain: string, count: Count]> {
  for (const [family, tables] of reading) {
    for (const [table, chains] of tables) {
      for (const { name, rules } of chains.values()) {
        const rule = rules.at(-1);
        if (!rule || !chainVerdict(name)) continue;
        yield [`${family}/${table}/${name}`, name, { packets: rule.packets, bytes: rule.bytes }];
      }
    }
  }
}

/** Sums that are kept beside the rows, so that `stats` never has to read rows. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Direction } from "../packet/packet.ts";
import { REASONS } from "../policy/verdict.ts";
import type { EventBuffer } from "./event_buffer.ts";
import { type HourlyCounts, PacketAction } from "./hourly_counts.ts";
import { storedAddress } from "./row_writer.ts";
import { MANY } from "./schema.ts";

/** Addresses that are counted one by one; beyond, those with the fewest packets go to `*`. */
export const MAX_BLOCKED_ADDRESSES = 100_000;

/** How far below the limit eviction goes, so that it is rare (it takes about 0.1 s). */
const KEPT_ADDRESSES = 70_000;

/**
 * A flush that names more addresses than this is a flood from spoofed ones: addresses seen once go
 * to `*` unless they are known already, or the flood would drive the others out.
 */
const FLOOD_ADDRESSES = 500;

interface AddressCount {
  packets: number;
  reason: number;
  time: number;
}

/** Updates totals, hours and blocked addresses; to be used inside a transaction. */
export class Rollups {
  readonly #total: StatementSync;
  readonly #hour: StatementSync;
  readonly #address: StatementSync;
  readonly #known: StatementSync;
  readonly #countAddresses: StatementSync;
  readonly #chooseEvicted: StatementSync;
  readonly #evict: readonly StatementSync[];
  /** An upper bound of the rows in `blocked_addresses`; counting them each time would be slow. */
  #addressBound: number;

  constructor(db: DatabaseSync) {
    const add = `ON CONFLICT DO UPDATE SET
      packets = packets + excluded.packets, bytes = bytes + excluded.bytes`;
    this.#total = db.prepare(`INSERT INTO totals VALUES (?, ?, ?, ?) ${add}`);
    this.#hour = db.prepare(`INSERT INTO hours VALUES (?, ?, ?, ?, ?) ${add}`);
    this.#address = db.prepare(
      `INSERT INTO blocked_addresses VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
         blocked = blocked + excluded.blocked, would_block = would_block + excluded.would_block,
         reason_code = excluded.reason_code, last_seen = max(last_seen, excluded.last_seen)`,
    );
    this.#known = db.prepare("SELECT 1 FROM blocked_addresses WHERE address = ?");
    this.#countAddresses = db.prepare("SELECT count(*) AS count FROM blocked_addresses");
    [this.#chooseEvicted, ...this.#evict] = evictionStatements(db);
    this.#addressBound = this.#count();
  }

  /** Adds what was counted since the last flush. */
  addCounts(counts: HourlyCounts): void {
    for (const { hour, action, reason, packets, bytes } of counts.entries()) {
      this.#total.run(action, reason, packets, bytes);
      this.#hour.run(hour, action, reason, packets, bytes);
    }
  }

  /** Adds the far ends of blocked events; `action` says whether the kernel blocked them. */
  addAddresses(events: EventBuffer, action: number): void {
    const counts = this.#byAddress(events);
    const isFlood = counts.size > FLOOD_ADDRESSES;
    const others: AddressCount = { packets: 0, reason: 0, time: 0 };
    for (const [address, count] of counts) {
      if (isFlood && count.packets === 1 && !this.#known.get(address)) add(others, count);
      else this.#write(address, count, action);
    }
    if (others.packets > 0) this.#write(MANY, others, action);
    if (this.#addressBound > MAX_BLOCKED_ADDRESSES) this.#evictFewest();
  }

  #write(address: number | string, { packets, reason, time }: AddressCount, action: number): void {
    const blocked = action === PacketAction.blocked ? packets : 0;
    this.#address.run(address, blocked, packets - blocked, REASONS[reason], time);
    this.#addressBound++;
  }

  #byAddress(events: EventBuffer): Map<number | string, AddressCount> {
    const counts = new Map<number | string, AddressCount>();
    for (let row = 0; row < events.count; row++) {
      const isOutgoing = events.direction[row] === Direction.outgoing;
      const address = storedAddress(events, row, isOutgoing ? "destination" : "source");
      if (address === null) continue;
      const time = events.timeOf(row), packets = events.rowHits[row], reason = events.reason[row];
      const count = counts.get(address);
      if (count) add(count, { packets, reason, time });
      else counts.set(address, { packets, reason, time });
    }
    return counts;
  }

  #evictFewest(): void {
    this.#addressBound = this.#count();
    if (this.#addressBound <= MAX_BLOCKED_ADDRESSES) return;
    this.#chooseEvicted.run(this.#addressBound - KEPT_ADDRESSES);
    for (const statement of this.#evict) statement.run();
    this.#addressBound = this.#count();
  }

  #count(): number {
    return Number(this.#countAddresses.get()?.count);
  }
}

function add(sum: AddressCount, count: AddressCount): void {
  sum.packets += count.packets;
  sum.reason = count.reason;
  if (count.time > sum.time) sum.time = count.time;
}

/** Moves addresses, as many as the first is told, fewest packets first, to `*`. */
function evictionStatements(db: DatabaseSync): StatementSync[] {
  db.prepare("CREATE TEMP TABLE IF NOT EXISTS evicted (address INT PRIMARY KEY) WITHOUT ROWID")
    .run();
  const all = "blocked_addresses WHERE address IN (SELECT address FROM evicted)";
  return [
    db.prepare(
      `INSERT INTO evicted SELECT address FROM blocked_addresses WHERE address <> '${MANY}'
       ORDER BY blocked + would_block, last_seen LIMIT ?`,
    ),
    db.prepare(
      `INSERT INTO blocked_addresses
         SELECT '${MANY}', sum(blocked), sum(would_block), max(reason_code), max(last_seen)
         FROM ${all} HAVING count(*) > 0
       ON CONFLICT DO UPDATE SET blocked = blocked + excluded.blocked,
         would_block = would_block + excluded.would_block`,
    ),
    db.prepare(`DELETE FROM ${all}`),
    db.prepare("DELETE FROM evicted"),
  ];
}

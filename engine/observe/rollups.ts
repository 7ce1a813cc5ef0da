/** Sums that are kept beside the rows, so that `stats` never has to read rows. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Direction } from "../packet/packet.ts";
import { REASONS } from "../policy/verdict.ts";
import type { EventColumns } from "./event_columns.ts";
import { type HourlyCounts, PacketAction } from "./hourly_counts.ts";
import { ManyRows, placeholders } from "./many_rows.ts";
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

/** Addresses that are looked for at once. */
const KNOWN_AT_ONCE = 64;

/** Updates totals, hours and blocked addresses; to be used inside a transaction. */
export class Rollups {
  readonly #total: StatementSync;
  readonly #hour: StatementSync;
  readonly #addresses: ManyRows;
  readonly #known: StatementSync;
  readonly #countAddresses: StatementSync;
  readonly #chooseEvicted: StatementSync;
  readonly #evict: readonly StatementSync[];
  readonly #counts = new AddressCounts();
  /** An upper bound of the rows in `blocked_addresses`; counting them each time would be slow. */
  #addressBound: number;

  constructor(db: DatabaseSync) {
    const add = `ON CONFLICT DO UPDATE SET
      packets = packets + excluded.packets, bytes = bytes + excluded.bytes`;
    this.#total = db.prepare(`INSERT INTO totals VALUES (?, ?, ?, ?) ${add}`);
    this.#hour = db.prepare(`INSERT INTO hours VALUES (?, ?, ?, ?, ?) ${add}`);
    this.#addresses = new ManyRows(
      db,
      "blocked_addresses",
      5,
      `ON CONFLICT DO UPDATE SET
         blocked = blocked + excluded.blocked, would_block = would_block + excluded.would_block,
         reason_code = excluded.reason_code, last_seen = max(last_seen, excluded.last_seen)`,
    );
    this.#known = db.prepare(
      `SELECT address FROM blocked_addresses WHERE address IN (${placeholders(KNOWN_AT_ONCE)})`,
    );
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
  addAddresses(events: EventColumns, action: number): void {
    const counts = this.#counts, isBlocked = action === PacketAction.blocked;
    counts.take(events);
    if (counts.slots.size > FLOOD_ADDRESSES) this.#mergeStrangers();
    for (const [address, slot] of counts.slots) {
      const packets = counts.packets[slot];
      const { values, at } = this.#addresses;
      values[at] = address;
      values[at + 1] = isBlocked ? packets : 0;
      values[at + 2] = isBlocked ? 0 : packets;
      values[at + 3] = REASONS[counts.reason[slot]];
      values[at + 4] = counts.time[slot];
      this.#addresses.next();
    }
    this.#addresses.finish();
    this.#addressBound += counts.slots.size;
    if (this.#addressBound > MAX_BLOCKED_ADDRESSES) this.#evictFewest();
  }

  /** Counts those that came once, and that no earlier flush named, at `*`. */
  #mergeStrangers(): void {
    const counts = this.#counts;
    const once = Array.from(counts.slots.keys())
      .filter((address) => address !== MANY && counts.packets[counts.slots.get(address)!] === 1);
    for (let at = 0; at < once.length; at += KNOWN_AT_ONCE) {
      const asked = once.slice(at, at + KNOWN_AT_ONCE);
      const missing = Array(KNOWN_AT_ONCE - asked.length).fill(null);
      const known = new Set(this.#known.all(...asked, ...missing).map(({ address }) => address));
      for (const address of asked) if (!known.has(address)) counts.moveToMany(address);
    }
  }

  #evictFewest(): void {
    this.#addressBound = this.#count();
    if (this.#addressBound <= MAX_BLOCKED_ADDRESSES) return;
    this.#chooseEvicted.run(this.#addressBound - KEPT_ADDRESSES);
    // The bound stays, to be counted again next time: what was evicted may yet be taken back.
    for (const statement of this.#evict) statement.run();
  }

  #count(): number {
    return Number(this.#countAddresses.get()?.count);
  }
}

/**
 * Sums of one flush by far end. Columns that are used again and again: an object for each address
 * of a flood, ten times a second, would double the heap.
 */
class AddressCounts {
  readonly slots = new Map<number | string, number>();
  packets = new Float64Array(0);
  /** Of the last row: index into `REASONS`, milliseconds since 1970. */
  reason = new Uint8Array(0);
  time = new Float64Array(0);
  #next = 0;

  /** Counts these rows alone: those of a flush that failed come again with the next one. */
  take(events: EventColumns): void {
    this.slots.clear();
    this.#next = 0;
    if (this.packets.length <= events.count) this.#grow(events.rowHits.length + 1);
    for (let row = 0; row < events.count; row++) {
      const isOutgoing = events.direction[row] === Direction.outgoing;
      const address = storedAddress(events, row, isOutgoing ? "destination" : "source");
      if (address === null) continue;
      this.#add(address, events.rowHits[row], events.reason[row], events.timeOf(row));
    }
  }

  /** Counts at `*` what was counted at an address. */
  moveToMany(address: number | string): void {
    const slot = this.slots.get(address)!;
    this.slots.delete(address);
    this.#add(MANY, this.packets[slot], this.reason[slot], this.time[slot]);
  }

  #add(address: number | string, packets: number, reason: number, time: number): void {
    let slot = this.slots.get(address);
    if (slot === undefined) {
      slot = this.#next++;
      this.slots.set(address, slot);
      this.packets[slot] = this.time[slot] = 0;
    }
    this.packets[slot] += packets;
    this.reason[slot] = reason;
    this.time[slot] = Math.max(this.time[slot], time);
  }

  #grow(rows: number): void {
    this.packets = new Float64Array(rows);
    this.reason = new Uint8Array(rows);
    this.time = new Float64Array(rows);
  }
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

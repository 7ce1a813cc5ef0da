/** Reads the sums that `stats` shows; no row of a packet is looked at. */
import type { DatabaseSync } from "node:sqlite";
import { formatV4 } from "../net/address.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import type { ActionName } from "./hourly_counts.ts";
import { MANY } from "./schema.ts";
import type { ReasonCounts, Volume } from "./totals.ts";

/** An address and how many of its packets were blocked. */
export interface BlockedAddress {
  readonly address: string;
  readonly blocked: number;
  readonly wouldBlock: number;
  /** Of the last packet. */
  readonly reason_code: ReasonCode;
  /** The same, by the name that it had first. */
  readonly reasonCode: ReasonCode;
  /** ISO 8601, UTC. */
  readonly lastSeen: string;
}

/** Packets of one hour. */
export interface HourCounts {
  /** Its beginning, ISO 8601, UTC. */
  readonly hour: string;
  readonly allowed: number;
  readonly blocked: number;
  readonly wouldBlock: number;
}

/** Everything that the database remembers in sums. */
export interface StoredStats {
  /** When the database was begun, ISO 8601, UTC. */
  readonly since: string;
  readonly allowed: Volume;
  readonly blocked: Volume;
  readonly wouldBlock: Volume;
  readonly undecodable: Volume;
  readonly byReason: Readonly<Partial<Record<ReasonCode, ReasonCounts>>>;
  /** At most ten, most packets first. */
  readonly topBlocked: readonly BlockedAddress[];
  /** Blocked packets of addresses that are not kept one by one. */
  readonly otherBlocked: number;
  /** The present hour and the 23 before it, oldest first. */
  readonly hours: readonly HourCounts[];
}

const HOURS = 24;
const HOUR = 3_600_000;

/** Reads all sums. */
export function readStats(db: DatabaseSync, now: Date): StoredStats {
  const since = db.prepare("SELECT value FROM facts WHERE name = 'since'").get()?.value;
  return {
    since: isoTime(since),
    ...readTotals(db),
    ...readTopBlocked(db),
    hours: readHours(db, now),
  };
}

function readTotals(db: DatabaseSync) {
  const volumes = new Map<ActionName, Volume>();
  const byReason: Partial<Record<ReasonCode, ReasonCounts>> = {};
  for (const row of db.prepare("SELECT * FROM totals").all()) {
    const action = row.action as ActionName;
    const sum = volumes.get(action) ?? { packets: 0, bytes: 0 };
    const packets = Number(row.packets), bytes = Number(row.bytes);
    volumes.set(action, { packets: sum.packets + packets, bytes: sum.bytes + bytes });
    if (action === "undecoded") continue;
    const code = row.reason_code as ReasonCode;
    const counts = byReason[code] ?? { allowed: 0, blocked: 0, wouldBlock: 0 };
    byReason[code] = { ...counts, [jsonName(action)]: packets };
  }
  const volume = (action: ActionName) => volumes.get(action) ?? { packets: 0, bytes: 0 };
  return {
    allowed: volume("allowed"),
    blocked: volume("blocked"),
    wouldBlock: volume("would_block"),
    undecodable: volume("undecoded"),
    byReason,
  };
}

function readTopBlocked(db: DatabaseSync) {
  const rows = db.prepare(
    `SELECT * FROM blocked_addresses WHERE address <> ?
     ORDER BY blocked + would_block DESC, last_seen DESC LIMIT 10`,
  ).all(MANY);
  const others = db.prepare(
    "SELECT blocked + would_block AS packets FROM blocked_addresses WHERE address = ?",
  ).get(MANY);
  return {
    topBlocked: rows.map((row): BlockedAddress => ({
      address: typeof row.address === "number" ? formatV4(row.address) : String(row.address),
      blocked: Number(row.blocked),
      wouldBlock: Number(row.would_block),
      reason_code: row.reason_code as ReasonCode,
      reasonCode: row.reason_code as ReasonCode,
      lastSeen: isoTime(row.last_seen),
    })),
    otherBlocked: Number(others?.packets ?? 0),
  };
}

function readHours(db: DatabaseSync, now: Date): HourCounts[] {
  const last = Math.floor(now.getTime() / HOUR), first = last - HOURS + 1;
  const hours = Array.from({ length: HOURS }, (_, at) => ({
    hour: isoTime((first + at) * HOUR),
    allowed: 0,
    blocked: 0,
    wouldBlock: 0,
  }));
  const rows = db.prepare(
    `SELECT hour, action, sum(packets) AS packets FROM hours
     WHERE hour BETWEEN ? AND ? AND action <> 'undecoded' GROUP BY hour, action`,
  ).all(first, last);
  for (const row of rows) {
    hours[Number(row.hour) - first][jsonName(row.action as ActionName)] = Number(row.packets);
  }
  return hours;
}

function jsonName(action: ActionName): "allowed" | "blocked" | "wouldBlock" {
  return action === "would_block" ? "wouldBlock" : action as "allowed" | "blocked";
}

function isoTime(milliseconds: unknown): string {
  return new Date(Number(milliseconds)).toISOString();
}

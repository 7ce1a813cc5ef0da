/** Finds rows by filters that combine, without reading more of a large table than it must. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { addressBits, formatPrefix, maskWord, parsePrefix, type Prefix } from "../net/address.ts";
import { covers } from "../net/prefix_list.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import {
  BUCKET_SHIFT,
  BUCKET_SQL,
  rowsWithContext,
  type RowTable,
  VIEW_COLUMNS,
} from "./schema.ts";

/** Which rows are asked for; everything that is given must hold. */
export interface LogFilter {
  readonly table: RowTable;
  /** Not before; milliseconds since 1970, UTC. */
  readonly since?: number;
  /** Source or destination lies in it. */
  readonly address?: Prefix;
  /** Source or destination port. */
  readonly port?: number;
  readonly reason?: ReasonCode;
}

/** One row as the views of the database show it. */
export interface LogRow {
  readonly id: number;
  /** ISO 8601, UTC, milliseconds. */
  readonly timestamp: string;
  /** `*`: the row stands for packets with many of them. null: not known. */
  readonly src_ip: string | null;
  readonly dst_ip: string | null;
  readonly src_port: number | null;
  readonly dst_port: number | null;
  readonly protocol: string | null;
  readonly reason: string;
  /** 16 hex digits over the captured bytes of the row's first packet. */
  readonly packet_hash: string;
  readonly reason_code: ReasonCode;
  readonly rule_id: string | null;
  readonly direction: string;
  readonly interface: string | null;
  /** Bytes on the wire of the row's first packet. */
  readonly length: number;
  readonly tcp_flags: number | null;
  /** Packets that the row stands for. */
  readonly hits: number;
  readonly action: "allowed" | "blocked" | "would_block";
}

/** Rows that are looked at in one step of following. */
const STEP = 1_000;

/** Ids of the newest `limit` rows that pass the filter, ascending. */
export function findNewest(db: DatabaseSync, filter: LogFilter, limit: number): number[] {
  const low = lowestId(db, filter);
  const { sql, values } = conditions(db, filter);
  const table = `${filter.table}_rows`;
  if (filter.address) {
    return findByAddress(db, table, filter.address, low, { sql, values }, limit).reverse();
  }
  const rows = db.prepare(
    `SELECT id FROM ${table} WHERE id >= ? AND ${sql} ORDER BY id DESC LIMIT ?`,
  ).all(low, ...values, limit);
  return rows.map((row) => Number(row.id)).reverse();
}

/** Ids after `id` that pass the filter, ascending, and the id to go on from. */
export function findAfter(
  db: DatabaseSync,
  filter: LogFilter,
  id: number,
): { ids: number[]; next: number } {
  const table = `${filter.table}_rows`;
  const last = db.prepare(`SELECT max(id) AS id FROM ${table}`).get()?.id;
  const next = Math.min(id + STEP, Number(last ?? id));
  if (next <= id) return { ids: [], next: id };
  const { sql, values } = conditions(db, filter);
  const rows = db.prepare(
    `SELECT id, src, dst FROM ${table} WHERE id > ? AND id <= ? AND ${sql} ORDER BY id`,
  ).all(id, next, ...values);
  const address = filter.address;
  const passed = address
    ? rows.filter((row) => holds(address, row.src) || holds(address, row.dst))
    : rows;
  return { ids: passed.map((row) => Number(row.id)), next };
}

/** The rows of these ids as the views show them, ascending. */
export function readRows(db: DatabaseSync, table: RowTable, ids: readonly number[]): LogRow[] {
  const columns = Object.entries(VIEW_COLUMNS).map(([name, sql]) => `${sql} AS ${name}`);
  const rows = db.prepare(
    `SELECT ${columns.join(", ")} FROM ${rowsWithContext(table)}
     WHERE r.id IN (SELECT value FROM json_each(?)) ORDER BY r.id`,
  ).all(JSON.stringify(ids));
  return rows as unknown as LogRow[];
}

interface Conditions {
  readonly sql: string;
  readonly values: SQLInputValue[];
}

/** Everything of the filter but the address, as an SQL expression that is never empty. */
function conditions(db: DatabaseSync, filter: LogFilter): Conditions {
  const parts = ["true"];
  const values: SQLInputValue[] = [];
  if (filter.since !== undefined) {
    parts.push("time >= ?");
    values.push(filter.since);
  }
  if (filter.port !== undefined) {
    parts.push("(src_port = ? OR dst_port = ?)");
    values.push(filter.port, filter.port);
  }
  if (filter.reason !== undefined) {
    const contexts = db.prepare("SELECT id FROM row_contexts WHERE reason_code = ?")
      .all(filter.reason).map((row) => Number(row.id));
    parts.push(`context IN (${contexts.join(",")})`);
  }
  return { sql: parts.join(" AND "), values };
}

/** No row before this id is new enough. */
function lowestId(db: DatabaseSync, filter: LogFilter): number {
  if (filter.since === undefined) return 0;
  const row = db.prepare(
    "SELECT min(first_id) AS id FROM row_spans WHERE row_table = ? AND max_time >= ?",
  ).get(filter.table, filter.since);
  return Number(row?.id ?? Number.MAX_SAFE_INTEGER);
}

/** Descending ids of rows with the address at either end, bucket by bucket from the newest. */
function findByAddress(
  db: DatabaseSync,
  table: string,
  address: Prefix,
  low: number,
  { sql, values }: Conditions,
  limit: number,
): number[] {
  // Two look-ups: SQLite answers min and max in one SELECT only by reading the whole table.
  const bounds = db.prepare(
    `SELECT (SELECT min(id) FROM ${table}) AS low, (SELECT max(id) FROM ${table}) AS high`,
  ).get();
  if (!bounds || bounds.high === null) return [];
  const first = Math.max(low, Number(bounds.low)), last = Number(bounds.high);
  const [from, to] = storedRange(address);
  const statements = ["src", "dst"].map((end) =>
    db.prepare(
      `SELECT id, ${end} AS address FROM ${table}
       WHERE ${BUCKET_SQL} = ? AND ${end} >= ? AND ${end} <= ? AND id >= ? AND ${sql}`,
    )
  );
  const found: number[] = [];
  for (
    let bucket = bucketOf(last);
    bucket >= bucketOf(first) && found.length < limit;
    bucket--
  ) {
    const ids = new Set<number>();
    for (const statement of statements) {
      for (const row of statement.all(bucket, from, to, first, ...values)) {
        if (holds(address, row.address)) ids.add(Number(row.id));
      }
    }
    found.push(...Array.from(ids).sort((a, b) => b - a).slice(0, limit - found.length));
  }
  return found;
}

function bucketOf(id: number): number {
  return Math.floor(id / 2 ** BUCKET_SHIFT);
}

/**
 * The least and the greatest stored value that an address in the prefix can have.
 *
 * IPv6 addresses are texts. Groups before the first zero group are never compressed (RFC 5952,
 * section 4.2), so they are a prefix of the text too; the range may hold more than the prefix.
 */
function storedRange(prefix: Prefix): [SQLInputValue, SQLInputValue] {
  const { family, words, length } = prefix;
  if (family === 4) {
    return length === 0 ? [-(2 ** 31), 2 ** 31 - 1] : [words[0], words[0] | ~maskWord(length)];
  }
  if (length === addressBits(family)) return [formatPrefix(prefix), formatPrefix(prefix)];
  let text = "";
  for (let group = 0; group < Math.floor(length / 16); group++) {
    const value = (words[group >> 1] >>> (group & 1 ? 0 : 16)) & 0xffff;
    if (value === 0) break;
    text += `${value.toString(16)}:`;
  }
  return [text, `${text}\u{10ffff}`];
}

/** Whether a stored address lies in the prefix. */
function holds(prefix: Prefix, stored: unknown): boolean {
  if (typeof stored === "number") {
    return prefix.family === 4 && ((stored ^ prefix.words[0]) & maskWord(prefix.length)) === 0;
  }
  if (prefix.family === 4 || typeof stored !== "string") return false;
  const address = parsePrefix(stored);
  return address !== undefined && covers(prefix, address);
}

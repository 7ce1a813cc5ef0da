/** Finds rows by filters that combine, without reading more of a large table than it must. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Prefix } from "../net/address.ts";
import type { DIRECTIONS } from "../packet/packet.ts";
import type { ReasonCode } from "../policy/verdict.ts";
import { holds, storedRanges } from "./address_range.ts";
import {
  BUCKET_SHIFT,
  BUCKET_SQL,
  rowsWithContext,
  type RowTable,
  VIEW_COLUMNS,
} from "./schema.ts";
import { type IdRange, rangesWithPort } from "./span_ports.ts";

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
  readonly direction: typeof DIRECTIONS[number];
  readonly interface: string | null;
  /** Bytes on the wire of the row's first packet. */
  readonly length: number;
  readonly tcp_flags: number | null;
  /** Packets that the row stands for. */
  readonly hits: number;
  readonly action: "allowed" | "blocked" | "would_block";
}

/** Rows that are looked at in one step of following, and in one of putting rows in order. */
const STEP = 1_000;

/** Rows that are looked at in one step of searching without an index: 10 to 25 ms. */
const SCAN_STEP = 200_000;

/**
 * Ids of the rows that pass the filter, the `limit` that were written last, in the order of their
 * times: which came last of all could be told only by an index.
 *
 * @param progress told now and then, where many rows have to be looked at, which part (0 to 1) of
 *   them was
 */
export function findNewest(
  db: DatabaseSync,
  filter: LogFilter,
  limit: number,
  progress?: (part: number) => void,
): number[] {
  const steps = searchNewest(db, filter, limit);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    progress?.(value);
  }
}

/** As `findNewest`, step by step: each yields which part of the rows was looked at. */
export function* searchNewest(
  db: DatabaseSync,
  filter: LogFilter,
  limit: number,
): Generator<number, number[]> {
  const table = `${filter.table}_rows`;
  const { sql, values, lastId } = conditions(db, filter);
  const [lowest, highest] = idBounds(db, table);
  const first = Math.max(lowest, lowestId(db, filter)), last = Math.min(highest, lastId);
  if (limit === 0 || first > last) return [];
  const search = { db, table, first, last, sql, values, limit };
  const ranges: Iterable<IdRange> = filter.port === undefined
    ? [[first, last]]
    : rangesWithPort(db, filter.table, filter.port, [first, last]);
  const found = filter.address ? findByAddress(search, filter.address) : scan(search, ranges);
  for (;;) {
    const { done, value } = found.next();
    if (done) return inOrderOfTime(db, table, value.reverse());
    yield Math.min(1, (last - value + 1) / (last - first + 1));
  }
}

/** What is looked for, and in which rows. */
interface Search {
  readonly db: DatabaseSync;
  readonly table: string;
  /** Ids of the first and the last row that may pass. */
  readonly first: number;
  readonly last: number;
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
  readonly limit: number;
}

/** Yields the id down to which rows were looked at; returns descending ids. */
type Steps = Generator<number, number[]>;

/** A part of the ranges after the other: about 0.1 s for a million rows. */
function* scan({ db, table, sql, values, limit }: Search, ranges: Iterable<IdRange>): Steps {
  const statement = db.prepare(
    `SELECT id FROM ${table} WHERE id BETWEEN ? AND ? AND ${sql} ORDER BY id DESC LIMIT ?`,
  );
  const found: number[] = [];
  for (const [first, last] of ranges) {
    if (found.length >= limit) break;
    for (let high = last; high >= first && found.length < limit; high -= SCAN_STEP) {
      const low = Math.max(first, high - SCAN_STEP + 1);
      for (const row of statement.all(low, high, ...values, limit - found.length)) {
        found.push(Number(row.id));
      }
      yield low;
    }
  }
  return found;
}

/**
 * Rows are written when they are known and not when they came: a captured file is older than what
 * stands before it, and the kernel's reports come later than packets that are looked at.
 *
 * @param ids ascending
 */
function inOrderOfTime(db: DatabaseSync, table: string, ids: number[]): number[] {
  const statement = db.prepare(
    `SELECT id, time FROM ${table} WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`,
  );
  const times = new Float64Array(ids.length);
  let count = 0, isInOrder = true;
  for (let at = 0; at < ids.length; at += STEP) {
    for (const row of statement.all(JSON.stringify(ids.slice(at, at + STEP)))) {
      // What was deleted meanwhile is passed over.
      ids[count] = Number(row.id);
      times[count] = Number(row.time);
      if (count > 0 && times[count] < times[count - 1]) isInOrder = false;
      count++;
    }
  }
  ids.length = count;
  if (isInOrder) return ids;
  const order = Uint32Array.from(ids.keys()).sort((a, b) => times[a] - times[b] || a - b);
  return Array.from(order, (at) => ids[at]);
}

/** The least and the greatest id of a table; an empty range where it has no rows. */
function idBounds(db: DatabaseSync, table: string): [number, number] {
  // Two look-ups: SQLite answers min and max in one SELECT only by reading the whole table.
  const bounds = db.prepare(
    `SELECT (SELECT min(id) FROM ${table}) AS low, (SELECT max(id) FROM ${table}) AS high`,
  ).get();
  return [Number(bounds?.low ?? 1), Number(bounds?.high ?? 0)];
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

/** The rows of these ids as the views show them, in their order. */
export function readRows(db: DatabaseSync, table: RowTable, ids: readonly number[]): LogRow[] {
  const columns = Object.entries(VIEW_COLUMNS).map(([name, sql]) => `${sql} AS ${name}`);
  const rows = db.prepare(
    `SELECT ${columns.join(", ")} FROM ${rowsWithContext(table)}
     WHERE r.id IN (SELECT value FROM json_each(?))`,
  ).all(JSON.stringify(ids)) as unknown as LogRow[];
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

interface Conditions {
  readonly sql: string;
  readonly values: SQLInputValue[];
  /** No row after this id passes. */
  readonly lastId: number;
}

/** Everything of the filter but the address, as an SQL expression that is never empty. */
function conditions(db: DatabaseSync, filter: LogFilter): Conditions {
  const parts = ["true"];
  const values: SQLInputValue[] = [];
  let lastId = Number.MAX_SAFE_INTEGER;
  if (filter.since !== undefined) {
    parts.push("time >= ?");
    values.push(filter.since);
  }
  if (filter.port !== undefined) {
    parts.push("(src_port = ? OR dst_port = ?)");
    values.push(filter.port, filter.port);
  }
  if (filter.reason !== undefined) {
    const contexts = contextsOf(db, filter.reason, filter.table);
    parts.push(`context IN (${contexts.map(({ id }) => id).join(",")})`);
    // A reason that came up long ago, or never, need not be looked for among newer rows.
    lastId = contexts.reduce((last, context) => Math.max(last, context.lastId), 0);
  }
  return { sql: parts.join(" AND "), values, lastId };
}

function contextsOf(db: DatabaseSync, reason: ReasonCode, table: RowTable) {
  const rows = db.prepare(
    `SELECT id, last_id FROM row_contexts
     WHERE reason_code = ? AND (action = 'allowed') = (? = 'allowed')`,
  ).all(reason, table);
  return rows.map((row) => ({ id: Number(row.id), lastId: Number(row.last_id) }));
}

/** No row before this id is new enough. */
function lowestId(db: DatabaseSync, filter: LogFilter): number {
  if (filter.since === undefined) return 0;
  const row = db.prepare(
    "SELECT min(first_id) AS id FROM row_spans WHERE row_table = ? AND max_time >= ?",
  ).get(filter.table, filter.since);
  return Number(row?.id ?? Number.MAX_SAFE_INTEGER);
}

/** Rows with the address at either end, bucket by bucket from the newest. */
function* findByAddress(search: Search, address: Prefix): Steps {
  const { db, table, first, last, sql, values, limit } = search;
  const ranges = storedRanges(address);
  const statements = ["src", "dst"].map((end) =>
    db.prepare(
      `SELECT id, ${end} AS address FROM ${table}
       WHERE ${BUCKET_SQL} = ? AND ${end} >= ? AND ${end} <= ? AND id >= ? AND id <= ? AND ${sql}`,
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
      for (const [from, to] of ranges) {
        for (const row of statement.all(bucket, from, to, first, last, ...values)) {
          if (holds(address, row.address)) ids.add(Number(row.id));
        }
      }
    }
    found.push(...Array.from(ids).sort((a, b) => b - a).slice(0, limit - found.length));
    yield bucket * 2 ** BUCKET_SHIFT;
  }
  return found;
}

function bucketOf(id: number): number {
  return Math.floor(id / 2 ** BUCKET_SHIFT);
}

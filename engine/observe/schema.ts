/**
 * The database's tables, and how an older one becomes a present one.
 *
 * `blocked_packets` and `allowed_packets` are what people and scripts read. They are views: the
 * rows beneath hold numbers where the views show text (an address in 4 bytes and not 13, a time in
 * 6 and not 24, five texts behind one reference), which makes a row with two indexes half as long.
 */
import { protocolNameSql } from "./protocol_names.ts";

/** The tables of rows: `blocked` also holds what would have been blocked. */
export const ROW_TABLES = ["blocked", "allowed"] as const;

/** One of `ROW_TABLES`. */
export type RowTable = typeof ROW_TABLES[number];

/** Marks the file as ours (`PRAGMA application_id`): "pfw" and 1. */
export const APPLICATION_ID = 0x70667701;

/** Version of what stands below (`PRAGMA user_version`). */
export const SCHEMA_VERSION = 3;

/** Instead of an address where a row stands for many of them. */
export const MANY = "*";

/**
 * Rows of one bucket have ids with the same `id >> BUCKET_SHIFT`. The indexes by address begin with
 * the bucket: new rows then touch only the newest bucket's few pages, where an index over all rows
 * would rewrite a page for every row of a flood from spoofed addresses. A search asks bucket by
 * bucket, newest first, and stops when it has enough.
 */
export const BUCKET_SHIFT = 15;

/** The bucket of a row as an expression; the indexes are used only where it is written like this. */
export const BUCKET_SQL = `(id >> ${BUCKET_SHIFT})`;

/**
 * `time`: milliseconds since 1970, UTC. `src`, `dst`: an integer is the signed word of an IPv4
 * address, a text an IPv6 address or `*`, NULL unknown. `hash`: signed 64 bits.
 */
function rowTable(table: RowTable): string {
  return `CREATE TABLE ${table}_rows (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    src INTEGER,
    dst INTEGER,
    src_port INTEGER,
    dst_port INTEGER,
    protocol INTEGER,
    context INTEGER NOT NULL,
    hash INTEGER,
    length INTEGER NOT NULL,
    tcp_flags INTEGER,
    hits INTEGER NOT NULL
  )`;
}

function addressSql(column: string): string {
  const byte = (shift: number) => `((${column} >> ${shift}) & 255)`;
  const quad = [24, 16, 8, 0].map(byte).join(" || '.' || ");
  return `CAST(CASE typeof(${column}) WHEN 'integer' THEN ${quad} ELSE ${column} END AS TEXT)`;
}

/** The columns of both views, in order, as expressions over a row `r` and its context `c`. */
export const VIEW_COLUMNS: Readonly<Record<string, string>> = {
  id: "r.id",
  timestamp: "CAST(strftime('%Y-%m-%dT%H:%M:%fZ', r.time / 1000.0, 'unixepoch') AS TEXT)",
  src_ip: addressSql("r.src"),
  dst_ip: addressSql("r.dst"),
  src_port: "r.src_port",
  dst_port: "r.dst_port",
  protocol: protocolNameSql("r.protocol"),
  reason: "c.reason",
  packet_hash: "CAST(printf('%016x', r.hash) AS TEXT)",
  reason_code: "c.reason_code",
  rule_id: "CAST(nullif(c.rule_id, '') AS TEXT)",
  direction: "c.direction",
  interface: "CAST(nullif(c.interface, '') AS TEXT)",
  length: "r.length",
  tcp_flags: "r.tcp_flags",
  hits: "r.hits",
  action: "c.action",
};

/** The rows of a table with their contexts. */
export function rowsWithContext(table: RowTable): string {
  return `${table}_rows AS r LEFT JOIN row_contexts AS c ON c.id = r.context`;
}

function view(table: RowTable): string {
  const columns = Object.entries(VIEW_COLUMNS).map(([name, sql]) => `${sql} AS ${name}`);
  return `CREATE VIEW ${table}_packets AS SELECT ${columns.join(", ")}
    FROM ${rowsWithContext(table)}`;
}

/** What many rows share. `last_id` is an upper bound of the newest row that refers to it. */
const ROW_CONTEXTS = `CREATE TABLE row_contexts (
    id INTEGER PRIMARY KEY,
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    reason TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    interface TEXT NOT NULL,
    last_id INTEGER NOT NULL,
    UNIQUE (reason_code, reason, action, rule_id, direction, interface)
  )`;

/**
 * Which times the rows of an id range lie between: finds rows by time without an index on it, also
 * when the clock jumped or a replay recorded an old capture.
 */
const ROW_SPANS = `CREATE TABLE row_spans (
    row_table TEXT NOT NULL,
    first_id INTEGER NOT NULL,
    last_id INTEGER NOT NULL,
    min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    PRIMARY KEY (row_table, first_id)
  ) WITHOUT ROWID`;

const ROLLUPS = [
  `CREATE TABLE totals (
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (action, reason_code)
  ) WITHOUT ROWID`,
  // hour: hours since 1970, UTC.
  `CREATE TABLE hours (
    hour INTEGER NOT NULL,
    action TEXT NOT NULL,
    reason_code TEXT NOT NULL,
    packets INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (hour, action, reason_code)
  ) WITHOUT ROWID`,
  // The other end of what was blocked: the source, or the destination of an outgoing packet. What
  // is not kept by address counts at `*`, so that the sum stays exact.
  `CREATE TABLE blocked_addresses (
    address INT PRIMARY KEY,
    blocked INTEGER NOT NULL,
    would_block INTEGER NOT NULL,
    reason_code TEXT NOT NULL,
    last_seen INTEGER NOT NULL
  ) WITHOUT ROWID`,
  `CREATE TABLE facts (name TEXT PRIMARY KEY, value) WITHOUT ROWID`,
];

const THREAT_INTEL = `CREATE TABLE threat_intel (
    ip TEXT PRIMARY KEY,
    threat_level INTEGER,
    last_seen TEXT,
    source TEXT,
    description TEXT,
    first_seen TEXT
  ) WITHOUT ROWID`;

/**
 * Bans in force; one whose time is over stays until it is moved to `ban_offences`. `since`, `until`:
 * milliseconds since 1970, UTC. `evidence`: a JSON object.
 */
const BANS = `CREATE TABLE bans (
    prefix TEXT PRIMARY KEY,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    evidence TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL,
    offences INTEGER NOT NULL
  ) WITHOUT ROWID`;

/** Who was banned before, how often, and from when until when the last time. */
const BAN_OFFENCES = `CREATE TABLE ban_offences (
    prefix TEXT PRIMARY KEY,
    offences INTEGER NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
  ) WITHOUT ROWID`;

/**
 * A bit for each port that the rows of a span have, the lowest bit of a byte first, by the last id of
 * the span. Spans of few rows and those of an older pfw have none.
 */
function portTable(table: RowTable): string {
  return `CREATE TABLE ${table}_ports (
    last_id INTEGER PRIMARY KEY,
    ports BLOB NOT NULL
  )`;
}

/** `MIGRATIONS[n]` makes version n + 1 of version n. Never changed once released, only added to. */
export const MIGRATIONS: readonly (readonly string[])[] = [
  [
    ...ROW_TABLES.map(rowTable),
    // --ip asks for either end: incoming blocks are told by their source, outgoing by destination.
    ...ROW_TABLES.flatMap((table) => [
      `CREATE INDEX ${table}_rows_src ON ${table}_rows (${BUCKET_SQL}, src)`,
      `CREATE INDEX ${table}_rows_dst ON ${table}_rows (${BUCKET_SQL}, dst)`,
    ]),
    ROW_CONTEXTS,
    ROW_SPANS,
    ...ROLLUPS,
    THREAT_INTEL,
    ...ROW_TABLES.map(view),
  ],
  [BANS, BAN_OFFENCES],
  ROW_TABLES.map(portTable),
];

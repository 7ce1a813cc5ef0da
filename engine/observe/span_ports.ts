/**
 * Which ports the rows of a full span have: a search for a port passes over the spans without it,
 * where an index would cost every row ten bytes and this costs two. What is not known is searched.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { Mixed } from "./event_buffer.ts";
import type { EventColumns } from "./event_columns.ts";
import type { RowTable } from "./schema.ts";

/** Ids, both of them in the range. */
export type IdRange = readonly [first: number, last: number];

/** A span of fewer rows is searched faster than its ports are worth keeping. */
const WORTH_KEEPING = 1_024;

const PORTS = 65_536;

/** Spans that a search looks at in one step. */
const SPANS_AT_ONCE = 64;

/** The ports of the span that is being filled; to be used inside a transaction. */
export class SpanPorts {
  readonly #keep: StatementSync;
  readonly #forget: StatementSync;
  readonly #rows: StatementSync;
  /** A bit a port. */
  readonly #bits = new Uint8Array(PORTS / 8);
  /**
   * The ids of the rows that `#bits` is about. A transaction that was taken back leaves others here
   * than the database has, and then the rows are read.
   */
  #first = 0;
  #last = 0;

  constructor(db: DatabaseSync, table: RowTable) {
    this.#keep = db.prepare(`INSERT OR REPLACE INTO ${table}_ports VALUES (?, ?)`);
    this.#forget = db.prepare(`DELETE FROM ${table}_ports WHERE last_id = ?`);
    this.#rows = db.prepare(
      `SELECT src_port, dst_port FROM ${table}_rows WHERE id BETWEEN ? AND ?`,
    );
  }

  /** The first rows of a span were written. */
  begin(events: EventColumns, range: IdRange): void {
    this.#bits.fill(0);
    this.#take(events);
    [this.#first, this.#last] = range;
  }

  /** More rows of a span were written; `before` are those that it had. */
  grow(events: EventColumns, before: IdRange): void {
    this.#know(before);
    this.#take(events);
    this.#last += events.count;
  }

  /** No more rows are added to this span: what is known of it goes into the database. */
  close(range: IdRange): void {
    const [first, last] = range;
    if (last - first + 1 < WORTH_KEEPING) return;
    this.#know(range);
    this.#keep.run(last, this.#bits);
  }

  /** The oldest rows may be gone: a port too many only means to search for nothing. */
  #know([first, last]: IdRange): void {
    if (this.#last === last && this.#first <= first) return;
    // It may have been closed before: where all rows of a newer span are gone, it is the newest again.
    this.#forget.run(last);
    this.#bits.fill(0);
    for (const { src_port, dst_port } of this.#rows.all(first, last)) {
      this.#add(src_port === null ? -1 : Number(src_port));
      this.#add(dst_port === null ? -1 : Number(dst_port));
    }
    [this.#first, this.#last] = [first, last];
  }

  #take({ count, mixed, sourcePort, destinationPort }: EventColumns): void {
    for (let row = 0; row < count; row++) {
      if ((mixed[row] & Mixed.sourcePort) === 0) this.#add(sourcePort[row]);
      if ((mixed[row] & Mixed.destinationPort) === 0) this.#add(destinationPort[row]);
    }
  }

  #add(port: number): void {
    if (port >= 0) this.#bits[port >> 3] |= 1 << (port & 7);
  }
}

/**
 * The rows that may have a port, as ranges of their ids, the newest first: all but those of spans
 * that are known not to have it. Looks at few more spans than the ranges that are asked for have.
 *
 * @param range the rows that are asked about
 */
export function* rangesWithPort(
  db: DatabaseSync,
  table: RowTable,
  port: number,
  [first, last]: IdRange,
): Generator<IdRange> {
  // What lies above is done.
  let high = last;
  for (const spans of spansFromTheNewest(db, table, port, [first, last])) {
    for (const { range: [from, to], hasPort } of spans) {
      if (hasPort) continue;
      if (to < high) yield [to + 1, high];
      high = Math.min(high, from - 1);
    }
    const lowest = Math.max(first, spans[spans.length - 1].range[0]);
    if (lowest <= high) yield [lowest, high];
    high = Math.min(high, lowest - 1);
  }
  if (high >= first) yield [first, high];
}

/** A span whose ports are known. */
interface KnownSpan {
  readonly range: IdRange;
  readonly hasPort: boolean;
}

/** Spans whose ports are known, some at once; never none at once. */
function* spansFromTheNewest(
  db: DatabaseSync,
  table: RowTable,
  port: number,
  [first, last]: IdRange,
): Generator<readonly KnownSpan[]> {
  // An older pfw's database has no such table before the next start.
  const isKept = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(`${table}_ports`);
  if (!isKept || port < 0 || port >= PORTS) return;
  const statement = db.prepare(
    `SELECT first_id, last_id, substr(ports, ?, 1) AS bits
     FROM row_spans CROSS JOIN ${table}_ports USING (last_id)
     WHERE row_table = ? AND first_id < ? AND last_id >= ? ORDER BY first_id DESC LIMIT ?`,
  );
  for (let before = last + 1;;) {
    const spans = statement.all((port >> 3) + 1, table, before, first, SPANS_AT_ONCE)
      .map(({ first_id, last_id, bits }): KnownSpan => ({
        range: [Number(first_id), Number(last_id)],
        hasPort: mayHave(bits, port),
      }));
    if (spans.length > 0) yield spans;
    if (spans.length < SPANS_AT_ONCE) return;
    before = spans[spans.length - 1].range[0];
  }
}

/** Whether this port is one of the eight, or nothing is known of them. */
function mayHave(bits: unknown, port: number): boolean {
  return !(bits instanceof Uint8Array && bits.length === 1) || (bits[0] & (1 << (port & 7))) !== 0;
}

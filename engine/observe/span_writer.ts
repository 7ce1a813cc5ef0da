/** Keeps, for ranges of row ids, the times they lie between, and the ports of full ones. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { EventColumns } from "./event_columns.ts";
import type { RowTable } from "./schema.ts";
import { type IdRange, SpanPorts } from "./span_ports.ts";

/** A span is closed once it has this many rows ... */
const SPAN_ROWS = 4_096;

/** ... or covers this many milliseconds, since retention deletes whole spans. */
const SPAN_TIME = 3_600_000;

/** Extends the newest span of one table or begins the next; to be used inside a transaction. */
export class SpanWriter {
  readonly #newest: StatementSync;
  readonly #begin: StatementSync;
  readonly #grow: StatementSync;
  readonly #ports: SpanPorts;

  constructor(db: DatabaseSync, private readonly table: RowTable) {
    this.#newest = db.prepare(
      `SELECT first_id, last_id, min_time, max_time FROM row_spans
       WHERE row_table = ? ORDER BY first_id DESC LIMIT 1`,
    );
    this.#begin = db.prepare("INSERT INTO row_spans VALUES (?, ?, ?, ?, ?)");
    this.#grow = db.prepare(
      `UPDATE row_spans SET last_id = ?, min_time = ?, max_time = ?
       WHERE row_table = ? AND first_id = ?`,
    );
    this.#ports = new SpanPorts(db, table);
  }

  /** The buffer's rows were written with consecutive ids from `first` on. */
  extend(events: EventColumns, first: number): void {
    let min = Infinity, max = -Infinity;
    for (let row = 0; row < events.count; row++) {
      const time = events.timeOf(row);
      if (time < min) min = time;
      if (time > max) max = time;
    }
    const last = first + events.count - 1;
    const newest = this.#newest.get(this.table);
    if (newest) {
      const begun = Number(newest.first_id);
      const before: IdRange = [begun, Number(newest.last_id)];
      const low = Math.min(min, Number(newest.min_time));
      const high = Math.max(max, Number(newest.max_time));
      if (last - begun < SPAN_ROWS && high - low <= SPAN_TIME) {
        this.#grow.run(last, low, high, this.table, begun);
        this.#ports.grow(events, before);
        return;
      }
      this.#ports.close(before);
    }
    this.#begin.run(this.table, first, last, min, max);
    this.#ports.begin(events, [first, last]);
  }
}

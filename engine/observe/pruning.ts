/** Keeps the database within its age and its size, a little at a time. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ROW_TABLES, type RowTable } from "./schema.ts";
import { pragma, transaction } from "./sqlite.ts";

/** How much is kept. */
export interface Retention {
  /** Seconds. */
  readonly seconds: number;
  /** Bytes of the database file. */
  readonly bytes: number;
}

/** Rows deleted in one transaction: some 20 ms, during which no packet is read. */
const ROWS_AT_ONCE = 4_000;

/** Free pages returned to the file system in one step. */
const PAGES_AT_ONCE = 1_000;

/** Hours kept whatever the retention says: captured files can name any hour since 1970. */
const MAX_HOURS = 20_000;

/** Deleting starts at this part of the size limit and leaves room for what comes meanwhile. */
const FULL = 0.95;
const ENOUGH = 0.85;

interface Span {
  readonly table: RowTable;
  readonly firstId: number;
  readonly lastId: number;
}

/** Deletes oldest rows first. */
export class Pruning {
  readonly #db: DatabaseSync;
  readonly #oldest: StatementSync;
  readonly #pageSize: number;
  #isShrinking = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#oldest = db.prepare(
      `SELECT row_table, first_id, last_id FROM row_spans
       WHERE max_time < ? ORDER BY max_time LIMIT 1`,
    );
    this.#pageSize = Number(pragma(db, "page_size"));
  }

  /**
   * Deletes for at most `budget` milliseconds (one step takes up to some 20).
   *
   * @returns rows deleted, and whether nothing is left to do
   */
  run(retention: Retention, now: number, budget: number): { rows: number; done: boolean } {
    const until = performance.now() + budget;
    const cutoff = now - retention.seconds * 1000;
    let rows = 0;
    while (true) {
      const deleted = this.#deleteSome(retention, cutoff);
      rows += deleted;
      if (deleted === 0) break;
      if (performance.now() >= until) return { rows, done: false };
    }
    this.#forgetHours(cutoff);
    while (this.#fileBytes() > retention.bytes && this.#shrinkFile()) {
      if (performance.now() >= until) return { rows, done: false };
    }
    return { rows, done: true };
  }

  /** Returns free pages to the file system; false when there is none left to return. */
  #shrinkFile(): boolean {
    const before = this.#freePages();
    // exec(): this pragma frees one page with each step, and get() makes only one.
    if (before > 0) this.#db.exec(`PRAGMA incremental_vacuum(${PAGES_AT_ONCE})`);
    return this.#freePages() < before;
  }

  /** Whether the file grew so far that `run` would delete. */
  isOver(bytes: number): boolean {
    return this.#usedBytes() > bytes * FULL || this.#fileBytes() > bytes;
  }

  #deleteSome(retention: Retention, cutoff: number): number {
    const used = this.#usedBytes();
    if (used > retention.bytes * FULL) this.#isShrinking = true;
    if (used <= retention.bytes * ENOUGH) this.#isShrinking = false;
    const span = this.#oldest.get(this.#isShrinking ? Number.MAX_SAFE_INTEGER : cutoff);
    if (!span) return 0;
    return transaction(this.#db, () =>
      this.#shorten({
        table: ROW_TABLES.find((name) => name === span.row_table) ?? "blocked",
        firstId: Number(span.first_id),
        lastId: Number(span.last_id),
      }));
  }

  /** Deletes the oldest rows of a span, and the span once it is empty. */
  #shorten({ table, firstId, lastId }: Span): number {
    const end = Math.min(lastId, firstId + ROWS_AT_ONCE - 1);
    this.#db.prepare(`DELETE FROM ${table}_rows WHERE id BETWEEN ? AND ?`).run(firstId, end);
    this.#db.prepare("DELETE FROM row_spans WHERE row_table = ? AND first_id = ?")
      .run(table, firstId);
    if (end < lastId) {
      this.#db.prepare(
        `INSERT INTO row_spans SELECT ?1, ?2, ?3, min(time), max(time)
         FROM ${table}_rows WHERE id BETWEEN ?2 AND ?3 HAVING count(*) > 0`,
      ).run(table, end + 1, lastId);
    } else {
      this.#forgetContexts(table);
    }
    return end - firstId + 1;
  }

  /** Deletes contexts that no row refers to any more. */
  #forgetContexts(table: RowTable): void {
    const actions = table === "allowed" ? "= 'allowed'" : "<> 'allowed'";
    this.#db.prepare(
      `DELETE FROM row_contexts WHERE action ${actions} AND last_id <
         (SELECT coalesce(min(id), 9e18) FROM ${table}_rows)`,
    ).run();
  }

  #forgetHours(cutoff: number): void {
    const count = Number(this.#db.prepare("SELECT count(*) AS count FROM hours").get()?.count);
    const first = Math.floor(cutoff / 3_600_000);
    const old = this.#db.prepare("SELECT 1 FROM hours WHERE hour < ? LIMIT 1").get(first);
    if (old) this.#db.prepare("DELETE FROM hours WHERE hour < ?").run(first);
    if (count <= MAX_HOURS) return;
    this.#db.prepare(
      `DELETE FROM hours WHERE hour <= (
         SELECT hour FROM hours ORDER BY hour DESC LIMIT 1 OFFSET ?)`,
    ).run(MAX_HOURS);
  }

  #fileBytes(): number {
    return Number(pragma(this.#db, "page_count")) * this.#pageSize;
  }

  #freePages(): number {
    return Number(pragma(this.#db, "freelist_count"));
  }

  #usedBytes(): number {
    return this.#fileBytes() - this.#freePages() * this.#pageSize;
  }
}

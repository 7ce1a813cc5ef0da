/** Keeps the database within its age and its size, a little at a time. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ROW_TABLES, type RowTable } from "./schema.ts";
import { pragma, transaction } from "./sqlite.ts";

/** How much is kept. */
export interface Retention {
  /** Seconds. */
  readonly seconds: number;
  /** Bytes of the database file and of the log of writes beside it (`-wal`). */
  readonly bytes: number;
}

/**
 * No packet is read during a step, so steps are made as large as this many milliseconds allow on
 * this machine and at this moment; within these numbers of rows (of pages that are returned to the
 * file system).
 */
const STEP_TIME = 5;
const LEAST_STEP = 64, LARGEST_STEP = 8_192;

/** Hours kept whatever the retention says: captured files can name any hour since 1970. */
const MAX_HOURS = 20_000;

/** Deleting starts at this part of the size limit and leaves room for what comes meanwhile. */
const FULL = 0.95;
const ENOUGH = 0.85;

/**
 * Part of the limit at which the log of writes is put into the file, and the part that it counts
 * for at most: a reader that never ends lets it grow, and deleting rows would not make it shorter.
 */
const LOG_SHARE = 0.05;
const MOST_LOG_SHARE = 0.1;

/**
 * Pages at which the log is put into the file, however large that may become: 16 MB. `Checkpointer`
 * empties the log sooner; a flood that outruns it makes the writer wait for the disk instead.
 */
export const LARGEST_LOG = 4_000;
/** The same for a small database. */
const LEAST_LOG = 64;

interface Span {
  readonly table: RowTable;
  readonly firstId: number;
  readonly lastId: number;
}

/** How much one step may do: learnt from how long the steps before took. */
class StepSize {
  #size = 256;

  get size(): number {
    return this.#size;
  }

  /** Grows gently and shrinks at once: one step that is too long is one too many. */
  learn(milliseconds: number): void {
    const factor = Math.min(1.5, STEP_TIME / Math.max(0.01, milliseconds));
    this.#size = Math.round(Math.min(LARGEST_STEP, Math.max(LEAST_STEP, this.#size * factor)));
  }
}

/** Deletes oldest rows first. */
export class Pruning {
  readonly #db: DatabaseSync;
  readonly #oldest: StatementSync;
  readonly #pageSize: number;
  readonly #logPath: string;
  /** The limit that the log's length was made for. */
  #logBytes = Infinity;
  readonly #rowStep = new StepSize();
  readonly #pageStep = new StepSize();
  /** Milliseconds that the end of a transaction took lately. */
  #commitTime = STEP_TIME;
  #isShrinking = false;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#oldest = db.prepare(
      `SELECT row_table, first_id, last_id FROM row_spans
       WHERE max_time < ? ORDER BY max_time LIMIT 1`,
    );
    this.#pageSize = Number(pragma(db, "page_size"));
    const file = db.prepare("SELECT file FROM pragma_database_list WHERE name = 'main'").get();
    this.#logPath = `${file?.file}-wal`;
  }

  /**
   * Deletes for about `budget` milliseconds: no step begins that would probably end later.
   *
   * @returns rows deleted, and whether nothing is left to do
   */
  run(retention: Retention, now: number, budget: number): { rows: number; done: boolean } {
    const until = performance.now() + budget;
    this.#limitLog(retention.bytes);
    const cutoff = now - retention.seconds * 1000;
    const { rows, done } = this.#deleteUntil(until, retention, cutoff);
    if (!done) return { rows, done };
    this.#forgetHours(cutoff);
    while (this.#fileBytes() + this.#logSize(retention.bytes) > retention.bytes) {
      if (performance.now() + STEP_TIME > until) return { rows, done: false };
      if (!timed(this.#pageStep, (most) => this.#shrinkFile(most))) break;
    }
    return { rows, done: true };
  }

  /**
   * All steps in one transaction: neighbouring rows lie on the same pages, which are then written
   * once. How long writing them takes is known from the last time.
   */
  #deleteUntil(until: number, retention: Retention, cutoff: number) {
    if (!this.#nextSpan(retention, cutoff)) return { rows: 0, done: true };
    const reserved = Math.min(this.#commitTime, (until - performance.now()) / 2);
    let ended = 0;
    const result = transaction(this.#db, () => {
      let rows = 0, done = false;
      do {
        const deleted = timed(this.#rowStep, (most) => this.#deleteSome(retention, cutoff, most));
        rows += deleted;
        done = deleted === 0;
      } while (!done && performance.now() + STEP_TIME + reserved < until);
      ended = performance.now();
      return { rows, done };
    });
    this.#commitTime = (this.#commitTime + performance.now() - ended) / 2;
    return result;
  }

  /** Returns free pages to the file system; false when there is none left to return. */
  #shrinkFile(most: number): boolean {
    const before = this.#freePages();
    // exec(): this pragma frees one page with each step, and get() makes only one.
    if (before > 0) this.#db.exec(`PRAGMA incremental_vacuum(${most})`);
    return this.#freePages() < before;
  }

  /** Whether the file grew so far that `run` would delete. */
  isOver(bytes: number): boolean {
    this.#limitLog(bytes);
    const log = this.#logSize(bytes);
    return this.#usedBytes() + log > bytes * FULL || this.#fileBytes() + log > bytes;
  }

  #nextSpan(retention: Retention, cutoff: number): Span | undefined {
    const used = this.#usedBytes() + this.#logSize(retention.bytes);
    if (used > retention.bytes * FULL) this.#isShrinking = true;
    if (used <= retention.bytes * ENOUGH) this.#isShrinking = false;
    const span = this.#oldest.get(this.#isShrinking ? Number.MAX_SAFE_INTEGER : cutoff);
    if (!span) return undefined;
    return {
      table: ROW_TABLES.find((name) => name === span.row_table) ?? "blocked",
      firstId: Number(span.first_id),
      lastId: Number(span.last_id),
    };
  }

  #deleteSome(retention: Retention, cutoff: number, most: number): number {
    const span = this.#nextSpan(retention, cutoff);
    return span ? this.#shorten(span, most) : 0;
  }

  /** Deletes the oldest rows of a span, and the span once it is empty. */
  #shorten({ table, firstId, lastId }: Span, most: number): number {
    const end = Math.min(lastId, firstId + most - 1);
    this.#db.prepare(`DELETE FROM ${table}_rows WHERE id BETWEEN ? AND ?`).run(firstId, end);
    if (end < lastId) {
      // Its times stay true, if wider than they need be.
      this.#db.prepare("UPDATE row_spans SET first_id = ? WHERE row_table = ? AND first_id = ?")
        .run(end + 1, table, firstId);
    } else {
      this.#db.prepare("DELETE FROM row_spans WHERE row_table = ? AND first_id = ?")
        .run(table, firstId);
      this.#db.prepare(`DELETE FROM ${table}_ports WHERE last_id = ?`).run(lastId);
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

  /** A small database gets a short log. */
  #limitLog(bytes: number): void {
    if (bytes === this.#logBytes) return;
    this.#logBytes = bytes;
    const pages = Math.floor((bytes * LOG_SHARE) / this.#pageSize);
    pragma(this.#db, `wal_autocheckpoint = ${Math.max(LEAST_LOG, Math.min(LARGEST_LOG, pages))}`);
  }

  #logSize(bytes: number): number {
    try {
      return Math.min(Deno.statSync(this.#logPath).size, bytes * MOST_LOG_SHARE);
    } catch {
      return 0; // None yet, or somebody removed it: the store will notice.
    }
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

/** Does one step and learns from how long it took. */
function timed<T>(step: StepSize, work: (most: number) => T): T {
  const start = performance.now();
  const result = work(step.size);
  step.learn(performance.now() - start);
  return result;
}

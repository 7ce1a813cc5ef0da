/** Inserts rows some at a time: calling SQLite costs more than what it then does with a row. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

/** Rows that one statement inserts: 32 are 2.3 times as fast as one, and more gain nothing. */
const ROWS_AT_ONCE = 32;

/** Of those that are left, since few are written at a time where little happens. */
const FEWER_AT_ONCE = [4, 1] as const;

/** An INSERT whose rows gather until there are enough of them. */
export class ManyRows {
  /** The next row's values go here, from `at` on. */
  readonly values: SQLInputValue[];
  at = 0;
  readonly #columns: number;
  readonly #many: StatementSync;
  /** Statements of fewer rows, with how many values they take; the larger first. */
  readonly #fewer: readonly { readonly statement: StatementSync; readonly values: number }[];

  /**
   * @param into what stands before VALUES
   * @param columns how many values a row has
   * @param then what stands behind the rows
   */
  constructor(db: DatabaseSync, into: string, columns: number, then = "") {
    const row = `(${placeholders(columns)})`;
    const insert = (rows: number) =>
      db.prepare(`INSERT INTO ${into} VALUES ${Array(rows).fill(row).join(",")} ${then}`);
    this.#columns = columns;
    this.#many = insert(ROWS_AT_ONCE);
    this.#fewer = FEWER_AT_ONCE.map((rows) => ({
      statement: insert(rows),
      values: rows * columns,
    }));
    this.values = new Array(columns * ROWS_AT_ONCE).fill(null);
  }

  /** The row at `at` has its values. */
  next(): void {
    this.at += this.#columns;
    if (this.at < this.values.length) return;
    this.at = 0;
    this.#many.run(...this.values);
  }

  /** Inserts those that still wait; none does afterwards, also where that fails. */
  finish(): void {
    const end = this.at;
    this.at = 0;
    let at = 0;
    for (const { statement, values } of this.#fewer) {
      for (; at + values <= end; at += values) statement.run(...this.values.slice(at, at + values));
    }
  }
}

/** As many question marks. */
export function placeholders(count: number): string {
  return Array(count).fill("?").join(",");
}

/** What every format of `pfw logs` does. */
import type { LogRow } from "../../engine/observe/log_query.ts";

/** Turns rows into text, piece by piece. */
export interface RowFormatter {
  /** What stands before the rows. */
  head(): string;
  rows(rows: readonly LogRow[]): string;
  /** What stands after them. */
  tail(): string;
}

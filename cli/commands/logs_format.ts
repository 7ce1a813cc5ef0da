/** Rows of packets as table (`logs_table.ts`), JSON and CSV. */
import type { LogRow } from "../../engine/observe/log_query.ts";
import { VIEW_COLUMNS } from "../../engine/observe/schema.ts";
import type { LogFormat } from "./logs_filter.ts";
import { TableFormatter } from "./logs_table.ts";
import type { RowFormatter } from "./row_formatter.ts";

/**
 * The formatter of a format.
 *
 * @param isEndless more rows may come for ever, so JSON is one object a line and not an array
 * @param width columns of the terminal for a table, `Infinity` in a pipe
 */
export function formatterOf(
  format: LogFormat,
  isEndless: boolean,
  color: boolean,
  width: () => number,
): RowFormatter {
  switch (format) {
    case "table":
      return new TableFormatter(color, width);
    case "csv":
      return new CsvFormatter();
    case "json":
      return isEndless ? new JsonLinesFormatter() : new JsonFormatter();
  }
}

/** One array, one row a line. */
class JsonFormatter implements RowFormatter {
  #isFirst = true;

  head(): string {
    return "[";
  }

  rows(rows: readonly LogRow[]): string {
    let text = "";
    for (const row of rows) {
      text += `${this.#isFirst ? "" : ","}\n  ${JSON.stringify(row)}`;
      this.#isFirst = false;
    }
    return text;
  }

  tail(): string {
    return this.#isFirst ? "]\n" : "\n]\n";
  }
}

class JsonLinesFormatter implements RowFormatter {
  head(): string {
    return "";
  }

  rows(rows: readonly LogRow[]): string {
    return rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  }

  tail(): string {
    return "";
  }
}

const CSV_COLUMNS = Object.keys(VIEW_COLUMNS) as (keyof LogRow)[];

/**
 * RFC 4180, lines ending in CR LF, UTF-8. No byte order mark: programs that read CSV would take it
 * for a part of the first column's name, and only names of rules, feeds and interfaces ever need
 * more than ASCII.
 */
class CsvFormatter implements RowFormatter {
  head(): string {
    return `${CSV_COLUMNS.join(",")}\r\n`;
  }

  rows(rows: readonly LogRow[]): string {
    return rows.map((row) => `${CSV_COLUMNS.map((name) => csvCell(row[name])).join(",")}\r\n`)
      .join("");
  }

  tail(): string {
    return "";
  }
}

/**
 * A cell. Spreadsheets run a text that begins like a formula (OWASP "CSV Injection"), and rule and
 * feed names are other people's words: an apostrophe in front makes it plain text.
 */
export function csvCell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

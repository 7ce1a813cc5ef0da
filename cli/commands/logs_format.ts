/** Rows of packets as table, JSON and CSV. */
import { type LogRow } from "../../engine/observe/log_query.ts";
import { VIEW_COLUMNS } from "../../engine/observe/schema.ts";
import { formatCount, paint, printable } from "../output.ts";
import type { LogFormat } from "./logs_filter.ts";

/** Turns rows into text, piece by piece. */
export interface RowFormatter {
  /** What stands before the rows. */
  head(): string;
  rows(rows: readonly LogRow[]): string;
  /** What stands after them. */
  tail(): string;
}

/**
 * The formatter of a format.
 *
 * @param isEndless more rows may come for ever, so JSON is one object a line and not an array
 */
export function formatterOf(format: LogFormat, isEndless: boolean, color: boolean): RowFormatter {
  switch (format) {
    case "table":
      return new TableFormatter(color);
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

/** RFC 4180, lines ending in CR LF. */
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
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const TITLES = ["Time", "Verdict", "Direction", "Interface", "Protocol", "Source", "Destination"];
/** Wide enough for most, so that lines that are followed stay aligned. */
const LEAST_WIDTHS = [23, 7, 9, 9, 8, 15, 15];

const VERDICT_COLORS = { allowed: "green", blocked: "red", would_block: "yellow" } as const;

/** Aligned columns in local time; widths only grow, since earlier lines are printed already. */
class TableFormatter implements RowFormatter {
  readonly #widths = [...LEAST_WIDTHS];
  #isFirst = true;

  constructor(private readonly color: boolean) {}

  head(): string {
    return "";
  }

  rows(rows: readonly LogRow[]): string {
    const lines = rows.map((row) => ({ row, cells: cellsOf(row) }));
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    for (const { cells } of lines) {
      cells.forEach((cell, at) => this.#widths[at] = Math.max(this.#widths[at], cell.length));
    }
    const head = isFirst ? paint("bold", this.#join([...TITLES, "Reason"]), this.color) + "\n" : "";
    return head + lines.map(({ row, cells }) => `${this.#line(row, cells)}\n`).join("");
  }

  tail(): string {
    return "";
  }

  #line(row: LogRow, cells: string[]): string {
    const hits = row.hits > 1 ? ` ×${formatCount(row.hits)}` : "";
    const reason = paint("cyan", visible(row.reason), this.color) + hits;
    const colors = ["gray", VERDICT_COLORS[row.action]] as const;
    return this.#join([...cells, reason], (cell, at) => {
      const color = colors[at];
      return color ? paint(color, cell, this.color) : cell;
    });
  }

  /** Colours come after padding: they have no width. */
  #join(cells: string[], decorate = (cell: string, _at: number) => cell): string {
    return cells.map((cell, at) => decorate(cell.padEnd(this.#widths[at] ?? 0), at)).join("  ");
  }
}

function cellsOf(row: LogRow): string[] {
  return [
    localTime(new Date(row.timestamp)),
    row.action.replace("_", " "),
    row.direction,
    visible(row.interface ?? "-"),
    row.protocol ?? "-",
    endpoint(row.src_ip, row.src_port),
    endpoint(row.dst_ip, row.dst_port),
  ];
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`, an address alone, `*` for many, `?` where unknown. */
function endpoint(address: string | null, port: number | null): string {
  if (address === null) return "?";
  if (port === null) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** `2026-01-31 13:00:00.000` in this machine's time zone. */
export function localTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const date = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${date} ${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** Other people's words on one line, without colours of their own. */
function visible(text: string): string {
  return printable(text.replaceAll("\x1b", "\\x1b").replace(/[\n\t]/g, " "));
}

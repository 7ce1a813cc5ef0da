/** Rows of packets as lines for people: aligned, in local time, no wider than the terminal. */
import type { LogRow } from "../../engine/observe/log_query.ts";
import { formatCount, paint, printable } from "../output.ts";
import { fitText, padText, textWidth } from "../text_width.ts";
import type { RowFormatter } from "./row_formatter.ts";

/** One way to lay rows out; the reason always comes last. */
interface Layout {
  readonly titles: readonly string[];
  /** Wide enough for most, so that lines that are followed stay aligned. */
  readonly leastWidths: readonly number[];
  cells(row: LogRow): string[];
}

const WIDE: Layout = {
  titles: ["Time", "Verdict", "Direction", "Interface", "Protocol", "Source", "Destination"],
  leastWidths: [23, 7, 9, 9, 8, 15, 15],
  cells: (row) => [
    localTime(new Date(row.timestamp)),
    row.action.replace("_", " "),
    row.direction,
    visible(row.interface ?? "-"),
    row.protocol ?? "-",
    endpoint(row.src_ip, row.src_port),
    endpoint(row.dst_ip, row.dst_port),
  ],
};

/** The day stands on a line of its own, the verdict is said where it is not the usual one. */
const NARROW: Layout = {
  titles: ["Time", "Dir", "Proto", "Source", "Destination"],
  leastWidths: [8, 3, 5, 15, 15],
  cells: (row) => [
    localTime(new Date(row.timestamp)).slice(11, 19),
    DIRECTIONS[row.direction],
    row.protocol ?? "-",
    endpoint(row.src_ip, row.src_port),
    endpoint(row.dst_ip, row.dst_port),
  ],
};

const DIRECTIONS: Readonly<Record<LogRow["direction"], string>> = {
  unknown: "?",
  incoming: "in",
  outgoing: "out",
  forwarded: "fwd",
  local: "local",
};

/** Fewer columns than this, and the wide layout leaves no room for a reason. */
const WIDE_FROM = 132;

/** On a terminal a column grows no further: an IPv6 address moves its own line only. */
const GROWS_TO = 23;

/** A reason is cut to no less; it goes to the next line instead. */
const LEAST_REASON = 10;

const GAP = "  ";

/** What goes on below stands under the second column. */
const INDENT = 10;

const VERDICT_COLORS = { allowed: "green", blocked: "red", would_block: "yellow" } as const;

/** Widths only grow, since earlier lines are printed already. */
export class TableFormatter implements RowFormatter {
  readonly #color: boolean;
  readonly #width: () => number;
  readonly #layout: Layout;
  readonly #widths: number[];
  #isFirst = true;
  #day = "";

  /** @param width columns of the terminal, `Infinity` in a pipe; asked for each time */
  constructor(color: boolean, width: () => number) {
    this.#color = color;
    this.#width = width;
    this.#layout = width() >= WIDE_FROM ? WIDE : NARROW;
    this.#widths = [...this.#layout.leastWidths];
  }

  head(): string {
    return "";
  }

  rows(rows: readonly LogRow[]): string {
    const width = this.#width();
    const lines = rows.map((row) => ({ row, cells: this.#layout.cells(row) }));
    for (const { cells } of lines) this.#grow(cells, width);
    let text = "";
    if (this.#isFirst && rows.length > 0) {
      const titles = this.#layout.titles.map((title, at) => padText(title, this.#widths[at]));
      text = paint("bold", [...titles, "Reason"].join(GAP), this.#color) + "\n";
      this.#isFirst = false;
    }
    for (const { row, cells } of lines) text += this.#dayLine(row) + this.#line(row, cells, width);
    return text;
  }

  tail(): string {
    return "";
  }

  #grow(cells: readonly string[], width: number): void {
    const most = width === Infinity ? Infinity : GROWS_TO;
    cells.forEach((cell, at) => {
      const wanted = textWidth(cell);
      if (wanted <= most) this.#widths[at] = Math.max(this.#widths[at], wanted);
    });
  }

  #dayLine(row: LogRow): string {
    if (this.#layout === WIDE) return "";
    const day = localTime(new Date(row.timestamp)).slice(0, 10);
    if (day === this.#day) return "";
    this.#day = day;
    return paint("gray", `── ${day} ──`, this.#color) + "\n";
  }

  #line(row: LogRow, cells: readonly string[], width: number): string {
    let text = "", used = 0;
    const goOn = (needed: number, gap: string) => {
      if (used > INDENT && used + gap.length + needed > width) {
        text += "\n" + " ".repeat(INDENT);
        used = INDENT;
      } else if (used > 0) {
        text += gap;
        used += gap.length;
      }
    };
    cells.forEach((cell, at) => {
      goOn(textWidth(cell), GAP);
      // Padding past the edge would wrap.
      const padded = padText(cell, Math.min(this.#widths[at], width - used));
      text += this.#painted(padded, at, row);
      used += textWidth(padded);
    });
    const hits = row.hits > 1 ? ` ×${formatCount(row.hits)}` : "";
    const reason = (this.#isToldApart(row) ? "would: " : "") + visible(row.reason);
    goOn(Math.min(textWidth(reason), LEAST_REASON) + hits.length, GAP);
    const room = Math.max(LEAST_REASON, width - used - hits.length);
    return `${text}${paint("cyan", fitText(reason, room), this.#color)}${hits}\n`;
  }

  #isToldApart(row: LogRow): boolean {
    return this.#layout === NARROW && row.action === "would_block";
  }

  /** Colours come after padding: they have no width. */
  #painted(cell: string, at: number, row: LogRow): string {
    if (at === 0) return paint("gray", cell, this.#color);
    const isVerdict = this.#layout === WIDE && at === 1;
    return isVerdict ? paint(VERDICT_COLORS[row.action], cell, this.#color) : cell;
  }
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

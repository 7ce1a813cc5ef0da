/** How commands print: aligned tables, colours with meaning, one JSON document. */
import { PfwError, systemReason } from "../engine/errors.ts";
import { canDraw, terminalWidth } from "./terminal.ts";
import { fitText, padText, textWidth } from "./text_width.ts";

/** Whether colours may be used on this stream: a terminal that has them, and no `NO_COLOR`. */
export function useColor(stream: { isTerminal(): boolean } = Deno.stdout): boolean {
  return !Deno.env.get("NO_COLOR") && canDraw(stream);
}

const CODES = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, gray: 90, bold: 1 } as const;

/** Paints text for a terminal; leaves it alone in a pipe. */
export function paint(color: keyof typeof CODES, text: string, enabled = useColor()): string {
  return enabled ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text;
}

/** Prints one JSON document. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** A column of a table; the last three say what gives way where the terminal is too narrow. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** First: a shorter title. */
  readonly shortTitle?: string;
  /** Then: the column is left out where every cell says just this, as it says nothing. */
  readonly omit?: string;
  /**
   * Last: texts end in an ellipsis, down to so many columns. For names and reasons; addresses and
   * numbers stay whole.
   */
  readonly shrinkTo?: number;
}

/** Blanks between two columns, and before the rest of a line that had to be broken. */
const GAP = 2, INDENT = 4;

/**
 * A table without borders: titles, then rows, columns aligned and two blanks apart.
 *
 * @param width columns that it may take; where even what can give way is too wide, rows are broken
 *   between two columns
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = terminalWidth(),
): string {
  const shown = rows.map((row) => row.map((cell) => printable(oneLine(cell))));
  const kept = fittingColumns(columns, shown, width);
  const lines = [kept.map(({ column }) => paint("bold", column.title))];
  for (const row of shown) lines.push(kept.map(({ at }) => row[at]));
  const shownColumns = kept.map(({ column }) => column);
  const least = columnWidths(shownColumns, lines, width);
  const pieces = breakColumns(least, width);
  const widths = grownWidths(least, naturalWidths(shownColumns, lines), pieces, width);
  return lines.map((cells) => {
    const padded = cells.map((cell, at) =>
      padText(fitText(cell, widths[at]), widths[at], kept[at].column.align)
    );
    return pieces.map(([from, to], piece) =>
      " ".repeat(piece > 0 ? INDENT : 0) + padded.slice(from, to).join(" ".repeat(GAP)).trimEnd()
    ).join("\n");
  }).join("\n");
}

/** A column and its place in every row. */
interface PlacedColumn {
  readonly column: Column;
  readonly at: number;
}

/** All columns where there is room, else those that say something, under short titles. */
function fittingColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): PlacedColumn[] {
  const all = columns.map((column, at) => ({ column, at }));
  const cellWidths = naturalWidths(columns, rows);
  const isWide = (placed: readonly PlacedColumn[]) =>
    totalWidth(placed.map(({ column, at }) => Math.max(cellWidths[at], textWidth(column.title)))) >
      width;
  if (!isWide(all)) return all;
  const short = all.map(({ column, at }) => ({
    column: { ...column, title: column.shortTitle ?? column.title },
    at,
  }));
  if (!isWide(short)) return short;
  return short.filter(({ column: { omit }, at }) =>
    omit === undefined || rows.some((row) => row[at] !== omit)
  );
}

function naturalWidths(columns: readonly Column[], lines: readonly (readonly string[])[]) {
  return columns.map((_, at) =>
    lines.reduce((widest, cells) => Math.max(widest, textWidth(cells[at])), 0)
  );
}

function totalWidth(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1));
}

/** The widest of those that may shrink gives way first. */
function columnWidths(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
  width: number,
): number[] {
  const widths = naturalWidths(columns, lines);
  const least = columns.map(({ shrinkTo }, at) => Math.min(shrinkTo ?? Infinity, widths[at]));
  for (let excess = totalWidth(widths) - width; excess > 0; excess--) {
    let widest = -1;
    for (let at = 0; at < widths.length; at++) {
      if (widths[at] > least[at] && !(widths[at] <= widths[widest])) widest = at;
    }
    if (widest < 0) break;
    widths[widest]--;
  }
  return widths;
}

/** Ranges of columns, each of which fits on a line of its own (a single one always does). */
function breakColumns(widths: readonly number[], width: number): [number, number][] {
  const pieces: [number, number][] = [];
  let from = 0, used = 0;
  for (let at = 0; at < widths.length; at++) {
    if (at > from && used + GAP + widths[at] > width) {
      pieces.push([from, at]);
      from = at;
      used = INDENT;
    }
    used += (at > from ? GAP : 0) + widths[at];
  }
  pieces.push([from, widths.length]);
  return pieces;
}

/** Where rows are broken, each line may have room again for what gave way. */
function grownWidths(
  least: readonly number[],
  natural: readonly number[],
  pieces: readonly (readonly [number, number])[],
  width: number,
): number[] {
  const widths = [...least];
  for (const [from, to] of pieces) {
    const indent = from > 0 ? INDENT : 0;
    let room = width - indent - totalWidth(least.slice(from, to));
    for (let at = from; at < to && room > 0; at++) {
      const more = Math.min(room, natural[at] - widths[at]);
      widths[at] += more;
      room -= more;
    }
  }
  return widths;
}

/** A line break in a cell would tear the table apart. */
function oneLine(text: string): string {
  return text.replace(/[\t\r\n]+/g, " ");
}

/** Control characters, and those that turn the direction of writing ("Trojan Source"). */
const UNPRINTABLE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\x1b(?!\[\d{1,2}m)/g;

/**
 * Text from packets, feeds and rule names with such characters made visible: none of it may drive
 * the terminal.
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const hex = character.charCodeAt(0).toString(16);
    return hex.length > 2 ? `\\u${hex}` : `\\x${hex.padStart(2, "0")}`;
  });
}

/** 1234567 as `1,234,567`. */
export function formatCount(count: number): string {
  // By hand: loading the tables of languages for it takes 15 ms, a third of a whole command.
  return String(Math.round(count)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** Bytes as `1.5 MB` (powers of 1,000). */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at++;
  }
  return `${at === 0 ? bytes : bytes.toFixed(1)} ${units[at]}`;
}

/** Seconds as `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) {
    return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  }
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

/** `1 rule`, `2 rules`, `1,234 rules`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : nouns}`;
}

/** A line on standard error, which `--json` leaves free. Nothing fails because it cannot be said. */
export function note(text: string): void {
  try {
    console.error(printable(text));
  } catch { /* nobody looks, or the disk is full */ }
}

/** The same of what somebody should look at. */
export function warn(text: string): void {
  note(`pfw: warning: ${text}`);
}

const encoder = new TextEncoder();

/** Writes all of a text to standard output; false when whoever read it is gone (`pfw … | head`). */
export function writeOut(text: string): boolean {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) return false;
    throw new PfwError("cannot write to standard output", systemReason(error));
  }
}

/** Writes a line to standard output. */
export function print(text: string): void {
  writeOut(`${text}\n`);
}

/** Writes a text of a firewall that goes on when nobody can read it. */
export function tryWriteOut(text: string): void {
  try {
    writeOut(text);
  } catch { /* its terminal is closed, or the disk is full */ }
}

/** How commands print: aligned tables, colours with meaning, one JSON document. */
import Table from "cli-table3";

/** Whether colours may be used on this stream: a terminal, and no `NO_COLOR`. */
export function useColor(stream: { isTerminal(): boolean } = Deno.stdout): boolean {
  return !Deno.env.get("NO_COLOR") && stream.isTerminal();
}

const CODES = { red: 31, green: 32, yellow: 33, blue: 34, cyan: 36, gray: 90, bold: 1 } as const;

/** Paints text for a terminal; leaves it alone in a pipe. */
export function paint(color: keyof typeof CODES, text: string, enabled = useColor()): string {
  return enabled ? `\x1b[${CODES[color]}m${text}\x1b[0m` : text;
}

/** Prints one JSON document. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value, null, 2));
}

/** A column of a table. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** A table without borders: titles, then rows, columns aligned and two blanks apart. */
export function renderTable(columns: readonly Column[], rows: readonly string[][]): string {
  const table = new Table({
    head: columns.map((column) => paint("bold", column.title)),
    colAligns: columns.map((column) => column.align ?? "left"),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: Object.fromEntries(
      [
        "top",
        "top-mid",
        "top-left",
        "top-right",
        "bottom",
        "bottom-mid",
        "bottom-left",
        "bottom-right",
        "left",
        "left-mid",
        "mid",
        "mid-mid",
        "right",
        "right-mid",
        "middle",
      ].map((name) => [name, ""]),
    ),
  });
  table.push(...rows.map((row) => row.map(printable)));
  return table.toString().split("\n").map((line) => line.trimEnd()).join("\n");
}

// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]|\x1b(?!\[\d{1,2}m)/g;

/**
 * Text from packets, feeds and rule names with control characters made visible: none of it may
 * drive the terminal.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** 1234567 as `1,234,567`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
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

/** A line on standard error, which `--json` leaves free. */
export function warn(text: string): void {
  console.error(printable(`pfw: warning: ${text}`));
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
    throw error;
  }
}

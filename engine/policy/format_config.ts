/** A configuration as text: two blanks an indentation, short lists of plain values on one line. */
import { LONG_LIST, longListText } from "./long_list.ts";

const WIDTH = 100;
/** The indentation of the keys at the top, of which some hold long lists of plain values. */
const TOP = "  ";

/** JSON text that ends with a newline; the order of keys is kept. */
export function formatConfig(value: unknown): string {
  return `${format(value, "", "")}\n`;
}

/** @param lead what stands before the value on its line, for the width */
function format(value: unknown, indent: string, lead: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    if (indent === TOP && isLongText(value)) return longListText(value);
    const short = oneLine(value, WIDTH - indent.length - lead.length - 1);
    if (short !== undefined) return short;
    const entries = value.map((entry) => inner + format(entry, inner, ""));
    return `[\n${entries.join(",\n")}\n${indent}]`;
  }
  const entries = Object.entries(value).filter(([, child]) => child !== undefined);
  if (entries.length === 0) return "{}";
  const lines = entries.map(([key, child]) => {
    const start = `${JSON.stringify(key)}: `;
    return inner + start + format(child, inner, start);
  });
  // Not `join`, which copies: the text of a long list is copied once, when all of it is needed.
  return `{\n${lines.reduce((before, line) => `${before},\n${line}`)}\n${indent}}`;
}

function isLongText(list: readonly unknown[]): list is readonly string[] {
  return list.length >= LONG_LIST && list.every((entry) => typeof entry === "string");
}

/** A list of plain values on one line, if it fits. */
function oneLine(list: readonly unknown[], width: number): string | undefined {
  if (list.length > width / 3) return undefined;
  if (list.some((entry) => typeof entry === "object" && entry !== null)) return undefined;
  const text = `[${list.map((entry) => JSON.stringify(entry)).join(", ")}]`;
  return text.length <= width ? text : undefined;
}

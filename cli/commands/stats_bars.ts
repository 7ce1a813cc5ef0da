/** Figures as bars of block characters. */

const HEIGHTS = "▁▂▃▄▅▆▇█";

/** One bar a value, the greatest one highest; a dot for nothing at all. */
export function sparkline(values: readonly number[]): string {
  const greatest = values.reduce((most, value) => Math.max(most, value), 0);
  return values.map((value) =>
    value <= 0 ? "·" : HEIGHTS[Math.min(7, Math.floor((value / greatest) * 8))]
  ).join("");
}

const PARTS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A lying bar of up to `width` columns for `greatest`; anything but nothing shows a sliver. */
export function bar(value: number, greatest: number, width: number): string {
  if (value <= 0 || greatest <= 0) return "";
  const eighths = Math.max(1, Math.round((Math.min(value, greatest) / greatest) * width * 8));
  return "█".repeat(eighths >> 3) + PARTS[eighths & 7];
}

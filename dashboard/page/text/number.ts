/** Figures as people read them: thousands separators, no more digits than tell something. */

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat("en-US", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** `1,234,567` */
export function formatCount(value: number): string {
  return WHOLE.format(value);
}

/** A rate, with one decimal where it is small: `0.3`, `42`, `1,234`. */
export function formatRate(value: number): string {
  return value > 0 && value < 9.95 ? TENTHS.format(value) : WHOLE.format(value);
}

/** For the axis of a chart: `0.5`, `40`, `1.2k`, `3M`. */
export function formatAxis(value: number): string {
  if (Math.abs(value) >= 1e6) return `${trim(value / 1e6)}M`;
  if (Math.abs(value) >= 1e3) return `${trim(value / 1e3)}k`;
  return trim(value);
}

function trim(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** `12.3 MB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  while (bytes >= 999.5 && at < units.length - 1) {
    bytes /= 1_000;
    at++;
  }
  return `${at === 0 || bytes >= 99.95 ? WHOLE.format(bytes) : TENTHS.format(bytes)} ${units[at]}`;
}

/** `1 rule`, `2 rules` */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

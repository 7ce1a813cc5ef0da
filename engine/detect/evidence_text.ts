/** Evidence in words. */

/** `40 ms`, `1.2 s`, `95 s`. */
export function spanText(seconds: number): string {
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds)} s`;
}

/** `1,200`. Not by `toLocaleString`: it takes 40 µs, in the middle of a flood. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 port`, `24 ports`, `1,200 ports`. */
export function countText(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `port 22`, `ports 22, 80 and 443`, `ports 22, 23, 80 and others`; `ports` is not empty. */
export function portsText(ports: readonly number[]): string {
  if (ports.length === 1) return `port ${ports[0]}`;
  const last = ports.length > NAMED ? "others" : ports[ports.length - 1];
  return `ports ${ports.slice(0, Math.min(NAMED, ports.length - 1)).join(", ")} and ${last}`;
}

const NAMED = 3;

/** Seconds to the millisecond, for evidence that is stored. */
export function roundedSeconds(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

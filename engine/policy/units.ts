/** Durations and sizes as people write them in the configuration and on the command line. */

const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** The form of a duration, for messages and for the JSON Schema. */
export const DURATION_PATTERN = /^[1-9]\d{0,9}[smhd]$/;

/** The longest duration that is accepted: ten years, in seconds. */
export const MAX_DURATION = 3650 * SECONDS.d;

/**
 * Reads `30s`, `10m`, `1h`, `30d`.
 *
 * @returns seconds, at least 1 and at most ten years; `undefined` for anything else
 */
export function parseDuration(text: string): number | undefined {
  if (!DURATION_PATTERN.test(text)) return undefined;
  const unit = text.at(-1) as keyof typeof SECONDS;
  const seconds = Number(text.slice(0, -1)) * SECONDS[unit];
  return seconds <= MAX_DURATION ? seconds : undefined;
}

// Decimal like `formatBytes` in cli/output.ts; the binary ones for who means them (IEC 80000-13).
const BYTES: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** The form of a size, for messages and for the JSON Schema. */
export const SIZE_PATTERN = /^\d{1,9}(\.\d{1,3})? ?([kKMGT]i?)?B$/;

/**
 * Reads `500MB`, `1GB`, `1.5 GiB`.
 *
 * @returns whole bytes; `undefined` for anything else
 */
export function parseSize(text: string): number | undefined {
  if (!SIZE_PATTERN.test(text)) return undefined;
  const number = Number.parseFloat(text);
  const unit = text.replace(/^[\d. ]+/, "").toLowerCase();
  return Math.floor(number * BYTES[unit]);
}

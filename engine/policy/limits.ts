/** What of the configuration's schema others need without loading zod. */

/** Counts past which a configuration is refused, so that no file can exhaust memory. */
export const LIMITS = {
  rules: 10_000,
  /** Entries in each list of addresses. */
  addresses: 2_000_000,
  portsInRule: 1_000,
  threatFeeds: 100,
} as const;

/** The least that `logging.max_size` may be, in bytes. */
export const MIN_DATABASE_SIZE = 1_000_000;

/** Ports on which somebody proves who they are: where guessing pays. */
export const LOGIN_PORTS: readonly number[] = [
  21,
  22,
  23,
  110,
  143,
  389,
  465,
  587,
  993,
  995,
  1433,
  3306,
  3389,
  5432,
  5900,
  5985,
  6379,
];

/** Deeper than any configuration; more would exhaust the stack of whoever walks the value. */
export const MAX_DEPTH = 32;

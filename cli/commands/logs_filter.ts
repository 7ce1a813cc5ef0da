/** The words of `pfw logs` as a filter; wrong ones are wrong usage, each with what is expected. */
import { parsePrefix } from "../../engine/net/address.ts";
import type { LogFilter } from "../../engine/observe/log_query.ts";
import { didYouMean } from "../../engine/policy/suggest.ts";
import { parseDuration } from "../../engine/policy/units.ts";
import { type ReasonCode, REASONS } from "../../engine/policy/verdict.ts";
import { type CommandContext, usageError } from "../context.ts";

/** How rows are printed. */
export type LogFormat = "table" | "json" | "csv";

/** What commander makes of the command line. */
export interface LogsOptions {
  readonly type: "blocked" | "allowed";
  readonly limit: string;
  readonly since?: string;
  readonly ip?: string;
  readonly port?: string;
  readonly reason?: string;
  readonly follow?: boolean;
  readonly format?: LogFormat;
}

/** Rows that one call prints at most. */
const MAX_LIMIT = 10_000_000;

/**
 * Reads the filter.
 *
 * @param now milliseconds since 1970, UTC
 * @throws PfwError (exit 2) that names the wrong word
 */
export function parseFilter(options: LogsOptions, now: number): LogFilter {
  return {
    table: options.type,
    since: options.since === undefined ? undefined : parseSince(options.since, now),
    address: options.ip === undefined ? undefined : parseAddress(options.ip),
    port: options.port === undefined ? undefined : parseNumber("--port", options.port, 65_535),
    reason: options.reason === undefined ? undefined : parseReason(options.reason),
  };
}

/** Reads `--limit`. */
export function parseLimit(text: string): number {
  return parseNumber("--limit", text, MAX_LIMIT);
}

/** The format, of which `--json` is a shorter word. */
export function parseFormat(context: CommandContext, options: LogsOptions): LogFormat {
  if (!context.json) return options.format ?? "table";
  if (options.format !== undefined && options.format !== "json") {
    throw usageError("wrong usage", `--json contradicts --format ${options.format}`);
  }
  return "json";
}

/** A duration before now, or a point in time (RFC 3339; a date alone is midnight, local time). */
function parseSince(text: string, now: number): number {
  const seconds = parseDuration(text);
  if (seconds !== undefined) return now - seconds * 1000;
  const form = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
  const time = form.test(text) ? new Date(text.length === 10 ? `${text}T00:00` : text) : undefined;
  if (time && !Number.isNaN(time.getTime())) return time.getTime();
  throw usageError(
    `--since ${text}`,
    "neither a duration nor a time",
    "write 30s, 10m, 1h, 7d or 2026-01-31T12:00:00Z",
  );
}

function parseAddress(text: string) {
  const prefix = parsePrefix(text);
  if (prefix) return prefix;
  throw usageError(
    `--ip ${text}`,
    "not an IP address or CIDR range",
    "write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32",
  );
}

function parseNumber(option: string, text: string, max: number): number {
  if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
  throw usageError(`${option} ${text}`, "not a number it can be", `write 0 to ${max}`);
}

function parseReason(text: string): ReasonCode {
  const code = text.toLowerCase().replaceAll("-", "_");
  const known = REASONS.find((reason) => reason === code);
  if (known) return known;
  const why = `no such reason${didYouMean(text, REASONS)}`;
  throw usageError(`--reason ${text}`, why, `choose one of ${REASONS.join(", ")}`);
}

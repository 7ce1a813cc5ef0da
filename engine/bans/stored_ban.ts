/** Bans as the database has them, made into what the book works with, and into what people see. */
import { DETECTORS, type Evidence } from "../detect/detection.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../net/address.ts";
import { comparePrefixes } from "../net/prefix_list.ts";
import type { BanRow, OffenceRow } from "../observe/ban_rows.ts";
import type { Ban, BanCause, BanView } from "./ban.ts";
import type { Offence } from "./offence_memory.ts";

const CAUSES: readonly string[] = [...DETECTORS, "manual"];

/** The ban of a row; `undefined` where it is none that pfw wrote. */
export function banOf(row: BanRow): Ban | undefined {
  const prefix = canonicalPrefix(row.prefix);
  if (!prefix || !CAUSES.includes(row.cause) || !areTimes(row)) return undefined;
  const { reason, since, until, offences } = row;
  const cause = row.cause as BanCause;
  return { prefix, cause, reason, evidence: evidenceOf(row.evidence), since, until, offences };
}

/** The offence of a row; `undefined` where it is none that pfw wrote. */
export function offenceOf(row: OffenceRow): Offence | undefined {
  const prefix = canonicalPrefix(row.prefix);
  if (!prefix || !areTimes(row)) return undefined;
  const { offences, since, until } = row;
  return { prefix, offences, since, until };
}

/** A ban for people and scripts, with the time that is left at `now`. */
export function viewOf(ban: Ban, now: number): BanView {
  const { prefix, cause, reason, evidence, since, until, offences } = ban;
  return {
    address: formatPrefix(prefix),
    cause,
    reason,
    evidence,
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    secondsLeft: Math.max(0, Math.ceil((until - now) / 1000)),
    offences,
  };
}

/** The bans of rows that are in force at `now`, oldest first: `bans list` while no pfw runs. */
export function viewsOf(rows: readonly BanRow[], now: number): BanView[] {
  return rows.flatMap((row) => banOf(row) ?? [])
    .filter(({ until }) => until > now)
    .sort(byAge)
    .map((ban) => viewOf(ban, now));
}

/** Oldest first; of the same moment by address, so that the order is always the same. */
export function byAge(a: Ban, b: Ban): number {
  if (a.since !== b.since) return a.since - b.since;
  return a.prefix.family - b.prefix.family || comparePrefixes(a.prefix, b.prefix);
}

/** Only as pfw writes it: a row under another spelling could never be deleted again. */
function canonicalPrefix(text: string): Prefix | undefined {
  const prefix = parsePrefix(text);
  return prefix && formatPrefix(prefix) === text ? prefix : undefined;
}

function areTimes({ since, until, offences }: OffenceRow): boolean {
  return [since, until, offences].every(Number.isSafeInteger) && since >= 0 && since <= until &&
    until <= 8.64e15 && offences >= 1;
}

function evidenceOf(json: string): Evidence {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
    return Object.fromEntries(Object.entries(value).filter(([, entry]) => isFigure(entry)));
  } catch {
    return {};
  }
}

function isFigure(value: unknown): value is Evidence[string] {
  if (Array.isArray(value)) return value.every((one) => typeof one === "number");
  return typeof value === "number" || typeof value === "string";
}

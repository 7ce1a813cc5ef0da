/** Bans and past offences as the database holds them: texts and numbers, not yet looked at. */
import type { DatabaseSync } from "node:sqlite";

/** A row of `bans`. Times are milliseconds since 1970, UTC. */
export interface BanRow {
  readonly prefix: string;
  readonly cause: string;
  readonly reason: string;
  /** JSON. */
  readonly evidence: string;
  readonly since: number;
  readonly until: number;
  readonly offences: number;
}

/** A row of `ban_offences`. */
export interface OffenceRow {
  readonly prefix: string;
  readonly offences: number;
  readonly since: number;
  readonly until: number;
}

/** The last moment that a `Date` can tell; what lies beyond was not written by pfw. */
const END_OF_TIME = 8.64e15;

/** Casts: what a hand wrote into these columns must not make reading fail. */
const TIMES = `CAST(since AS REAL) AS since, CAST(until AS REAL) AS until,
  CAST(offences AS REAL) AS offences`;

/** At most `limit` bans that end after `after`, those by a person first, then the longest lasting. */
export function readBans(db: DatabaseSync, after: number, limit: number): BanRow[] {
  const rows = db.prepare(
    `SELECT CAST(prefix AS TEXT) AS prefix, CAST(cause AS TEXT) AS cause,
       CAST(reason AS TEXT) AS reason, CAST(evidence AS TEXT) AS evidence, ${TIMES}
     FROM bans WHERE until > ? AND until <= ${END_OF_TIME}
     ORDER BY cause = 'manual' DESC, until DESC, prefix LIMIT ?`,
  ).all(after, limit);
  return rows as unknown as BanRow[];
}

/** At most `limit` past offences, those that ended last; ascending by their end. */
export function readOffences(db: DatabaseSync, limit: number): OffenceRow[] {
  const rows = db.prepare(
    `SELECT CAST(prefix AS TEXT) AS prefix, ${TIMES} FROM ban_offences
     WHERE until BETWEEN 0 AND ${END_OF_TIME} ORDER BY until DESC, prefix LIMIT ?`,
  ).all(limit);
  return rows.reverse() as unknown as OffenceRow[];
}

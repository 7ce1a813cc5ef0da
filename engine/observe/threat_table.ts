/**
 * Keeps the table `threat_intel` equal to the merged threat feeds, a little at a time. The table is
 * walked once in its own order: what is no longer listed is deleted, what changed is written, what
 * it has is marked; then what has no mark is added. A fault or another file only means to begin
 * anew, for nothing is taken to be done until the end.
 */
import type { DatabaseSync } from "node:sqlite";
import type { Store } from "./store.ts";
import { type ThreatRow, ThreatRows } from "./threat_rows.ts";

export type { ThreatRow } from "./threat_rows.ts";

/** Rows between two looks at the clock. */
const ROWS_AT_ONCE = 64;

/** `last_seen` of what stays listed is brought up to date once in so many milliseconds: a day. */
const REFRESH = 86_400_000;

/** The fact that tells which list the table holds: a fingerprint and when it was refreshed last. */
const FACT = "threat_list";

/** What is to be done next; `empty`: no list was ever given. */
type Phase = "empty" | "collect" | "look" | "compare" | "add" | "finish" | "done";

/** What one transaction came to. */
interface Progress {
  readonly phase: Phase;
  /** The text up to which the table was compared. */
  readonly compared?: string;
  /** The row up to which rows were added. */
  readonly added?: number;
}

/** A row of the table, as it is compared. */
interface StoredThreat {
  readonly ip: string;
  readonly threat_level: number | null;
  readonly source: string | null;
  readonly last_seen: string | null;
}

/** One list at a time; a newer one takes its place. */
export class ThreatTable {
  #phase: Phase = "empty";
  #incoming: Iterator<ThreatRow> | undefined;
  #rows = new ThreatRows();
  #fingerprint = "";
  /** ISO 8601, and a day before: what was seen earlier is written again. */
  #seenAt = "";
  #refreshBefore = "";
  #refreshedAt = "";
  /** One a row: whether the table has it. */
  #isThere = new Uint8Array(0);
  /** See `Progress`. */
  #compared = "";
  #added = 0;
  #generation = 0;

  /**
   * Begins to bring the table up to date with a list; `step` does the work.
   *
   * @param rows IPv4 first, each family ascending, no prefix twice; read a little with each step
   * @param seenAt when the list was read, milliseconds since 1970
   */
  begin(rows: Iterable<ThreatRow>, seenAt: number): void {
    this.#incoming = rows[Symbol.iterator]();
    this.#rows = new ThreatRows();
    this.#seenAt = new Date(seenAt).toISOString();
    this.#refreshBefore = new Date(seenAt - REFRESH).toISOString();
    this.#phase = "collect";
  }

  /**
   * Works for about `budget` milliseconds, 64 rows at least. Never throws; a fault of the database
   * is left to a later call.
   *
   * @returns whether the table holds the list
   */
  step(store: Store, budget: number): boolean {
    const until = performance.now() + budget;
    if (this.#phase === "collect") {
      this.#collect(until);
      if (performance.now() >= until) return false;
    } else if (this.#phase !== "empty" && this.#generation !== store.generation) {
      // Another file may have taken the place of the one that was up to date.
      this.#phase = "look";
    }
    while (this.#isWorking()) {
      if (this.#phase === "look") this.#generation = store.generation;
      const progress = store.transact((db) => this.#work(db, until));
      if (!progress) return false;
      if (store.generation === this.#generation) this.#progress(progress);
      else this.#phase = "look";
      if (performance.now() >= until) break;
    }
    return this.#phase === "done" || this.#phase === "empty";
  }

  #isWorking(): boolean {
    return this.#phase !== "empty" && this.#phase !== "collect" && this.#phase !== "done";
  }

  /** Only what was committed is progress. */
  #progress({ phase, compared = this.#compared, added = this.#added }: Progress): void {
    this.#phase = phase;
    this.#compared = compared;
    this.#added = added;
  }

  #collect(until: number): void {
    const incoming = this.#incoming!;
    do {
      for (let row = 0; row < ROWS_AT_ONCE; row++) {
        const { done, value } = incoming.next();
        if (done) return this.#collected();
        this.#rows.add(value);
      }
    } while (performance.now() < until);
  }

  #collected(): void {
    this.#incoming = undefined;
    this.#fingerprint = this.#rows.fingerprint();
    this.#phase = "look";
  }

  /** Does some of the present phase's work and tells the next phase. May run twice with a rollback. */
  #work(db: DatabaseSync, until: number): Progress {
    switch (this.#phase) {
      case "look":
        return this.#lookAtFact(db);
      case "compare":
        return this.#compare(db, until);
      case "add":
        return this.#add(db, until);
      case "finish":
        db.prepare("INSERT OR REPLACE INTO facts VALUES (?, ?)")
          .run(FACT, `${this.#fingerprint} ${this.#refreshedAt}`);
        return { phase: "done" };
      default:
        return { phase: this.#phase };
    }
  }

  #lookAtFact(db: DatabaseSync): Progress {
    const fact = db.prepare("SELECT value FROM facts WHERE name = ?").get(FACT)?.value;
    const [fingerprint, refreshedAt = ""] = typeof fact === "string" ? fact.split(" ") : [];
    const isFresh = refreshedAt >= this.#refreshBefore;
    if (fingerprint === this.#fingerprint && isFresh) return { phase: "done" };
    this.#refreshedAt = isFresh ? refreshedAt : this.#seenAt;
    // Until the end nobody may take the table for any list.
    db.prepare("DELETE FROM facts WHERE name = ?").run(FACT);
    this.#isThere = new Uint8Array(this.#rows.count);
    return { phase: "compare", compared: "", added: 0 };
  }

  #compare(db: DatabaseSync, until: number): Progress {
    const select = db.prepare(
      `SELECT ip, CAST(threat_level AS REAL) AS threat_level, CAST(source AS TEXT) AS source,
         CAST(last_seen AS TEXT) AS last_seen
       FROM threat_intel WHERE ip > ? AND typeof(ip) = 'text' ORDER BY ip LIMIT ${ROWS_AT_ONCE}`,
    );
    const remove = db.prepare("DELETE FROM threat_intel WHERE ip = ?");
    const update = db.prepare(
      "UPDATE threat_intel SET threat_level = ?, source = ?, last_seen = ? WHERE ip = ?",
    );
    let compared = this.#compared;
    do {
      const stored = select.all(compared) as unknown as StoredThreat[];
      for (const row of stored) {
        const at = this.#rows.find(row.ip);
        if (at < 0) remove.run(row.ip);
        else {
          this.#isThere[at] = 1;
          if (this.#differs(row, at)) {
            update.run(this.#rows.level(at), this.#rows.source(at), this.#seenAt, row.ip);
          }
        }
      }
      if (stored.length < ROWS_AT_ONCE) return { phase: "add" };
      compared = stored[stored.length - 1].ip;
    } while (performance.now() < until);
    return { phase: "compare", compared };
  }

  #differs({ threat_level, source, last_seen }: StoredThreat, at: number): boolean {
    return threat_level !== this.#rows.level(at) || source !== this.#rows.source(at) ||
      last_seen === null || last_seen < this.#refreshBefore;
  }

  #add(db: DatabaseSync, until: number): Progress {
    const rows = this.#rows;
    const insert = db.prepare(
      `INSERT INTO threat_intel (ip, threat_level, last_seen, source, first_seen)
       VALUES (?1, ?2, ?3, ?4, ?3)
       ON CONFLICT DO UPDATE SET threat_level = ?2, last_seen = ?3, source = ?4`,
    );
    let inserted = 0;
    for (let at = this.#added; at < rows.count; at++) {
      if (this.#isThere[at] === 1) continue;
      insert.run(rows.ip(at), rows.level(at), this.#seenAt, rows.source(at));
      if (++inserted % ROWS_AT_ONCE === 0 && performance.now() >= until) {
        return { phase: "add", added: at + 1 };
      }
    }
    return { phase: "finish" };
  }
}

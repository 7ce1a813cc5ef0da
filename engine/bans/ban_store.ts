/** Bans and past offences in the database. Never throws: what cannot be written stays with the book. */
import type { DatabaseSync } from "node:sqlite";
import { formatPrefix } from "../net/address.ts";
import { type BanRow, type OffenceRow, readBans, readOffences } from "../observe/ban_rows.ts";
import type { Store } from "../observe/store.ts";
import type { Ban } from "./ban.ts";
import type { Offence } from "./offence_memory.ts";

/** What the database holds. */
export interface StoredBans {
  readonly bans: readonly BanRow[];
  readonly offences: readonly OffenceRow[];
}

/** What is to be in the database: a prefix is in one of the three. */
export interface BanWrites {
  readonly bans: readonly Ban[];
  readonly offences: readonly Offence[];
  /** Texts of prefixes of which nothing is known any more. */
  readonly forgotten: readonly string[];
}

const PUT_BAN = "INSERT OR REPLACE INTO bans VALUES (?, ?, ?, ?, ?, ?, ?)";
const PUT_OFFENCE = "INSERT OR REPLACE INTO ban_offences VALUES (?, ?, ?, ?)";
const DROP_BAN = "DELETE FROM bans WHERE prefix = ?";
const DROP_OFFENCE = "DELETE FROM ban_offences WHERE prefix = ?";

/** The two tables of bans, through the store that is the one writer. */
export class BanStore {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** As `Store.generation`: after a change, what was written may be gone. */
  get generation(): number {
    return this.#store.generation;
  }

  /** What is wrong with the database at present, in words; `undefined` when all is well. */
  get fault(): string | undefined {
    return this.#store.fault;
  }

  /** Reads at most so many rows of each table; `undefined` where the database cannot be read. */
  read(maxBans: number, maxOffences: number): StoredBans | undefined {
    return this.#store.transact((db) => ({
      bans: readBans(db, -1, maxBans),
      offences: readOffences(db, maxOffences),
    }));
  }

  /** Writes all of it or nothing; false where the database cannot be written now. */
  write(writes: BanWrites): boolean {
    return this.#store.transact((db) => put(db, writes)) ?? false;
  }

  /** Writes this in place of everything that the tables hold. */
  replace(writes: BanWrites): boolean {
    return this.#store.transact((db) => {
      db.prepare("DELETE FROM bans").run();
      db.prepare("DELETE FROM ban_offences").run();
      return put(db, writes);
    }) ?? false;
  }
}

function put(db: DatabaseSync, { bans, offences, forgotten }: BanWrites): true {
  const putBan = db.prepare(PUT_BAN), putOffence = db.prepare(PUT_OFFENCE);
  const dropBan = db.prepare(DROP_BAN), dropOffence = db.prepare(DROP_OFFENCE);
  for (const { prefix, cause, reason, evidence, since, until, offences: count } of bans) {
    const text = formatPrefix(prefix);
    putBan.run(text, cause, reason, JSON.stringify(evidence), since, until, count);
    dropOffence.run(text);
  }
  for (const { prefix, offences: count, since, until } of offences) {
    const text = formatPrefix(prefix);
    putOffence.run(text, count, since, until);
    dropBan.run(text);
  }
  for (const text of forgotten) {
    dropBan.run(text);
    dropOffence.run(text);
  }
  return true;
}

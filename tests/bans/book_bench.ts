/** A ban book over a database in a temporary directory, with a clock that only tests move. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BanBook, type BanBookParts } from "../../engine/bans/ban_book.ts";
import type { BanChange, BanRefusal } from "../../engine/bans/ban_change.ts";
import { BanStore } from "../../engine/bans/ban_store.ts";
import type { Detection } from "../../engine/detect/detection.ts";
import { formatPrefix, parsePrefix, type Prefix } from "../../engine/net/address.ts";
import { PrefixList } from "../../engine/net/prefix_list.ts";
import { Store } from "../../engine/observe/store.ts";

export const SECOND = 1_000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;

/** 2026-01-31T12:00:00Z. */
export const NOON = Date.UTC(2026, 0, 31, 12);

/** A prefix by its text. */
export function prefix(text: string): Prefix {
  const found = parsePrefix(text);
  assert.ok(found, text);
  return found;
}

/** Texts of the prefixes of bans. */
export function texts(bans: readonly { readonly prefix: Prefix }[]): string[] {
  return bans.map((ban) => formatPrefix(ban.prefix));
}

/** The ban that an answer tells of. */
export function banned(answer: BanChange | BanRefusal): BanChange {
  assert.equal(answer.kind, "banned", JSON.stringify(answer));
  return answer as BanChange;
}

/** The refusal that an answer is. */
export function refused(answer: BanChange | BanRefusal): BanRefusal {
  assert.equal(answer.kind, "refused", JSON.stringify(answer));
  return answer as BanRefusal;
}

/** The book; `restart` closes the database and reads it again, as a new process would. */
export class BookBench implements Disposable {
  readonly directory: string;
  readonly path: string;
  now = NOON;
  isProtected = PrefixList.EMPTY;
  store: Store;
  book: BanBook;
  readonly #parts: Partial<BanBookParts>;
  readonly #isOwner: boolean;

  /** @param directory of a database that is there already; whoever made it removes it */
  constructor(parts: Partial<BanBookParts> = {}, directory?: string) {
    this.#isOwner = directory === undefined;
    this.directory = directory ?? Deno.makeTempDirSync({ prefix: "pfw-bans-" });
    this.path = join(this.directory, "firewall.db");
    this.#parts = parts;
    this.store = Store.open(this.path);
    this.book = this.#open();
  }

  #open(): BanBook {
    const book = new BanBook({
      settings: { first: 600, longest: 604_800 },
      isProtected: () => this.isProtected,
      now: () => this.now,
      ...this.#parts,
      store: new BanStore(this.store),
    });
    book.load();
    return book;
  }

  /** A detection of that source now. */
  detection(source: string, fields: Partial<Detection> = {}): Detection {
    return {
      detector: "port_scan",
      source: prefix(source),
      text: "port scan: 24 ports in 1.2 s",
      evidence: { ports: [22, 23, 80], packets: 24 },
      at: this.now,
      isDryRun: false,
      ...fields,
    };
  }

  offend(source: string, fields: Partial<Detection> = {}): BanChange | BanRefusal {
    return this.book.offend(this.detection(source, fields));
  }

  add(text: string | readonly string[], seconds = 3_600, force = false) {
    return this.book.add([text].flat().map(prefix), seconds, "because", force);
  }

  restart(): void {
    this.store.close();
    this.store = Store.open(this.path);
    this.book = this.#open();
  }

  /** What the database holds, read by another connection. */
  stored(): { prefix: string; until: number; offences: number }[] {
    return this.query("SELECT prefix, until, offences FROM bans ORDER BY prefix") as {
      prefix: string;
      until: number;
      offences: number;
    }[];
  }

  query(sql: string): Record<string, unknown>[] {
    const db = new DatabaseSync(this.path, { readOnly: true });
    try {
      return db.prepare(sql).all().map((row) => ({ ...row }));
    } finally {
      db.close();
    }
  }

  [Symbol.dispose](): void {
    this.store.close();
    if (this.#isOwner) Deno.removeSync(this.directory, { recursive: true });
  }
}

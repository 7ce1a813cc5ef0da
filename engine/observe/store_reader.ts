/** Reads the database from another process, whether pfw runs or not. */
import { DatabaseSync } from "node:sqlite";
import { ExitCode, PfwError, systemReason } from "../errors.ts";
import { type BanRow, readBans } from "./ban_rows.ts";
import {
  findAfter,
  findNewest,
  type LogFilter,
  type LogRow,
  readRows,
  searchNewest,
} from "./log_query.ts";
import { APPLICATION_ID, type RowTable, SCHEMA_VERSION } from "./schema.ts";
import { faultOf, faultText, pragma } from "./sqlite.ts";
import { readStats, type StoredStats } from "./stats_query.ts";

/** How long a read waits for a lock, in milliseconds; in WAL mode that is rare. */
const READ_TIMEOUT = 2_000;

/** Rows and sums are the same since that version: after an update, before pfw was started anew. */
const OLDEST_READABLE = 1;

/** A read-only view of the database. Every method throws `PfwError` where reading fails. */
export class StoreReader implements Disposable {
  private constructor(
    readonly path: string,
    private readonly db: DatabaseSync,
    private readonly inode: number | null,
  ) {}

  /**
   * Opens the database; `undefined` where there is none yet.
   *
   * @throws PfwError without permission (exit 4), or where the file is not pfw's or is damaged
   */
  static open(path: string): StoreReader | undefined {
    const inode = fileId(path);
    if (inode === undefined) return undefined;
    const db = reading(path, () => connect(path));
    try {
      const version = reading(path, () => versionOf(db));
      if (version !== undefined && version >= OLDEST_READABLE && version <= SCHEMA_VERSION) {
        return new StoreReader(path, db, inode);
      }
      db.close();
      if (version === undefined) return undefined;
    } catch (error) {
      db.close();
      throw error;
    }
    throw new PfwError(
      `cannot read database ${path}`,
      "it was not written by this version of pfw",
      "pfw start brings it up to date",
    );
  }

  /**
   * Ids of the `limit` rows written last that pass the filter, oldest first.
   *
   * @param progress see `findNewest`
   */
  newest(filter: LogFilter, limit: number, progress?: (part: number) => void): number[] {
    return reading(this.path, () => findNewest(this.db, filter, limit, progress));
  }

  /** As `newest`, while other work goes on between its steps. */
  async newestInSteps(filter: LogFilter, limit: number): Promise<number[]> {
    const steps = reading(this.path, () => searchNewest(this.db, filter, limit));
    for (;;) {
      const { done, value } = reading(this.path, () => steps.next());
      if (done) return value;
      await new Promise((resolve) => setTimeout(resolve));
    }
  }

  /** Ids of rows after `id` that pass the filter, ascending, at most 1,000, and where to go on. */
  after(filter: LogFilter, id: number): { ids: number[]; next: number } {
    return reading(this.path, () => findAfter(this.db, filter, id));
  }

  /** The rows of these ids, in their order. */
  *rows(table: RowTable, ids: readonly number[]): Generator<LogRow> {
    for (let at = 0; at < ids.length; at += 500) {
      yield* reading(this.path, () => readRows(this.db, table, ids.slice(at, at + 500)));
    }
  }

  /** The newest id of a table, 0 when it is empty. */
  lastId(table: RowTable): number {
    const row = reading(
      this.path,
      () => this.db.prepare(`SELECT max(id) AS id FROM ${table}_rows`).get(),
    );
    return Number(row?.id ?? 0);
  }

  /** Sums of everything stored. */
  stats(now: Date = new Date()): StoredStats {
    return reading(this.path, () => readStats(this.db, now));
  }

  /** Rows of bans that end after `now` (milliseconds since 1970), at most `limit`. */
  bans(now: number, limit = 65_536): BanRow[] {
    return reading(this.path, () => hasBans(this.db) ? readBans(this.db, now, limit) : []);
  }

  /** Whether the path still leads to this file; pfw starts a fresh one when one was damaged. */
  isCurrent(): boolean {
    // Not by opening it: a file that is closed takes along every lock that this process has on it
    // (POSIX; sqlite.org/howtocorrupt.html, 2.2), and then pfw ends as if nobody read.
    try {
      return Deno.statSync(this.path).ino === this.inode;
    } catch {
      return false;
    }
  }

  close(): void {
    this.db.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function connect(path: string): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true });
    pragma(db, `busy_timeout = ${READ_TIMEOUT}`);
    db.prepare("SELECT count(*) FROM sqlite_schema").get();
    return db;
  } catch (error) {
    db?.close();
    // Reading in WAL mode needs a file for shared memory, which a directory that we cannot write to
    // does not get. Without a log beside it nobody writes, so the file may be read as it is.
    const isRefused = ["unreadable", "readonly"].includes(faultOf(error));
    if (isRefused) tryToOpen(path);
    if (!isRefused || fileId(`${path}-wal`) !== undefined) throw error;
    const url = `file:${encodeURI(path).replace(/[?#]/g, encodeURIComponent)}?immutable=1`;
    return new DatabaseSync(url, { readOnly: true });
  }
}

/** `undefined` while another process has only just begun to make the file. */
function versionOf(db: DatabaseSync): number | undefined {
  const version = Number(pragma(db, "user_version"));
  const count = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.count;
  if (version === 0 && count === 0) return undefined;
  return pragma(db, "application_id") === APPLICATION_ID ? version : -1;
}

/** Since version 2. */
function hasBans(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'bans'").get() !== undefined;
}

/** Which file the path leads to; `undefined`: none. */
function fileId(path: string): number | null | undefined {
  return looking(path, () => {
    const { ino, isDirectory } = Deno.statSync(path);
    // SQLite would call it an I/O error of the disk.
    if (isDirectory) throw new Deno.errors.IsADirectory("it is a directory");
    return ino;
  });
}

/** Says why a file cannot be opened, which SQLite does not; only for one that it could not open. */
function tryToOpen(path: string): void {
  looking(path, () => Deno.openSync(path, { read: true }).close());
}

function looking<T>(path: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    const what = `cannot read database ${path}`;
    if (error instanceof Deno.errors.PermissionDenied) {
      const next = "run it as the user that started pfw (sudo)";
      throw new PfwError(what, "permission denied", next, ExitCode.missing, { cause: error });
    }
    throw new PfwError(what, systemReason(error), "choose another directory with --data-dir");
  }
}

function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PfwError) throw error;
    const kind = faultOf(error);
    const next = kind === "corrupt"
      ? "pfw moves it aside when it writes to it next"
      : kind === "readonly" || kind === "unreadable"
      ? "run it as the user that started pfw (sudo)"
      : "";
    const why = faultText(kind, error);
    throw new PfwError(`cannot read database ${path}`, why, next, ExitCode.failed, {
      cause: error,
    });
  }
}

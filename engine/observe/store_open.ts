/**
 * Opens the database for writing: makes it where it is missing, brings an older one up to date,
 * moves a damaged or foreign one aside.
 */
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ExitCode, PfwError } from "../errors.ts";
import { isSeen } from "../paths.ts";
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";
import { type FaultKind, faultOf, faultText, pragma, transaction } from "./sqlite.ts";

/** How long opening waits for another program's lock, in milliseconds. */
const OPEN_TIMEOUT = 2_000;

/** How long a write waits: the loop that reads packets stands still meanwhile. */
export const WRITE_TIMEOUT = 25;

/** Files up to this size are checked whole when opened (about 0.1 s). */
const CHECK_SIZE = 32 * 1024 * 1024;

/** A database ready for writing. */
export interface OpenedDatabase {
  readonly db: DatabaseSync;
  /** What people should know, such as that a damaged file was moved aside. */
  readonly notices: readonly string[];
}

/**
 * Opens or makes the database.
 *
 * @param timeout how long to wait for another program's lock, in milliseconds
 * @throws PfwError where that cannot be done: no permission, read-only, locked for 2 s, disk full,
 *   or written by a newer pfw
 */
export function openDatabase(path: string, timeout = OPEN_TIMEOUT): OpenedDatabase {
  makeFile(path);
  try {
    return { db: openOnce(path, timeout), notices: [] };
  } catch (error) {
    if (error instanceof PfwError) throw error;
    const kind = error instanceof ForeignDatabase ? "foreign" : faultOf(error);
    if (kind === "readonly" || kind === "unreadable") requireWritable(path);
    if (kind !== "corrupt" && kind !== "foreign") throw openError(path, kind, error);
    const aside = moveAside(path, kind);
    makeFile(path);
    const why = kind === "foreign" ? "was not made by pfw" : "was damaged";
    const notice = `database ${path} ${why}: moved to ${aside}, started a fresh one`;
    try {
      return { db: openOnce(path, timeout), notices: [notice] };
    } catch (again) {
      throw again instanceof PfwError ? again : openError(path, faultOf(again), again);
    }
  }
}

/** Moves a database and its companions aside; returns where to. */
export function moveAside(path: string, label: string): string {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  let aside = `${path}.${label}-${time}`;
  for (let number = 2; isSeen(aside); number++) aside = `${path}.${label}-${time}-${number}`;
  try {
    Deno.renameSync(path, aside);
    for (const suffix of ["-wal", "-shm"]) {
      if (isSeen(path + suffix)) Deno.renameSync(path + suffix, aside + suffix);
    }
  } catch (error) {
    throw fileError(`cannot move the damaged database ${path} aside`, error);
  }
  return aside;
}

class ForeignDatabase extends Error {}

function openOnce(path: string, timeout: number): DatabaseSync {
  const db = new DatabaseSync(path);
  try {
    pragma(db, `busy_timeout = ${timeout}`);
    migrate(db, path);
    if (pragma(db, "journal_mode = WAL") !== "wal") {
      throw new PfwError(`cannot open database ${path}`, "its file system has no shared memory");
    }
    // Safe in WAL mode against a crash of pfw; a power cut may cost the last transactions only.
    pragma(db, "synchronous = NORMAL");
    pragma(db, "journal_size_limit = 16777216");
    pragma(db, "cache_size = -4096");
    pragma(db, "temp_store = MEMORY");
    if (Deno.statSync(path).size <= CHECK_SIZE && pragma(db, "quick_check(1)") !== "ok") {
      throw new Error("database disk image is malformed");
    }
    pragma(db, `busy_timeout = ${WRITE_TIMEOUT}`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync, path: string): void {
  const versionOf = () => Number(pragma(db, "user_version"));
  if (versionOf() === SCHEMA_VERSION && pragma(db, "application_id") === APPLICATION_ID) return;
  const tables = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
  if (tables?.count === 0) pragma(db, "auto_vacuum = INCREMENTAL");
  transaction(db, () => {
    const version = versionOf();
    const ours = pragma(db, "application_id") === APPLICATION_ID;
    const empty = db.prepare("SELECT count(*) AS count FROM sqlite_schema").get()?.count === 0;
    if (!ours && !empty) throw new ForeignDatabase();
    if (version > SCHEMA_VERSION) {
      throw new PfwError(
        `cannot open database ${path}`,
        `a newer pfw wrote it (schema ${version}, this pfw knows ${SCHEMA_VERSION})`,
        "update pfw, or move the file away",
      );
    }
    for (const step of MIGRATIONS.slice(version)) {
      for (const statement of step) db.prepare(statement).run();
    }
    db.prepare("INSERT OR IGNORE INTO facts VALUES ('since', ?)").run(Date.now());
    pragma(db, `application_id = ${APPLICATION_ID}`);
    pragma(db, `user_version = ${SCHEMA_VERSION}`);
  });
}

/**
 * Rows tell who spoke with whom: directory and file are for their owner alone. A file that is there is
 * not opened: closing it again would give up the locks that SQLite holds on it for this process
 * (sqlite.org/howtocorrupt.html, 2.2).
 */
function makeFile(path: string): void {
  try {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (Deno.statSync(path).isDirectory) throw new Deno.errors.IsADirectory("Is a directory");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw fileError(`cannot open database ${path}`, error);
    }
    makeNew(path);
  }
}

function makeNew(path: string): void {
  try {
    // SQLite gives its companion files the same mode.
    Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
  } catch (error) {
    throw fileError(`cannot open database ${path}`, error);
  }
}

/** Says why a file cannot be written, which SQLite does not; only for one that it could not open. */
function requireWritable(path: string): void {
  try {
    Deno.openSync(path, { read: true, write: true }).close();
  } catch (error) {
    throw fileError(`cannot open database ${path}`, error);
  }
}

function fileError(what: string, error: unknown): PfwError {
  if (error instanceof Deno.errors.PermissionDenied) {
    const next = "run it with sudo, or choose another directory with --data-dir";
    return new PfwError(what, "permission denied", next, ExitCode.missing, { cause: error });
  }
  const text = error instanceof Error ? error.message.replace(/ \(os error \d+\).*/, "") : "";
  const next = "choose another directory with --data-dir";
  return new PfwError(what, text || String(error), next, ExitCode.failed, { cause: error });
}

function openError(path: string, kind: FaultKind, error: unknown): PfwError {
  const next: Record<FaultKind, string> = {
    locked: "end the program that uses it (fuser names it) and try again",
    readonly: "make it writable, or choose another directory with --data-dir",
    full: "make room, or choose another directory with --data-dir",
    corrupt: "move it away and try again",
    unreadable: "check its permissions, or choose another directory with --data-dir",
    failed: "choose another directory with --data-dir",
  };
  const what = `cannot open database ${path}`;
  return new PfwError(what, faultText(kind, error), next[kind], ExitCode.failed, { cause: error });
}

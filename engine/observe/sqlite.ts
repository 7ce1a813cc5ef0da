/** Opening SQLite files, and what SQLite's errors mean for pfw. */
import type { DatabaseSync } from "node:sqlite";

/** What is wrong with a database, as far as pfw treats it differently. */
export type FaultKind = "locked" | "readonly" | "full" | "corrupt" | "unreadable" | "failed";

/** Primary result codes (sqlite.org/rescode.html) and the messages where Deno passes no code. */
const FAULTS: readonly (readonly [FaultKind, readonly number[], RegExp])[] = [
  ["locked", [5, 6], /database (table )?is locked|database schema is locked/],
  ["readonly", [8], /readonly database/],
  ["full", [13], /database or disk is full/],
  ["corrupt", [11, 26], /malformed|file is not a database|corrupt/],
  ["unreadable", [14, 23], /unable to open database|authorization denied/],
];

/** Sorts an error that SQLite threw. */
export function faultOf(error: unknown): FaultKind {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  // The low byte is the primary code, the rest says more.
  const primary = typeof code === "number" ? code & 0xff : -1;
  const message = error instanceof Error ? error.message : String(error);
  for (const [kind, codes, text] of FAULTS) {
    if (codes.includes(primary) || (primary < 0 && text.test(message))) return kind;
  }
  return "failed";
}

/** The cause in words for people. */
export function faultText(kind: FaultKind, error: unknown): string {
  switch (kind) {
    case "locked":
      return "another program holds its lock";
    case "readonly":
      return "it is read-only";
    case "full":
      return "no space left on the disk";
    case "corrupt":
      return "it is damaged or not a database";
    case "unreadable":
      return "it cannot be opened";
    case "failed":
      return error instanceof Error ? error.message : String(error);
  }
}

/** The value of a pragma that answers with one number or text. */
export function pragma(db: DatabaseSync, text: string): number | string | undefined {
  const row = db.prepare(`PRAGMA ${text}`).get();
  return row === undefined ? undefined : Object.values(row)[0] as number | string;
}

/** Runs `work` in one write transaction: all of it happens or nothing. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  // prepare().run() and not exec(): only its errors carry SQLite's result code.
  db.prepare("BEGIN IMMEDIATE").run();
  try {
    const result = work();
    db.prepare("COMMIT").run();
    return result;
  } catch (error) {
    try {
      db.prepare("ROLLBACK").run();
    } catch {
      // SQLite has rolled back by itself (full disk, I/O error); the first error is the one to tell.
    }
    throw error;
  }
}
